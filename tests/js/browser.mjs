// A person with a browser: redeems the setup token, connects a repository, watches its build, visits the site.
// usage: node browser.mjs CHROMIUM '{"origin", "setupToken", "repoUrl", "name", "text", "screenshots"}'
// Prints what it saw as JSON; fails when something that a person would look for does not appear.
import { chromium } from 'playwright-core';
import { isNetworkChange, visit } from './visit.mjs';

const [executablePath, given] = process.argv.slice(2);
const { origin, setupToken, repoUrl, name, text, screenshots } = JSON.parse(given);

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});
const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
page.setDefaultTimeout(60_000);
const complaints = [];
page.on('pageerror', (error) => complaints.push(String(error)));
page.on('console', (message) => {
  // Asking who is signed in is answered 401 before anybody is, and the shop has no icon: the browser reports both.
  const { url } = message.location();
  const expected = url.endsWith('/api/v1/me') || (url.endsWith('/favicon.ico') && !url.startsWith(origin));
  if (message.type() === 'error' && !expected && !isNetworkChange(message)) complaints.push(`${message.text()} at ${url}`);
});
const picture = (step) => page.screenshot({ path: `${screenshots}/${step}.png`, fullPage: true });

try {
  await visit(page, origin);
  await page.getByLabel('Setup token').fill(setupToken);
  await page.getByLabel('Login name or e-mail address').fill('ada');
  await page.getByLabel('Password').fill('correct horse battery staple');
  await picture('1-setup');
  await page.getByRole('button', { name: 'Make me the administrator' }).click();

  await page.getByRole('link', { name: 'New project' }).click();
  await page.getByLabel('Repository').fill(repoUrl);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText('npm run build').first().waitFor();
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByText('It will be at').waitFor();
  await picture('2-new-project');
  await page.getByRole('button', { name: 'Deploy' }).click();

  await page.getByText(`building the shop that says ${text}`).waitFor();
  const link = page.getByRole('link', { name: 'Visit' });
  await link.waitFor();
  await picture('3-build');

  await page.getByRole('link', { name: 'Berth' }).first().click();
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('region', { name: 'Live' }).getByText('Live').waitFor();
  await picture('4-project');

  const address = page.getByRole('region', { name: 'Live' }).getByRole('link');
  const url = await address.getAttribute('href');
  await address.click();
  await page.getByRole('heading', { name: text }).waitFor();
  await picture('5-site');
  process.stdout.write(JSON.stringify({ url, title: await page.title(), complaints }));
} catch (error) {
  await picture('failed').catch(() => {});
  process.stderr.write(`${error}\non ${page.url()}: ${await page.textContent('body').catch(() => '')}\n`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
