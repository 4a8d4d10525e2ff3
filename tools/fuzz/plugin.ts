/** The reader of plugin answers, in this process: whatever a plugin sends, a value comes out or a named error. */
import { GoJsonError, parseFirstJson } from '@drydock/volume-plugin';
import fc from 'fast-check';
import { defineFuzzTarget, type FuzzTarget } from '../fuzz-frame.ts';

const jsonLike = fc
  .array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '\\',
      'null',
      'true',
      '0',
      '-1.5e9',
      ' ',
      '\uFEFF',
      '{"Name":"v"}',
    ),
    {
      maxLength: 60,
    },
  )
  .map((parts) => parts.join(''));

export const target: FuzzTarget = defineFuzzTarget<string>({
  about: "the volume plugin protocol: garbage in plugins' answers",
  inputs: fc.oneof(jsonLike, fc.json(), fc.string({ unit: 'binary' })),
  start: async () =>
    await Promise.resolve({
      async feed(text) {
        try {
          return await Promise.resolve(`JSON: ${typeof parseFirstJson(text)}`);
        } catch (error) {
          if (error instanceof GoJsonError) return 'GoJsonError';
          throw error;
        }
      },
      [Symbol.asyncDispose]: async () => await Promise.resolve(),
    }),
});
