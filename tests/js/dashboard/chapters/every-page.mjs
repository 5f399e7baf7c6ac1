// Every page of the world that the story made: axe, the keyboard, the narrowest window. Dialogs are pages too.
import { keyboardProblems, tooWide, violations, violationsInDresses } from '../checks.mjs';

export async function everyPage(ada, project) {
  const { page } = ada;
  const found = { violations: [], keyboard: [], wide: [] };
  for (const path of await pathsOf(page, project)) {
    await ada.goTo(path);
    await page.waitForLoadState('networkidle');
    found.violations.push(...(await violationsInDresses(page)));
    found.wide.push(...(await tooWide(page)));
    found.keyboard.push(...(await keyboardProblems(page)));
  }

  // What opens over a page: the palette by its key, the help, a question.
  await ada.goTo(`/projects/${project}`);
  // Keys do something once the page is there.
  await ada.button('Roll back to <0>{0}</0>…').waitFor();
  await page.waitForLoadState('networkidle');
  for (const [what, open] of overlays(ada)) {
    await open();
    await page.getByRole('dialog').or(page.getByRole('alertdialog')).first().waitFor();
    found.violations.push(...(await violations(page)).map((line) => `${what}: ${line}`));
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').or(page.getByRole('alertdialog')).first().waitFor({ state: 'detached' });
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
