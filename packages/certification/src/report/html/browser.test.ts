import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aHostileRun, type HostileRun } from '../../testing/hostile-run.ts';

/** A phone's. */
const SCREEN = { width: 360, height: 740 };
const TAB_COUNT_MAX = 200;

interface PageFacts {
  readonly textCount: number;
  readonly pale: readonly unknown[];
  readonly outside: readonly string[];
  readonly scrollWidth: number;
  readonly width: number;
  readonly isDark: boolean;
  readonly skippedHeadings: number;
}

describe('report.html on a phone, without scripts', { tags: ['browser'] }, () => {
  let run: HostileRun;
  let browser: Browser;
  let url: string;
  let pageFacts: string;

  beforeAll(async () => {
    pageFacts = await readFile(join(import.meta.dirname, '../../testing/page-facts.js'), 'utf8');
    run = await aHostileRun();
    url = pathToFileURL(join(run.directory, 'report.html')).href;
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        '--no-sandbox', // root has none
        '--disable-gpu',
        '--no-first-run',
        // What the browser itself would ask the network for.
        '--disable-quic',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await run?.[Symbol.asyncDispose]();
  });

  describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
    let page: Page;
    let complaints: string[];
    let requests: string[];

    beforeEach(async () => {
      [complaints, requests] = [[], []];
      page = await browser.newPage({ viewport: SCREEN, colorScheme, javaScriptEnabled: false });
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('request', (request) => requests.push(request.url()));
      await page.goto(url);
    });
    afterEach(async () => await page.close());

    const factsOf = async (): Promise<PageFacts> => await page.evaluate<PageFacts>(pageFacts);

    it('fits the screen, can be read and asks for nothing, as it opens and with everything open', async () => {
      const closed = await factsOf();
      await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`);
      const open = await factsOf();
      expect(open.textCount).toBeGreaterThan(closed.textCount + 50);
      for (const facts of [closed, open]) {
        expect(facts).toMatchObject({ pale: [], outside: [], width: SCREEN.width, skippedHeadings: 0 });
        expect(facts.scrollWidth).toBe(SCREEN.width);
        expect(facts.isDark).toBe(colorScheme === 'dark');
      }
      expect(complaints).toEqual([]);
      expect(requests).toEqual([url]);
    });

    it('can be read with the keyboard: past the links to each check, which opens and closes', async () => {
      const focused: string[] = [];
      for (let count = 0; count < TAB_COUNT_MAX; count++) {
        await page.keyboard.press('Tab');
        const { what, outline } = await page.evaluate<{ what: string; outline: string }>(`(() => {
          const { parentElement, className, tagName } = document.activeElement;
          const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
          return { what: tagName === 'SUMMARY' ? parentElement.id : className || tagName, outline: outlineStyle + ' ' + outlineWidth };
        })()`);
        if (what === 'BODY') break;
        expect(outline, what).toBe('solid 3px');
        focused.push(what);
      }
      expect(focused[0]).toBe('skip-link');
      const ran = run.result.checks.filter(({ status }) => status !== 'skip' && status !== 'disabled');
      expect(focused.filter((what) => what.startsWith('check-'))).toEqual(ran.map(({ id }) => `check-${id}`));

      const check = page.locator('#check-X-002');
      await check.locator('> summary').focus();
      expect(await check.getByText('Run it alone').isVisible()).toBe(false);
      await page.keyboard.press('Enter');
      expect(await check.getByText('Run it alone').isVisible()).toBe(true);
      await page.keyboard.press('Enter');
      expect(await check.getByText('Run it alone').isVisible()).toBe(false);
    });

    it('skips to the checks, and has the landmarks of a page', async () => {
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(page.url()).toBe(`${url}#checks`);
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.parentElement.id')).toBe('check-X-001');
      for (const role of ['banner', 'navigation', 'main', 'contentinfo'] as const) {
        expect(await page.getByRole(role).count(), role).toBe(1);
      }
    });

    it('shows what a driver says as text', async () => {
      expect(await page.locator('script, img').count()).toBe(0);
      expect(await page.locator('h1').innerText()).toContain(`</style></pre></title><script>alert('x')</script>`);
    });

    it('is printed with every check open', async () => {
      const body = page.locator('#check-X-002').getByText('Run it alone');
      expect(await body.isVisible()).toBe(false);
      await page.emulateMedia({ media: 'print' });
      expect(await body.isVisible()).toBe(true);
    });
  });
});
