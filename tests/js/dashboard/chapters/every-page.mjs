// Every page of the world that the story made: axe, the keyboard, the narrowest window. What opens over a page is looked at, too.
import { keyboardProblems } from '../checks.mjs';
import { ensure, Person } from '../person.mjs';

/** All that a page keeps: settings of this browser, and for this tab where its pages were scrolled to and when it was loaded anew. */
const KEPT = /^(locale|log-wrap|single-keys|theme|tsr-scroll-restoration.*|reloaded-for-a-piece)$/;

export async function everyPage(ada, project) {
  const { page } = ada;
  const keyboard = [];

  // First, because the walk through a page ends outside of it.
  await ada.goTo(`/projects/${project}`);
  await ada.settled();
  for (const [what, role, open] of overlays(ada)) {
    await open();
    const overlay = page.getByRole(role);
    await overlay.waitFor();
    const takesFocus = page.waitForFunction((role) => document.activeElement.closest(`[role="${role}"]`) !== null, role);
    if (!(await takesFocus.then(() => true, () => false))) keyboard.push(`${what} does not take the focus`);
    await ada.look(what);
    await page.keyboard.press('Escape');
    await overlay.waitFor({ state: 'detached' });
  }

  for (const path of await pathsOf(ada, project)) {
    await ada.goTo(path);
    await ada.settled();
    await ada.look();
    keyboard.push(...(await keyboardProblems(page)));
  }

  // The way in, for somebody else.
  const stranger = new Person(ada.browser, await ada.browser.open({ locale: ada.words.locale, expected: ['/invitations/look'] }));
  for (const path of ['/login', '/invite/no-such-link']) {
    await stranger.goTo(path);
    await stranger.look();
    keyboard.push(...(await keyboardProblems(stranger.page)));
  }
  await stranger.page.context().close();

  // What a script could read is nobody's secret: the session is in a cookie that none can.
  const readable = await page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie].filter(Boolean));
  ensure(readable.every((name) => KEPT.test(name)), `scripts can read ${readable}`);
  const cookies = await page.context().cookies(ada.browser.origin);
  ensure(cookies.length > 0 && cookies.every(({ httpOnly }) => httpOnly), `scripts can read a cookie of ${cookies.map(({ name }) => name)}`);
  return { keyboard, violations: [...ada.found.violations, ...stranger.found.violations], wide: [...ada.found.wide, ...stranger.found.wide] };
}

/** The addresses of all pages that an administrator has. */
export async function pathsOf(ada, project) {
  const projects = await ada.send('GET', '/api/v1/projects');
  const { id } = projects.find((each) => each.name === project);
  const builds = await ada.send('GET', `/api/v1/projects/${id}/builds`);
  const failed = builds.find(({ status }) => status === 'failed');
  return [
    '/',
    '/new',
    `/projects/${project}`,
    `/projects/${project}/builds`,
    ...['build', 'secrets', 'access', 'webhook', 'limits', 'delete'].map((section) => `/projects/${project}/settings/${section}`),
    ...(failed ? [`/builds/${failed.id}`] : []),
    `/builds/${builds.at(-1).id}`,
    '/account',
    '/users',
    '/audit',
    '/system',
    '/no/such/page',
  ];
}

/** On the page of a project: the palette by its key, the help, a menu of the bar and one of the page, questions. */
function overlays(ada) {
  return [
    ['the palette', 'dialog', () => ada.press('ControlOrMeta+k', ada.page.getByRole('dialog'))],
    ['the keys', 'dialog', () => ada.press('?', ada.page.getByRole('dialog'))],
    ['the account’s menu', 'menu', () => ada.button('Account of {0}', { 0: 'ada' }).click()],
    ['the menu of a build', 'menu', () => ada.button('What to do about build {0}').click()],
    ['a question', 'alertdialog', () => ada.button('Roll back to <0>{0}</0>…').click()],
    ['a question about a build', 'alertdialog', () => ada.choose('What to do about build {0}', {}, 'Rebuild…')],
  ];
}
