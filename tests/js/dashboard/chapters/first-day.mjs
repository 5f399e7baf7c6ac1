// The first day: the setup token, a git address, what Berth found, Deploy, the log, the site.
import { ensure } from '../person.mjs';

export async function firstDay(ada, { setupToken, repoUrl, text, project }) {
  const { page } = ada;
  await ada.goTo('/');
  await ada.field('Setup token').waitFor();
  ensure(new URL(page.url()).pathname === '/setup', `the first page is ${page.url()}`);
  const direction = await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir].join(' '));
  ensure(direction === (ada.words.locale === 'ar' ? 'ar rtl' : 'en ltr'), `the page is ${direction}`);
  await ada.picture('1-setup');
  await ada.look();
  await setUp(ada, { setupToken });
  await ada.picture('2-empty');
  await ada.look('without a project');
  await connect(ada, { repoUrl, text, project });
}

/** The setup token becomes the account of ada, the administrator. */
export async function setUp(ada, { setupToken }) {
  await ada.goTo('/');
  await ada.field('Setup token').fill(setupToken);
  await ada.field('Login name or e-mail address').fill('ada');
  await ada.field('Password').fill('correct horse battery staple');
  await ada.button('Become the administrator').click();
  await ada.text('Put your first site up').waitFor();
}

/** From an address of git to a site. */
export async function connect(ada, { repoUrl, text, project }) {
  const { page } = ada;
  await ada.goTo('/');
  await ada.link('New project').click();
  await ada.button('Git address').click();
  await ada.field('Address of the repository').fill(repoUrl);
  await ada.button('Look at it').click();
  await page.getByText('npm run build').first().waitFor();
  await ada.text('Pushes are not announced to Berth yet: the project’s page then leads to its webhook, or has Berth look every few minutes.').waitFor();
  await ada.field('Name').fill(project);
  await ada.text('This address is free.').waitFor();
  await ada.field('Paste a whole .env').fill('API_TOKEN=from the first day\nPUBLIC_NAME=Window');
  await ada.picture('3-new-project');
  await ada.look('with what was found');
  await ada.button('Deploy').click();

  // The log is open at once, and its lines come while the build runs.
  await page.waitForURL('**/builds/*');
  await page.getByText('second 0', { exact: true }).waitFor();
  ensure(await ada.button('Cancel').isVisible(), 'the lines came after the end of the build');
  await ada.picture('4-building');
  const visit = ada.link('Visit');
  await visit.waitFor();
  await ada.picture('5-live');
  await ada.visitorReads(await visit.getAttribute('href'), text);
}
