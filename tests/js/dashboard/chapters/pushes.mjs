// What follows from pushes: live without a reload, back to what was live, a failure that says why, a build that is canceled.
import { ensure } from '../person.mjs';

const overview = (project) => `/projects/${project}`;

/** The address of the site, from the card of what is live. */
export async function siteOf(ada) {
  const link = ada.link('Visit', {}, ada.region('Production'));
  return link.getAttribute('href');
}

/** The title and the icon of the browser's tab tell how the project stands to whoever reads something else. */
function tabSays(page, sign, icon) {
  return page.waitForFunction(([sign, icon]) => document.title.startsWith(sign) && document.querySelector('link[rel="icon"]').href.endsWith(`/icon-${icon}.svg`), [sign, icon]);
}

export async function pushAgain(ada, project) {
  const { page } = ada;
  await ada.goTo(overview(project));
  const live = ada.region('Production');
  await live.getByText('The first window').first().waitFor();
  const site = await siteOf(ada);
  const unheard = ada.text('Nobody tells Berth of pushes to this repository.');
  await unheard.waitFor();
  await page.evaluate(() => { window.isNotReloaded = true; });
  await ada.ask({ ask: 'push', text: 'The second window', seconds: 6 });
  await tabSays(page, '◔', 'building');
  await live.getByText('The second window').first().waitFor();
  ensure(await page.evaluate(() => window.isNotReloaded), 'the page was loaded again');
  await page.waitForFunction(() => !/^[◔✕]/.test(document.title) && document.querySelector('link[rel="icon"]').href.endsWith('/icon.svg'));
  await unheard.waitFor({ state: 'detached' });
  await ada.picture('6-pushed');
  await ada.visitorReads(site, 'The second window');
}

export async function rollBack(ada, project, text) {
  await ada.goTo(overview(project));
  const live = ada.region('Production');
  await ada.button('Roll back to <0>{0}</0>…', {}, live).click();
  await ada.page.getByRole('alertdialog').getByText(text).first().waitFor();
  await ada.picture('7-roll-back');
  await ada.agree('Roll back');
  await live.getByText(text).first().waitFor();
  await ada.visitorReads(await siteOf(ada), text);
}

/** The old version stays up; the page says so, and leads to the reason and to what changes it. */
export async function failure(ada, project) {
  const { page } = ada;
  await ada.goTo(overview(project));
  await ada.ask({ ask: 'push', text: 'A broken window', script: "console.error('there is no glass left');\nprocess.exit(3);" });
  await ada.text('The last push did not go live.').waitFor();
  await tabSays(page, '✕', 'failed');
  await ada.picture('8-failed');
  await ada.link('Open the log').click();
  const reason = ada.region('Why it failed');
  await reason.waitFor();
  await page.getByText('there is no glass left').first().waitFor();
  await ada.picture('9-why');

  // What would change it is one click away, and has the focus there.
  await ada.link('Change “<0>{0}</0>”', { 0: ada.say('Build command') }, reason).click();
  await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'buildCommand');
}

/** The list in another tab tells of it all without being loaded again; `meanwhile` the build goes on. */
export async function cancel(ada, project, meanwhile) {
  const { page } = ada;
  await ada.goTo(overview(project));
  const list = await ada.tab('/');
  const row = list.page.getByRole('listitem').filter({ has: list.page.getByRole('link', { name: project, exact: true }) });
  await row.getByText(ada.say('Failed'), { exact: true }).waitFor();
  await ada.ask({ ask: 'push', text: 'A window nobody waits for', seconds: 300 });
  await row.getByText(ada.say('Building'), { exact: true }).waitFor();
  await meanwhile(list);
  await page.getByRole('banner').locator('a[href^="/builds/"]').click();
  await page.getByText(/^second \d+$/).last().waitFor();
  await ada.look('while it is built');
  await ada.button('Cancel').click();
  await page.getByRole('heading', { level: 1 }).getByText(ada.say('Canceled')).waitFor();
  await ada.picture('12-canceled');
  await row.getByText(ada.say('Live'), { exact: true }).waitFor();
  await list.page.close();
}
