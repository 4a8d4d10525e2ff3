/** HTML as values: whatever is put into a template is escaped, unless it was made by a template itself. */

/** Text that is HTML. */
export class Html {
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  /** Text of this package that is HTML already. Never give it what came from a driver, a manifest or the machine. */
  static trusted(text: string): Html {
    return new Html(text);
  }
}

export type HtmlPart = Html | string | number | undefined | readonly HtmlPart[];

/** A template; attributes are written in double quotes. Texts are escaped, lists joined, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  const [first = '', ...rest] = strings;
  return Html.trusted(first + rest.map((text, index) => `${textOf(parts[index])}${text}`).join(''));
}

function textOf(part: HtmlPart): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escapeHtml(part);
  return part.map(textOf).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Also shows, as `\u{202e}`, what a reader cannot see and what would turn the text around it. */
export function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
    .replaceAll(
      // oxlint-disable-next-line no-control-regex -- these are what is to be seen
      /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFFE\uFFFF]/g,
      (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
    );
}
