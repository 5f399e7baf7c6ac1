// Services: live without a reload, a log that is followed and searched, replicas, a one-off command, a preview's, and what is said
// of those that do not start or do not stay.
import { ensure } from '../person.mjs';

const overview = (project) => `/projects/${project}`;

/** The row of a service on its project's page. */
const rowOf = (ada, name) => ada.panel('Services').getByRole('listitem').filter({ has: ada.page.getByRole('link', { name, exact: true }) });

const stateIn = (ada, within, state) => within.getByText(ada.say(state), { exact: true }).first();

/** The lines of a service that are painted now. */
const linesOf = (ada) => ada.page.getByRole('group', { name: ada.words.like('What {service} writes. The arrow keys go from line to line.') });
const line = (ada, text) => linesOf(ada).locator('.log-row:visible').filter({ hasText: text }).last();

/** What is done about the replicas of the service of the page: their number, by the dialog; and what comes of it. */
async function scale(ada, fill, words) {
  await ada.button('Scale…').click();
  await fill(ada.page.getByRole('alertdialog'));
  await ada.agree('Run so many');
  await ada.panel('Replicas').getByText(words, { exact: true }).waitFor();
}

/** From an empty page to a site, a worker and a volume: the page of the project is open all the while. */
export async function goesLive(ada, { repoUrl, project }) {
  await ada.send('POST', '/api/v1/projects', { name: project, repoUrl, branch: 'main', previews: true });
  await ada.goTo(overview(project));
  await stateIn(ada, rowOf(ada, 'web'), 'Healthy').waitFor();
  const worker = rowOf(ada, 'clock');
  await stateIn(ada, worker, 'Healthy').waitFor();
  await worker.getByText(ada.say('answers no requests')).waitFor();
  await ada.picture('services-1');
}

export async function volumes(ada) {
  const volume = ada.panel('Volumes').getByRole('listitem').filter({ hasText: 'data' });
  await volume.getByText('web', { exact: true }).waitFor();
  ensure(await ada.button('Remove the volume {name}…', { name: 'data' }).isDisabled(), 'a volume that is used may be removed');
}

/** Lines come as they are written; what is looked for the server finds; whoever reads back is left alone. */
export async function watchLog(ada, project) {
  const { page } = ada;
  await rowOf(ada, 'web').getByRole('link', { name: 'web', exact: true }).click();
  await page.waitForURL(`**${overview(project)}/services/web`);
  await line(ada, 'serving The quay').waitFor();
  await ada.ask({ ask: 'visit', path: '/first' });
  await line(ada, 'GET /first').waitFor();
  const search = page.getByRole('search');
  await search.getByRole('textbox').fill('get /FIRST');
  await search.getByText('1 found', { exact: true }).waitFor();
  ensure(new URL(page.url()).searchParams.get('q') === 'get /FIRST', `what is looked for is not in the address: ${page.url()}`);
  await ada.ask({ ask: 'visit', path: '/second' });
  await ada.ask({ ask: 'visit', path: '/first' });
  await search.getByText('2 found', { exact: true }).waitFor();
  await search.getByRole('textbox').fill('');
  await line(ada, 'GET /second').waitFor();

  const follow = page.getByRole('button', { name: ada.say('Follow'), exact: true });
  ensure((await follow.getAttribute('aria-pressed')) === 'true', 'a service that runs is not followed');
  await follow.click();
  await ada.ask({ ask: 'visit', path: '/third' });
  const fresh = page.locator('.log-new');
  await fresh.waitFor();
  await fresh.click();
  await line(ada, 'GET /third').waitFor();
}

/** Two replicas, one’s lines alone, and back to what the repository says. */
export async function scales(ada) {
  await scale(ada, (dialog) => ada.field('Replicas', dialog).fill('2'), '2 of 2 replicas healthy');
  await ada.look('a service with two replicas');
  const replicas = ada.page.getByLabel(ada.say('Of which replica'), { exact: true });
  await replicas.selectOption('2');
  // The lines of both stand there for a moment longer.
  await line(ada, 'GET /third').waitFor({ state: 'detached' });
  await line(ada, 'serving The quay').waitFor();
  ensure((await linesOf(ada).locator('.log-row:visible').filter({ hasText: 'GET /third' }).count()) === 0, 'lines of the other replica are shown');
  await replicas.selectOption('');
  await scale(ada, (dialog) => dialog.getByRole('checkbox').check(), '1 of 1 replica healthy');
}

export async function restarts(ada) {
  await ada.button('Restart…').click();
  await ada.agree('Restart it');
  await line(ada, 'SIGTERM').waitFor();
  await ada.panel('Replicas').getByText('1 of 1 replica healthy', { exact: true }).waitFor();
}

/** It writes into the volume, says so, and fails as it says. */
export async function command(ada, project) {
  const { page } = ada;
  await ada.button('Run a command…').click();
  const dialog = page.getByRole('dialog');
  await ada.field('Command', dialog).fill('echo noted > /data/note && cat /data/note; exit 3');
  await ada.look('a question for a command');
  await ada.button('Run it', {}, dialog).click();
  await page.waitForURL(`**${overview(project)}/runs/*`);
  await page.getByText('noted', { exact: true }).waitFor();
  await stateIn(ada, page.getByRole('heading', { level: 1 }), 'Failed').waitFor();
  await page.locator('dl').getByText('3', { exact: true }).waitFor();
  await ada.look('a command that failed');
}

/** A preview's services are its own: with a page and a log, and without commands. */
export async function preview(ada, project) {
  const { page } = ada;
  await ada.goTo(overview(project));
  await ada.ask({ ask: 'push', text: 'The quay with cranes', branch: 'feat/cranes' });
  const services = page.getByRole('list', { name: ada.say('Services of {branch}', { branch: 'feat/cranes' }) });
  await stateIn(ada, services, 'Healthy').waitFor();
  await ada.look('with services of a preview');
  await services.getByRole('link', { name: 'web', exact: true }).click();
  await page.waitForURL('**/services/web?preview=*');
  await line(ada, 'serving The quay with cranes').waitFor();
  ensure((await ada.button('Run a command…').count()) === 0, 'commands are offered for a preview');
  await ada.look('a service of a preview');
}

/** What was built and does not start never goes live, and says why where one looks for it. */
export async function refused(ada, project) {
  const { page } = ada;
  await ada.goTo(overview(project));
  await ada.ask({ ask: 'push', text: 'The broken quay', script: 'console.error("there is no table of tides"); process.exit(7);' });
  const notice = page.getByRole('alert').filter({ hasText: ada.say('The last push did not go live.') });
  await notice.getByText('exit code 7').waitFor();
  await ada.look('with a push that did not go live');
  await ada.link('Look at it', {}, notice).click();
  const why = ada.region('Why it did not go live');
  await why.getByText('there is no table of tides').waitFor();
  await ada.look('a build that did not go live');
  await ada.picture('services-2-refused');
}

/** Who ends again and again is named in the list, which is open all the while. */
export async function crashes(ada, project) {
  const { page } = ada;
  await ada.ask({ ask: 'push', text: 'The quay again' });
  await ada.goTo('/');
  const row = page.getByRole('listitem').filter({ hasText: project });
  await stateIn(ada, row, 'Live').waitFor();
  await ada.ask({ ask: 'crash' });
  await page.getByRole('heading', { name: ada.words.like('Needs you') }).waitFor();
  await stateIn(ada, row, 'Keeps crashing').waitFor();
  await ada.look('a list with a service that crashes');
  await ada.picture('services-3-crashes');
}
