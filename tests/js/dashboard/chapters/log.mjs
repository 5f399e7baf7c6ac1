// The log of a build that talks much: follow and pause, and a wire that breaks in the middle of it.
import { readFile } from 'node:fs/promises';

import { ensure } from '../person.mjs';

/** A build's own script that says `count` lines, `every` milliseconds one. */
const talking = (count, every) => `for (let line = 1; line <= ${count}; line++) {
  console.log('pane ' + line + ' of ${count}' + (line === 21 ? ' is as wide as the wall'.repeat(30) : ''));
  await new Promise((wake) => setTimeout(wake, ${every}));
}`;

/** The scroller with the lines. */
const linesOf = (ada) => ada.page.getByRole('group', { name: ada.words.like('Lines of build {0}. The arrow keys go from line to line.') });

/** Pane 60 or a later one, whichever is in sight: whoever follows sees a line for a second or two. */
const laterPane = (lines) => lines.locator('.log-row:visible').filter({ hasText: /pane ([6-9]\d|[1-5]\d\d) of/ }).first();

/** Pushes what talks, and opens its log. */
async function openTalking(ada, project, text, count, every) {
  await ada.goTo(`/projects/${project}`);
  await ada.ask({ ask: 'push', text, script: talking(count, every) });
  await ada.page.getByRole('banner').locator('a[href^="/builds/"]').click();
  await ada.page.waitForURL('**/builds/*');
  return linesOf(ada);
}

export async function followAndPause(ada, project) {
  const { page } = ada;
  const lines = await openTalking(ada, project, 'A window of many panes', 400, 40);
  await laterPane(lines).waitFor();
  const follow = page.getByRole('button', { name: ada.say('Follow'), exact: true });
  ensure((await follow.getAttribute('aria-pressed')) === 'true', 'a log that runs is not followed');

  // Whoever scrolls back reads on undisturbed, and is told how much is new.
  await lines.hover();
  await page.mouse.wheel(0, -300);
  await page.waitForFunction((name) => [...document.querySelectorAll('button')].find((button) => button.textContent === name)?.ariaPressed === 'false', ada.say('Follow'));
  const at = await lines.evaluate((element) => element.scrollTop);
  await page.waitForTimeout(1_500);
  ensure((await lines.evaluate((element) => element.scrollTop)) === at, 'the view moved while it was paused');
  const fresh = page.locator('.log-new');
  await fresh.waitFor();
  await ada.picture('15-paused');
  await fresh.click();
  await page.waitForFunction((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 40, await lines.elementHandle());
  await ada.link('Visit').waitFor();
  await isWhole(ada, 400);
}

/** A log that has ended, on its page: searched, folded, pointed into and wrapped. */
export async function readBack(ada) {
  const { page } = ada;
  const lines = linesOf(ada);
  const search = page.getByRole('search');
  const field = search.getByRole('textbox');
  await field.fill('pane 7');
  await search.getByText('1 of 11', { exact: true }).waitFor();
  await field.press('Enter');
  await search.getByText('2 of 11', { exact: true }).waitFor();
  await lines.focus();
  await page.keyboard.press('n');
  await search.getByText('3 of 11', { exact: true }).waitFor();
  await page.keyboard.press('N');
  await search.getByText('2 of 11', { exact: true }).waitFor();
  ensure((await lines.locator('.log-hit-now').allInnerTexts()).join() === 'pane 7', 'the match that is counted is not the one that is shown');

  // A step is folded by a click, and by Enter where the arrow keys have led.
  const heading = lines.locator('.log-heading').filter({ hasText: ada.say('Build') });
  const isOpen = (open) => heading.and(page.locator(`[aria-expanded="${open}"]`)).waitFor();
  await page.keyboard.press('Home');
  await heading.click();
  await isOpen(false);
  await page.keyboard.press('Enter');
  await isOpen(true);

  // A line's number makes the address a link to it, with Shift to all from there on.
  await field.fill('pane 20 of');
  const row = (text) => lines.locator('.log-row').filter({ hasText: text });
  await row('pane 20 of').locator('.log-number').click();
  const first = Number(await row('pane 20 of').getAttribute('data-line'));
  await page.waitForURL(`**#L${first}`);
  await row('pane 22 of').locator('.log-number').click({ modifiers: ['Shift'] });
  await page.waitForURL(`**#L${first}-L${first + 2}`);
  await lines.focus();
  await page.keyboard.press('y');
  await page.locator('.toast').getByText(`#L${first}-L${first + 2}`).waitFor();
  await page.waitForURL(/[?&]q=pane(\+|%20)20/);
  await ada.reload();
  await lines.locator('.log-selected').nth(2).waitFor();
  ensure((await lines.locator('.log-selected').allInnerTexts()).every((text) => /pane 2[012] of/.test(text)), 'the link marks other lines than it was made of');
  ensure((await field.inputValue()) === 'pane 20 of', 'the search is not in the address');

  // The wall is folded into the window, and stays so.
  const height = async () => (await row('pane 21 of').boundingBox()).height;
  const wrap = (on) => ada.button('Wrap lines').and(page.locator(`[aria-pressed="${on}"]`));
  const before = await height();
  await wrap(false).click();
  await wrap(true).waitFor();
  await ada.reload();
  await wrap(true).waitFor();
  await row('pane 21 of').waitFor();
  ensure((await height()) > 2 * before, 'a line that is wider than the window is not wrapped');
  ensure(await lines.evaluate((scroller) => scroller.scrollWidth <= scroller.clientWidth), 'what is wrapped scrolls sideways');
  await ada.look('a wrapped log with lines that a link names');
  await page.keyboard.press('w');
  await wrap(false).waitFor();
}

export async function brokenWire(ada, project) {
  const { page } = ada;
  const lines = await openTalking(ada, project, 'A window in the storm', 600, 40);
  await laterPane(lines).waitFor();
  await ada.browser.expecting(/net::ERR_|WebSocket connection/, async () => {
    await ada.ask({ ask: 'cut' });
    await ada.text('Not connected.').waitFor();
    ensure(await ada.button('Cancel').isDisabled(), 'something can be done while nothing can be reached');
    await ada.picture('16-not-connected');
    await page.waitForTimeout(1_500);
    await ada.ask({ ask: 'mend' });
    const isBack = ada.text('Not connected.').waitFor({ state: 'hidden' });
    // Its own next try may come just before.
    await Promise.any([ada.button('Try now').click({ timeout: 5_000 }), isBack]);
    await isBack;
  });
  await ada.link('Visit').waitFor();
  await isWhole(ada, 600);
}

/** A page whose code was not loaded yet, gone to without a connection, is there when the connection is. */
export async function pageToCome(ada, project) {
  const { page } = ada;
  await ada.goTo(`/projects/${project}`);
  await ada.settled();
  await page.evaluate(() => { window.isNotReloaded = true; });
  await ada.browser.expecting(/net::ERR_|WebSocket connection/, async () => {
    // Its menu is open before; of the page itself this browser has seen nothing yet.
    await ada.button('Account of {0}', { 0: 'ada' }).click();
    const system = page.getByRole('menuitem', { name: ada.say('System'), exact: true });
    await system.waitFor();
    await ada.ask({ ask: 'cut' });
    await system.click();
    await ada.text('Not connected.').waitFor();
    await ada.ask({ ask: 'mend' });
    await ada.panel('This Berth').waitFor();
  });
  ensure(await page.evaluate(() => window.isNotReloaded), 'the page was loaded again');
}

/** What is shown of a log, and what the server gives of it as a file, is what its build said: no line is lost, none is there twice. */
async function isWhole(ada, count) {
  const { page } = ada;
  const lines = linesOf(ada);
  let shown = [];
  // The last lines may come after the site is live, and the step folds when it has passed, where nobody opened it.
  for (let attempt = 0; attempt < 60 && shown.length < count; attempt += 1) {
    if (attempt > 0) await page.waitForTimeout(500);
    await lines.focus();
    await page.keyboard.press('Home');
    const heading = lines.locator('.log-heading:visible').filter({ hasText: ada.say('Build') });
    if ((await heading.getAttribute('aria-expanded')) === 'false') await heading.click();
    shown = await panesShown(lines);
  }
  // What the build says on its other stream may stand between two of them.
  const wrong = shown.findIndex(([, pane], index) => pane !== index + 1);
  ensure(wrong < 0, `pane ${shown[wrong]?.[1]} is shown as line ${shown[wrong]?.[0]}, after pane ${shown[wrong - 1]?.[1]} as line ${shown[wrong - 1]?.[0]}`);
  ensure(shown.length === count, `of ${count} panes ${shown.length} are shown`);

  const downloading = page.waitForEvent('download');
  await ada.button('Download the log').click();
  const file = await readFile(await (await downloading).path(), 'utf8');
  const kept = [...file.matchAll(/^pane (\d+) of/gm)].map(([, pane]) => Number(pane));
  ensure(kept.length === count && kept.every((pane, index) => pane === index + 1), `the file has ${kept.length} of ${count} panes`);
}

/** Goes through the log from its first row to its last; the number of each line that is a pane, and which one. */
function panesShown(lines) {
  return lines.evaluate(async (scroller) => {
    const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const seen = new Map();
    for (let top = 0; ; top += scroller.clientHeight / 2) {
      scroller.scrollTop = top;
      await drawn();
      for (const row of scroller.querySelectorAll('[data-line]:not([hidden])')) {
        const pane = /^pane (\d+) of/.exec(row.querySelector('.log-text').textContent)?.[1];
        if (pane) seen.set(Number(row.dataset.line), Number(pane));
      }
      if (top + scroller.clientHeight >= scroller.scrollHeight) return [...seen].sort(([one], [other]) => one - other);
    }
  });
}
