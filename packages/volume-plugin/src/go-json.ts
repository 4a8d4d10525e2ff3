/** JSON as Go's encoding/json reads and writes it: the plugin protocol was shaped by it. */

/** The text is not JSON; the message is in the words of Go's decoder. */
export class GoJsonError extends Error {
  override readonly name = 'GoJsonError';
}

/**
 * The first JSON value in `text`; what follows it is ignored, as a streaming decoder does.
 * @throws GoJsonError `EOF` for nothing at all, `unexpected EOF` for half a value, `invalid character ...` otherwise
 */
export function parseFirstJson(text: string): unknown {
  const start = text.search(/[^ \t\r\n]/);
  if (start === -1) throw new GoJsonError('EOF');
  const first = text.charAt(start);
  if (!/[[{"\-0-9tfn]/.test(first)) {
    throw new GoJsonError(`invalid character ${goQuoted(first)} looking for beginning of value`);
  }
  const end = endOfValue(text, start);
  try {
    return JSON.parse(text.slice(start, end ?? text.length));
  } catch (error) {
    if (end === undefined) throw new GoJsonError('unexpected EOF');
    throw new GoJsonError(`invalid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Index after the value that begins at `start`, or undefined when the text ends inside it. */
function endOfValue(text: string, start: number): number | undefined {
  if (!/[[{"]/.test(text.charAt(start))) {
    const scalar = /[-+.0-9A-Za-z]+/y;
    scalar.lastIndex = start;
    scalar.test(text);
    return scalar.lastIndex;
  }
  let depth = 0;
  let inString = false;
  for (let index = start; index < text.length; index++) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    if (depth === 0 && !inString) return index + 1;
  }
  return undefined;
}

/** JSON with Go's escapes (`<`, `>`, `&`, U+2028 and U+2029 become `\u....`), no spaces unless `indent` is given. */
export function toGoJson(value: unknown, indent?: string): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function goQuoted(character: string): string {
  return character === "'" ? "'\\''" : `'${character}'`;
}
