import { expect, it } from 'vitest';
import { createLog } from './log.ts';

it.each([
  [false, '10:04:05 Update kind=writer detail="no\\nspace"\n10:04:05 Subscribed\n'],
  [
    true,
    '{"time":"2026-01-02T10:04:05.000Z","message":"Update","kind":"writer","detail":"no\\nspace"}\n' +
      '{"time":"2026-01-02T10:04:05.000Z","message":"Subscribed"}\n',
  ],
])('a log writes lines for people, or as JSON: %s', (isJson, expected) => {
  let text = '';
  const log = createLog(
    isJson,
    (line) => (text += line),
    () => new Date('2026-01-02T10:04:05Z'),
  );
  log({ message: 'Update', fields: { kind: 'writer', detail: 'no\nspace', reason: undefined } });
  log({ message: 'Subscribed' });
  expect(text).toBe(expected);
});
