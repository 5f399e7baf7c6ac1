// Every page of the world that the story made: axe, the keyboard, the narrowest window. Dialogs are pages too.
import { keyboardProblems, tooWide, violations, violationsInDresses } from '../checks.mjs';

export async function everyPage(ada, project) {
  const { page } = ada;
  const found = { violations: [], keyboard: [], wide: [] };

  // What opens over a page: the palette by its key, the help, a question. First, because the walk through a page ends outside of it.
  await ada.goTo(`/projects/${project}`);
  await ada.settled();
  for (const [what, open] of overlays(ada)) {
    await open();
    const overlay = page.getByRole('dialog').or(page.getByRole('alertdialog')).first();
    await overlay.waitFor();
    found.violations.push(...(await violations(page)).map((line) => `${what}: ${line}`));
    const holdsFocus = await page.evaluate(() => document.activeElement.closest('[role="dialog"], [role="alertdialog"]') !== null);
    if (!holdsFocus) found.keyboard.push(`${what} does not take the focus`);
    await page.keyboard.press('Escape');
    await overlay.waitFor({ state: 'detached' });
  }

  for (const path of await pathsOf(page, project)) {
    await ada.goTo(path);
    await ada.settled();
    found.violations.push(...(await violationsInDresses(page)));
    found.wide.push(...(await tooWide(page)));
    found.keyboard.push(...(await keyboardProblems(page)));
  }

  // The way in, for somebody else.
  const stranger = await ada.browser.open({ locale: ada.words.locale, expected: ['/invitations/look'] });
  for (const path of ['/login', '/invite/no-such-link']) {
    await ada.browser.visit(stranger, path);
    found.violations.push(...(await violationsInDresses(stranger)));
    found.wide.push(...(await tooWide(stranger)));
    found.keyboard.push(...(await keyboardProblems(stranger)));
  }
  await stranger.context().close();
  return found;
}

async function pathsOf(page, project) {
  const builds = await page.evaluate(async (name) => {
    const projects = await (await fetch('/api/v1/projects')).json();
    const { id } = projects.find((each) => each.name === name);
    return (await fetch(`/api/v1/projects/${id}/builds`)).json();
  }, project);
  const failed = builds.find(({ status }) => status === 'failed');
  return [
    '/',
    '/new',
    `/projects/${project}`,
    `/projects/${project}/builds`,
    ...['build', 'secrets', 'access', 'webhook', 'limits', 'delete'].map((section) => `/projects/${project}/settings/${section}`),
    `/builds/${failed.id}`,
    `/builds/${builds.at(-1).id}`,
    '/account',
    '/users',
    '/audit',
    '/system',
    '/no/such/page',
  ];
}

function overlays(ada) {
  return [
    ['the palette', () => ada.page.keyboard.press('ControlOrMeta+k')],
    ['the keys', () => ada.page.keyboard.press('?')],
    ['a question', () => ada.button('Roll back to <0>{0}</0>…').click()],
  ];
}
