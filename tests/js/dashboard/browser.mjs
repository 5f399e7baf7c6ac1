// A person's browser: pages in a language, a theme and a size, whose complaints are kept.
import { chromium } from 'playwright-core';

import { isNetworkChange, visit } from '../visit.mjs';
import { Words } from './words.mjs';

export const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];

/** How long anything may take that contains a build, on a busy machine. */
const PATIENCE = 90_000;

export class Browser {
  #chromium;
  #screenshots;
  #pages = [];
  /** What the browser complained of, on any page. */
  complaints = [];

  static async launch(executablePath, { origin, screenshots }) {
    const browser = new Browser();
    browser.#chromium = await chromium.launch({ executablePath, args: FLAGS });
    browser.#screenshots = screenshots;
    browser.origin = origin;
    return browser;
  }

  /** A new profile with one page. `expected` says which failed requests (method and path) the story itself causes. */
  async open({ locale = 'en', theme = 'light', width = 1440, height = 900, expected = [] } = {}) {
    const context = await this.#chromium.newContext({ viewport: { width, height }, locale, colorScheme: theme, acceptDownloads: true });
    return this.#watch(await context.newPage(), locale, expected);
  }

  /** Another tab beside a page: the same profile and language. */
  async tab(page) {
    return this.#watch(await page.context().newPage(), page.words.locale, []);
  }

  #watch(page, locale, expected) {
    page.setDefaultTimeout(PATIENCE);
    page.words = new Words(locale);
    page.on('pageerror', (error) => this.complaints.push(`${error.stack ?? error}`));
    page.on('console', (message) => {
      const { url } = message.location();
      if (message.type() !== 'error' || isNetworkChange(message) || isExpected(url, this.origin, expected)) return;
      this.complaints.push(`${message.text()} at ${url}`);
    });
    this.#pages.push(page);
    return page;
  }

  /** Goes to a page of the dashboard, and again where Chromium dropped its scripts. */
  async visit(page, path) {
    await visit(page, new URL(path, this.origin).href);
  }

  /** Does what makes requests fail on purpose: what the browser says of those is no complaint. */
  async expecting(failures, story) {
    const before = this.complaints.length;
    const result = await story();
    this.complaints.push(...this.complaints.splice(before).filter((complaint) => !failures.test(complaint)));
    return result;
  }

  picture(page, name) {
    return page.screenshot({ path: `${this.#screenshots}/${name}.png`, fullPage: true });
  }

  /** What is to be seen everywhere, for whoever looks for why something is not. */
  async describe(name) {
    const seen = this.#pages.map(async (page, number) => {
      await this.picture(page, `${name}-failed-${number}`).catch(() => {});
      return `${page.url()}: ${await page.locator('body').innerText().catch(() => 'gone')}`;
    });
    return [...(await Promise.all(seen)), ...this.complaints].join('\n');
  }

  close() {
    return this.#chromium.close();
  }
}

/** Asking who is signed in is answered 401 before anybody is, and sites have no icon: the browser reports both. */
function isExpected(url, origin, expected) {
  const { origin: from, pathname } = new URL(url || 'about:blank');
  return pathname === '/favicon.ico' ? from !== origin : ['/api/v1/me', ...expected].some((path) => pathname.endsWith(path));
}
