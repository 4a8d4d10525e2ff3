// Runs in the page, as the text of an expression: what a person with this screen would stumble over.
(() => {
  const colorOf = (text) => {
    const [r = 0, g = 0, b = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return { r, g, b, alpha };
  };
  const over = (top, below) => {
    const mix = (key) => top[key] * top.alpha + below[key] * (1 - top.alpha);
    return { r: mix('r'), g: mix('g'), b: mix('b'), alpha: 1 };
  };
  /** Of WCAG 2: relative luminance. */
  const luminance = ({ r, g, b }) => {
    const [red, green, blue] = [r, g, b]
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const backgroundOf = (element) => {
    const layers = [];
    for (let at = element; at !== null; at = at.parentElement)
      layers.push(colorOf(getComputedStyle(at).backgroundColor));
    return layers.reduceRight((below, layer) => over(layer, below), { r: 255, g: 255, b: 255, alpha: 1 });
  };
  const nameOf = (element) => `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''}`;
  const elements = [...document.body.querySelectorAll('*')];
  const withText = elements.filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== ''),
  );
  const visible = withText.filter((element) => element.checkVisibility() && element.closest('svg') === null);
  const contrasts = visible.map((element) => {
    const background = backgroundOf(element);
    const [a, b] = [over(colorOf(getComputedStyle(element).color), background), background].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return { element: nameOf(element), ratio: Math.round(ratio * 100) / 100 };
  });
  const headings = elements.filter(({ tagName }) => /^H[1-6]$/.test(tagName)).map(({ tagName }) => Number(tagName[1]));
  return {
    textCount: visible.length,
    pale: contrasts.filter(({ ratio }) => ratio < 4.5),
    /** Outside of what can be seen; the link that skips is there when it has the focus. */
    outside: elements
      .filter((element) => element.checkVisibility() && element.closest('svg') === null)
      .filter((element) => {
        const { left, right, bottom } = element.getBoundingClientRect();
        return left < 0 || right > innerWidth + 0.5 || bottom + scrollY < 0;
      })
      .map(nameOf)
      .filter((name) => name !== 'a.skip-link'),
    scrollWidth: document.documentElement.scrollWidth,
    width: innerWidth,
    isDark: luminance(backgroundOf(document.body)) < 0.2,
    /** Headings that are more than one level below the one before. */
    skippedHeadings: headings.filter((level, index) => level > (headings[index - 1] ?? 0) + 1).length,
  };
})();
