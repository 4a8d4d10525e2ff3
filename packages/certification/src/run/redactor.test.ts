import { describe, expect, it } from 'vitest';
import { Redactor } from './redactor.ts';

describe('a redactor', () => {
  const secret = 'p"ss wörd/+';
  const redactor = new Redactor([secret, 'p"ss']);

  it.each([
    ['as it is', secret],
    ['in JSON', JSON.stringify({ key: secret })],
    ['in JSON in JSON', JSON.stringify(JSON.stringify({ key: secret }))],
    ['in a URL', encodeURIComponent(secret)],
    ['in base64', Buffer.from(secret).toString('base64')],
    ['in hex', Buffer.from(secret).toString('hex')],
  ])('finds a secret %s', (_, text) => {
    const clean = redactor.text(`before ${text} after`);
    expect(clean).toContain('[secret]');
    expect(clean).not.toContain('ss w');
    expect(clean).toMatch(/^before .* after$/);
  });

  it.each([
    ['Go', String.raw`p\u003cs\u0026\"ss-wörd`],
    ['Python', String.raw`p<s&\"ss-w\u00f6rd`],
  ])('finds a secret in JSON that %s wrote, and in JSON of that', (_, json) => {
    const other = new Redactor(['p<s&"ss-wörd']);
    expect(other.text(`{"Err":"no ${json}"}`)).toBe('{"Err":"no [secret]"}');
    expect(other.text(JSON.stringify(json))).toBe('"[secret]"');
  });

  it('finds it in keys and values, however deep', () => {
    expect(redactor.redact({ a: [{ [secret]: `x${secret}` }], b: 1, c: undefined })).toEqual({
      a: [{ '[secret]': 'x[secret]' }],
      b: 1,
      c: undefined,
    });
  });
});
