// What holds on every page: axe finds nothing, the keyboard gets everywhere and out again, nothing is wider than the window.
import { AxeBuilder } from '@axe-core/playwright';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** The narrowest window that WCAG knows (1.4.10). */
const NARROWEST = 320;

/** What axe finds on the page as it is, in a line each. */
export async function violations(page) {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const where = new URL(page.url()).pathname;
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${where}: ${id} (${help}): ${target.join(' ')}: ${failureSummary?.split('\n').slice(1, 3).join('; ')}`));
}

/** The two dresses that the story of a language looks at every page in; the two stories together look at all four. */
const DRESSES = {
  en: [['light', 1440], ['dark', 360]],
  ar: [['dark', 1440], ['light', 360]],
  nl: [['light', NARROWEST]],
};

/** A window in which nothing is scrolled: axe takes what it has scrolled out of sight for covered. */
const TALL = 4000;

/** What axe finds in the dresses of the page's language; goes back to how it was. */
export async function violationsInDresses(page) {
  const size = page.viewportSize();
  const worn = await page.evaluate(() => document.documentElement.dataset.theme);
  const found = [];
  for (const [theme, width] of DRESSES[page.words.locale]) {
    await page.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, theme);
    await page.setViewportSize({ width, height: TALL });
    // Whoever walked out of the page before comes in again at its first link, which covers the bar while it has the focus.
    // What was scrolled is drawn anew before axe looks at what lies over what.
    await page.evaluate(() => {
      document.activeElement?.blur();
      scrollTo(0, 0);
      return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    });
    found.push(...(await violations(page)).map((line) => `${theme} ${width}: ${line}`));
  }
  await page.setViewportSize(size);
  await page.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, worn);
  return found;
}

/** How long a menu may take to follow what it hangs on, on a busy machine. */
const FITS_WITHIN = 10_000;

/** Whether the page fits the narrowest window, without scrolling sideways; what sticks out where it does not. */
export async function tooWide(page) {
  const size = page.viewportSize();
  await page.setViewportSize({ width: NARROWEST, height: 700 });
  const deadline = Date.now() + FITS_WITHIN;
  let found = await sticksOut(page);
  while (found.length > 0 && Date.now() < deadline) {
    await page.waitForTimeout(100);
    found = await sticksOut(page);
  }
  await page.setViewportSize(size);
  return found;
}

function sticksOut(page) {
  return page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    const outside = (element) => {
      const { left, right } = element.getBoundingClientRect();
      return right > clientWidth + 1 || left < -1;
    };
    // What lies over the page makes it no wider, and can be cut off or scroll by itself.
    const overlays = [...document.querySelectorAll('[role="dialog"], [role="alertdialog"], [role="menu"], .toast')];
    const cut = overlays.filter((element) => outside(element) || element.scrollWidth > element.clientWidth + 1);
    const guilty = scrollWidth <= clientWidth ? cut : [...document.body.querySelectorAll('*')].filter(outside);
    return guilty.slice(-3).map((element) => `${location.pathname}: <${element.tagName.toLowerCase()} class="${element.className}"> sticks out`);
  });
}

/** Presses Tab until the focus has been everywhere; what it cannot leave, and what shows no sign of it. */
export async function keyboardProblems(page) {
  await page.evaluate(() => document.activeElement?.blur?.());
  const problems = [];
  const seen = new Set();
  let last;
  let stays = 0;
  for (let presses = 0; presses < 250; presses += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return undefined;
      element.dataset.walked ??= String(document.querySelectorAll('[data-walked]').length);
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const around = element.closest('.input') ?? element;
      const shown = outlineStyle !== 'none' && outlineWidth !== '0px' || boxShadow !== 'none' || getComputedStyle(around).outlineStyle !== 'none';
      // The browser's own field for a date is several: day, month, year, calendar.
      const within = element.type === 'date' ? 4 : 1;
      return { walked: element.dataset.walked, within, shown, what: `${location.pathname}: ${element.outerHTML.slice(0, 120)}` };
    });
    // Out of the page, the browser's own controls are next; but every page has something to come to.
    if (at === undefined) return seen.size > 0 ? problems : [`${new URL(page.url()).pathname}: the focus gets nowhere`];
    stays = at.walked === last ? stays + 1 : 0;
    if (stays >= at.within) return [...problems, `the focus cannot leave ${at.what}`];
    if (stays > 0) continue;
    if (seen.has(at.walked)) return problems; // round
    if (!at.shown) problems.push(`the focus cannot be seen on ${at.what}`);
    seen.add((last = at.walked));
  }
  return [...problems, `${new URL(page.url()).pathname}: the focus gets nowhere within 250 presses`];
}
