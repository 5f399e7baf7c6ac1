// Somebody at a page of the dashboard, in their language: finds things by their role and the words of the catalogue.
import { request } from '../../../scripts/run/client.mjs';
import { arrives } from '../visit.mjs';
import { tooWide, violationsInDresses } from './checks.mjs';

/** How long a page may take until it asks for nothing any more. */
const QUIET_MS = 10_000;

export class Person {
  /** What is wrong with what they looked at closely, in a line each. */
  found = { violations: [], wide: [] };

  constructor(browser, page, ask) {
    Object.assign(this, { browser, page, ask, words: page.words });
  }

  /** What the dashboard says for an English message. */
  say(message, values) {
    return this.words.say(message, values);
  }

  button(message, values, within = this.page) {
    return within.getByRole('button', { name: this.words.like(message, values) }).first();
  }

  link(message, values, within = this.page) {
    return within.getByRole('link', { name: this.words.like(message, values) }).first();
  }

  field(message, within = this.page) {
    return within.getByLabel(this.say(message), { exact: true });
  }

  region(message, values) {
    return this.page.getByRole('region', { name: this.words.like(message, values) });
  }

  /** A framed part of the page, by its heading. */
  panel(message) {
    return this.page.locator('section').filter({ has: this.page.getByRole('heading', { name: this.say(message), exact: true }) });
  }

  text(message, values, within = this.page) {
    return within.getByText(this.words.like(message, values)).first();
  }

  /** Opens a menu and chooses from it. */
  async choose(menu, values, item) {
    await this.button(menu, values).click();
    await this.page.getByRole('menuitem', { name: this.say(item), exact: true }).click();
  }

  /** Presses a key until what it does is there: a page is drawn a moment before it hears keys. */
  async press(key, effect) {
    for (let attempts = 1; ; attempts += 1) {
      await this.page.keyboard.press(key);
      const comes = await effect.waitFor({ timeout: 3_000 }).then(() => true, () => false);
      if (comes) return;
      if (attempts === 20) throw new Error(`pressing ${key} does nothing`);
    }
  }

  /** Answers the question that stands over the page with its verb. */
  async agree(verb) {
    const question = this.page.getByRole('alertdialog');
    await this.button(verb, {}, question).click();
    await question.waitFor({ state: 'detached' });
  }

  /** Goes to an address of the dashboard as if it had been typed. */
  goTo(path) {
    return this.browser.visit(this.page, path);
  }

  /** Loads the page anew: to go to its own address would load nothing if that names lines. */
  async reload() {
    const address = this.page.url();
    await this.page.goto('about:blank');
    await this.goTo(address);
  }

  /** Another tab of theirs, at an address of the dashboard. */
  async tab(path) {
    const tab = new Person(this.browser, await this.browser.tab(this.page), this.ask);
    tab.found = this.found;
    await tab.goTo(path);
    return tab;
  }

  /**
   * Asks the API with the page's session, and not through Chromium, which drops what is on its way whenever a network of Docker
   * comes or goes: nobody could tell whether a change had arrived.
   */
  async send(method, path, body) {
    const { origin, host, port } = new URL(this.page.url());
    const cookie = (await this.page.context().cookies(origin)).map(({ name, value }) => `${name}=${value}`).join('; ');
    // Names under .localhost lead there, which not every resolver knows.
    const answer = await request({ host: '127.0.0.1', port }, {
      host, method, path, headers: { origin, cookie, 'content-type': 'application/json' }, body: body && JSON.stringify(body),
    });
    const text = answer.body.toString('utf8');
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** Looks closely at the page as it stands, with whatever lies over it: `what` says which state that is. */
  async look(what) {
    const named = (line) => (what ? `${what}: ${line}` : line);
    this.found.violations.push(...(await violationsInDresses(this.page)).map(named));
    this.found.wide.push(...(await tooWide(this.page)).map(named));
  }

  /** Waits until what the page asked for is there. A page whose live connection has to poll is never quiet, and then drawn at least. */
  async settled() {
    await this.page.waitForLoadState('networkidle', { timeout: QUIET_MS }).catch((error) => {
      if (error.name !== 'TimeoutError') throw error;
    });
  }

  /** What a visitor of the site at `url` reads, as soon as it is `text`. */
  async visitorReads(url, text) {
    const visitor = await this.page.context().newPage();
    try {
      for (let attempt = 0; attempt < 50; attempt += 1) {
        if (!(await arrives(visitor, url))) continue;
        const heading = visitor.getByRole('heading', { name: text, exact: true });
        if (await heading.waitFor({ timeout: 500 }).then(() => true, () => false)) return;
      }
      throw new Error(`visitors of ${url} should read ${JSON.stringify(text)}, and read ${JSON.stringify(await visitor.locator('body').innerText())}`);
    } finally {
      await visitor.close();
    }
  }

  picture(name) {
    return this.browser.picture(this.page, `story-${this.words.locale}-${name}`);
  }
}

export function ensure(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}
