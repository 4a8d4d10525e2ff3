import { describe, expect, it } from 'vitest';
import { Html, html } from './html.ts';

describe('a template of HTML', () => {
  it('escapes texts, in attributes too, and takes what is HTML as it is', () => {
    const text = `<a href="x">'&'</a>`;
    const inner = html`<b title="${text}">${text}</b>`;
    const escaped = '&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;';
    expect(html`<p>${inner}</p>`.text).toBe(`<p><b title="${escaped}">${escaped}</b></p>`);
    expect(html`${Html.trusted('<br>')}`.text).toBe('<br>');
  });

  it('joins lists, writes numbers, and nothing for undefined', () => {
    expect(html`<i>${[1, 'a<', undefined, [html`<br />`]]}</i>`.text.replaceAll(' />', '>')).toBe('<i>1a&lt;<br></i>');
  });

  it.each([
    ['a\u0000b', 'a\\u{0}b'],
    ['a\u001B[31m', 'a\\u{1b}[31m'],
    ['user\u202Egnp.exe', 'user\\u{202e}gnp.exe'],
    ['zero\u200Bwidth', 'zero\\u{200b}width'],
    ['\uD800', '\uFFFD'],
    ['tab\tand\nline', 'tab\tand\nline'],
  ])('shows what nobody would see: %j', (text, shown) => {
    expect(html`${text}`.text).toBe(shown);
  });
});
