// Somebody with a GitHub account connects a repository in three clicks, sees its plan, gets a preview of a branch and promotes
// it, looks before a stranger's code is built, and comes in by GitHub afterwards. The pushes are the test's.
import { inDutch } from './chapters/dutch.mjs';
import { setUp } from './chapters/first-day.mjs';
import { siteOf } from './chapters/pushes.mjs';
import { Person } from './person.mjs';
import { run } from './test.mjs';

await run('connect', async (browser, task, ask) => {
  const { repository } = task;
  const name = repository.split('/')[1];
  const ada = new Person(browser, await browser.open({ expected: ['/promote', '/octocat'] }), ask);
  const { page } = ada;

  await setUp(ada, task);
  await ada.link('New project').click();
  await ada.link('Connect GitHub').click();
  const choose = ada.button('Choose {full}', { full: repository });
  await choose.waitFor();
  await ada.look('a choice of repositories');

  // What an organization has is found under its name, and what one has many of by a part of its name.
  const accounts = ada.field('Account');
  await accounts.selectOption('octo-org');
  await ada.button('Choose {full}', { full: 'octo-org/lighthouse' }).waitFor();
  await accounts.selectOption({ index: 0 });
  await ada.field('Search by name').fill('harb');
  await ada.button('Choose {full}', { full: 'octocat/another' }).waitFor({ state: 'detached' });
  await choose.waitFor();

  // Three clicks with the one for a new project: the repository, whose branch and plan are there then, and Deploy.
  let clicks = 0;
  const click = (target) => {
    clicks += 1;
    return target.click();
  };
  await click(choose);
  await page.getByText('npm run build').first().waitFor();
  await ada.text('This address is free.').waitFor();
  const branch = await ada.field('Branch that goes live').inputValue();
  const plan = await page.getByRole('main').innerText();
  await ada.look('with what was found');
  await click(ada.button('Deploy'));
  await page.waitForURL('**/builds/*');
  await ada.link('Visit').waitFor();

  await ada.goTo(`/projects/${name}/settings/webhook`);
  await ada.button('Make one', {}, ada.panel('Deploy hooks')).click();
  await ada.field('What calls it').fill('the newsroom');
  await ada.button('Make it').click();
  const deployHook = await page.getByLabel(ada.say('The address of {0}', { 0: 'the newsroom' }), { exact: true }).inputValue();
  await ada.look('an address that is shown once');

  await ada.goTo(`/projects/${name}`);
  await ask({ ask: 'push a branch' });
  const previews = ada.panel('Previews').getByRole('listitem');
  const preview = previews.filter({ hasText: 'feat/cart' });
  await preview.getByText(ada.say('Live'), { exact: true }).waitFor();
  const previewUrl = await preview.getByRole('link').first().getAttribute('href');
  await ada.choose('What to do about the preview of {branch}', { branch: 'feat/cart' }, 'Promote to production…');
  await ada.agree('Promote it');
  await ada.region('Production').getByText('The harbour with a cart').first().waitFor();
  await ada.visitorReads(await siteOf(ada), 'The harbour with a cart');
  await ada.choose('What to do about the preview of {branch}', { branch: 'feat/cart' }, 'Remove…');
  await ada.agree('Remove the preview');
  await preview.waitFor({ state: 'detached' });

  // What a stranger sends waits until somebody has read what that means.
  await ask({ ask: 'open a pull request from a fork' });
  await ada.button('Approve and build…').click();
  const question = page.getByRole('alertdialog');
  const risk = await question.innerText();
  await ada.look('a question about a fork');
  await ada.agree('Approve and build');
  await page.waitForURL('**/builds/*');
  await page.getByRole('heading', { level: 1 }).getByText(ada.say('Passed')).or(page.getByRole('heading', { level: 1 }).getByText(ada.say('Live'))).first().waitFor();

  await outAndIn(ada, name);
  await inDutch(ada, name);
  return { ...ada.found, clicks, branch, plan, previewUrl, deployHook, risk };
});

/** Out, and in again by GitHub: whoever says no there is told so, and may think again. */
async function outAndIn(ada, project) {
  const { page } = ada;
  await ada.choose('Account of {0}', { 0: 'ada' }, 'Sign out');
  await page.getByRole('heading', { name: ada.say('Sign in'), exact: true }).waitFor();
  await ada.ask({ ask: 'say no at GitHub' });
  await ada.link('Continue with GitHub').click();
  await ada.text('The sign-in was not finished at GitHub. Begin again.').waitFor();
  await ada.look('after a sign-in that was refused');
  await ada.link('Continue with GitHub').click();
  await page.getByRole('main').getByRole('link', { name: project, exact: true }).waitFor();
  await ada.button('Account of {0}', { 0: 'ada' }).waitFor();
}
