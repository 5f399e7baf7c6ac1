// Somebody with a GitHub account connects a repository in three clicks, sees its plan, gets a preview of a branch and
// promotes it. The pushes are the test's: a line on stdout asks for one, a line on stdin says that it is done.
// usage: node connect.mjs CHROMIUM '{"origin", "setupToken", "repository", "screenshots"}'
// Prints what it saw as JSON on its last line; fails when something that a person would look for does not appear.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { isNetworkChange, visit } from './visit.mjs';

const [executablePath, given] = process.argv.slice(2);
const { origin, setupToken, repository, screenshots } = JSON.parse(given);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
/** Has the test do something, and waits until it is done. */
async function ask(what) {
  process.stdout.write(`${what}\n`);
  const { done } = await lines.next();
  if (done) throw new Error(`the test ended before ${what}`);
}

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});
const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
const page = await context.newPage();
page.setDefaultTimeout(90_000);
const complaints = [];
page.on('pageerror', (error) => complaints.push(String(error)));
page.on('console', (message) => {
  // Asking who is signed in is answered 401 before anybody is; a promotion that needs a build is answered 409.
  const { url } = message.location();
  const expected = /\/api\/v1\/me$|\/promote$/.test(url) || (url.endsWith('/favicon.ico') && !url.startsWith(origin));
  if (message.type() === 'error' && !expected && !isNetworkChange(message)) complaints.push(`${message.text()} at ${url}`);
});
const picture = (step) => page.screenshot({ path: `${screenshots}/connect-${step}.png`, fullPage: true });
/** Nothing is wider than a phone. */
async function fitsAPhone() {
  await page.setViewportSize({ width: 360, height: 720 });
  const fits = await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
  await page.setViewportSize({ width: 1100, height: 800 });
  return fits;
}
const narrow = {};
let clicks = 0;
const click = (target) => {
  clicks += 1;
  return target.click();
};

try {
  await visit(page, origin);
  await page.getByLabel('Setup token').fill(setupToken);
  await page.getByLabel('Login name or e-mail address').fill('ada');
  await page.getByLabel('Password').fill('correct horse battery staple');
  await page.getByRole('button', { name: 'Make me the administrator' }).click();
  await page.getByRole('link', { name: 'New project' }).click();
  await page.getByRole('link', { name: 'Connect GitHub' }).click();
  await page.getByRole('link', { name: 'New project' }).click();
  await page.getByRole('button', { name: `Choose ${repository}` }).waitFor();
  await picture('1-repositories');
  narrow.repositories = await fitsAPhone();

  // Three clicks with the one for a new project: the repository, whose branch and plan are there then, and Deploy.
  await click(page.getByRole('button', { name: `Choose ${repository}` }));
  const branch = await page.getByLabel('Branch').inputValue();
  const found = page.getByRole('region', { name: 'What Berth finds' });
  await found.getByText('npm run build').first().waitFor();
  const plan = await found.innerText();
  await page.getByText('It will be at').waitFor();
  await picture('2-plan');
  narrow.plan = await fitsAPhone();
  await click(page.getByRole('button', { name: 'Deploy' }));
  await page.getByRole('link', { name: 'Visit' }).waitFor();
  await picture('3-deployed');

  const name = repository.split('/')[1];
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByText('Change what it follows').click();
  await page.getByLabel('Build a preview').check();
  await page.getByRole('button', { name: 'Save' }).first().click();
  await page.getByText('Other branches and pull requests get previews').waitFor();
  await page.getByRole('button', { name: 'Make a secret' }).click();
  const secret = await page.getByLabel('The secret').inputValue();
  await page.getByRole('button', { name: 'Send a test delivery' }).click();
  const test = page.getByRole('region', { name: 'The project’s own webhook' }).getByRole('status').last();
  await test.filter({ hasNotText: /^(Sending…)?$/ }).waitFor();
  const tested = await test.innerText();
  await page.getByText('Make a deploy hook').click();
  await page.getByLabel('What calls it').fill('the newsroom');
  await page.getByRole('button', { name: 'Make it' }).click();
  const deployHook = await page.getByLabel('The address of the newsroom', { exact: true }).inputValue();
  await picture('4-settings');
  narrow.settings = await fitsAPhone();
  await page.getByRole('link', { name: 'Back to the project' }).click();

  await ask('push a branch');
  const preview = page.getByRole('list', { name: 'Previews' }).getByRole('listitem').filter({ hasText: 'feat/cart' });
  await preview.getByText('live').waitFor();
  const previewUrl = await preview.getByRole('link').first().getAttribute('href');
  await picture('5-preview');
  narrow.project = await fitsAPhone();

  await preview.getByRole('button', { name: /^Promote/ }).click();
  await page.getByRole('dialog').getByText('without a build').waitFor();
  await picture('6-promote');
  await page.getByRole('button', { name: 'Promote it' }).click();
  await page.getByText('promoted from').waitFor();
  const url = await page.getByRole('region', { name: 'Live' }).getByRole('link').getAttribute('href');
  await picture('7-promoted');
  const visitor = await context.newPage();
  await visitor.goto(url);
  const heading = await visitor.getByRole('heading').first().innerText();
  await visitor.close();

  await preview.getByRole('button', { name: /^Remove/ }).click();
  await page.getByRole('button', { name: 'Remove it' }).click();
  await page.getByText('No previews.').waitFor();

  // What a stranger sends waits until somebody has read what that means.
  await ask('open a pull request from a fork');
  await page.getByRole('heading', { name: 'Waiting for you' }).waitFor();
  await picture('8-held');
  await page.getByRole('button', { name: /^Approve and build/ }).first().click();
  const risk = await page.getByRole('dialog').innerText();
  await picture('9-approve');
  await page.getByRole('dialog').getByRole('button', { name: 'Approve and build' }).click();
  const stranger = page.getByRole('list', { name: 'Previews' }).getByRole('listitem').filter({ hasText: 'mallory' });
  await stranger.getByText('live').waitFor();
  await picture('10-approved');
  process.stdout.write(`${JSON.stringify({ secret, tested, deployHook, risk, clicks, branch, plan, previewUrl, url, heading, narrow, complaints })}\n`);
} catch (error) {
  await picture('failed').catch(() => {});
  process.stderr.write(`${error}\n${complaints.join('\n')}\non ${page.url()}: ${await page.textContent('body').catch(() => '')}\n`);
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdin.destroy();
}
