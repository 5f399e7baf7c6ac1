// Two people with two browsers: an administrator invites somebody, who opens an account by the link; the administrator
// signs them out, and their page returns to the sign-in. The second browser is a phone at night, used by the keyboard.
// usage: node invitation.mjs CHROMIUM '{"origin", "setupToken", "screenshots"}'
// Prints what it saw as JSON; fails when something that a person would look for does not appear.
import { chromium } from 'playwright-core';
import { isNetworkChange, visit } from './visit.mjs';

const [executablePath, given] = process.argv.slice(2);
const { origin, setupToken, screenshots } = JSON.parse(given);

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});
const complaints = [];
const referrers = [];
async function open(name, settings) {
  const page = await (await browser.newContext(settings)).newPage();
  page.setDefaultTimeout(60_000);
  page.on('pageerror', (error) => complaints.push(`${name}: ${error}`));
  page.on('console', (message) => {
    // Asking who is signed in is answered 401 before anybody is; so is everything after somebody was signed out. A taken
    // login name is answered 422, a link that was used 404: the browser reports each.
    const { url } = message.location();
    const expected = /\/api\/v1\/(me|sessions|tokens|projects|invitations\/look|invitations\/accept)$/.test(url);
    if (message.type() === 'error' && !expected && !isNetworkChange(message)) complaints.push(`${name}: ${message.text()} at ${url}`);
  });
  page.on('request', (request) => {
    const referrer = request.headers().referer;
    if (referrer?.includes('/invite/')) referrers.push(request.url());
  });
  return page;
}
const picture = (page, step) => page.screenshot({ path: `${screenshots}/${step}.png`, fullPage: true });
/** Nothing is wider than the window. */
const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);

const admin = await open('admin', { viewport: { width: 1100, height: 800 } });
const guest = await open('guest', { viewport: { width: 360, height: 720 }, colorScheme: 'dark' });
const narrow = {};
try {
  await visit(admin, origin);
  await admin.getByLabel('Setup token').fill(setupToken);
  await admin.getByLabel('Login name or e-mail address').fill('ada');
  await admin.getByLabel('Password').fill('correct horse battery staple');
  await admin.getByRole('button', { name: 'Make me the administrator' }).click();

  await admin.getByRole('link', { name: 'Users' }).click();
  await admin.getByText('Invite somebody').click();
  await admin.getByLabel('Whom it is for').fill('Grace, who keeps the shop');
  await picture(admin, 'invitation-1-form');
  await admin.getByRole('button', { name: 'Make a link' }).click();
  const link = await admin.getByLabel('The link', { exact: true }).inputValue();
  await admin.getByText('pending').waitFor();
  await picture(admin, 'invitation-2-link');

  // Grace uses the keyboard alone.
  await visit(guest, link);
  await guest.getByRole('heading', { name: 'Welcome to Berth' }).waitFor();
  narrow.invitation = await fits(guest);
  await picture(guest, 'invitation-3-welcome');
  const login = guest.getByLabel('Login name or e-mail address');
  for (let tabs = 0; tabs < 12 && !(await login.evaluate((field) => field === document.activeElement)); tabs++) await guest.keyboard.press('Tab');
  await guest.keyboard.type('ada');
  await guest.keyboard.press('Tab');
  await guest.keyboard.type('grace keeps the shop');
  await guest.keyboard.press('Enter');
  await guest.getByText('this login name is taken').waitFor();
  await picture(guest, 'invitation-4-taken');
  await login.press('ControlOrMeta+a');
  await guest.keyboard.type('grace');
  await guest.keyboard.press('Enter');
  await guest.getByRole('heading', { name: 'Projects' }).waitFor();
  const address = guest.url();
  const sees = await guest.getByRole('link', { name: 'Users' }).count();

  await guest.getByRole('link', { name: 'grace' }).click();
  await guest.getByRole('heading', { name: 'Sessions' }).waitFor();
  narrow.account = await fits(guest);
  await picture(guest, 'invitation-5-account');

  await admin.getByText('used by grace').waitFor();
  await picture(admin, 'invitation-6-used');
  await admin.getByRole('button', { name: 'Sign out everywhere: grace' }).click();
  await guest.getByRole('heading', { name: 'Sign in' }).waitFor();
  narrow.signIn = await fits(guest);
  await picture(guest, 'invitation-7-signed-out');

  await visit(guest, link);
  await guest.getByRole('heading', { name: 'This link leads nowhere' }).waitFor();
  await picture(guest, 'invitation-8-used-up');

  // The administrator's own page in the small window, and a question before somebody is removed.
  await admin.setViewportSize({ width: 360, height: 720 });
  narrow.users = await fits(admin);
  await picture(admin, 'invitation-9-users-narrow');
  await admin.getByRole('button', { name: 'Remove…: grace' }).click();
  await picture(admin, 'invitation-10-remove');
  await admin.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await admin.getByRole('button', { name: 'Remove…: grace' }).waitFor({ state: 'detached' });

  // A hundred invitations later hers is still within reach, and stays there when the page is refreshed.
  await admin.evaluate(async () => {
    for (let number = 0; number < 100; number++) {
      const body = JSON.stringify({ role: 'member', note: `guest ${number}`, expiresInHours: 1 });
      const made = await fetch('/api/v1/invitations', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      if (!made.ok) throw new Error(`invitation ${number}: ${made.status} ${await made.text()}`);
    }
  });
  await admin.getByText('guest 99 ').waitFor();
  const hers = admin.getByText('Grace, who keeps the shop (');
  await hers.waitFor({ state: 'detached' });
  await admin.getByRole('button', { name: 'Older invitations' }).click();
  await hers.waitFor();
  await admin.waitForResponse((response) => response.url().includes('/invitations?limit=100&before='));
  await hers.waitFor();
  process.stdout.write(JSON.stringify({ address, sees, narrow, referrers, complaints }));
} catch (error) {
  await picture(admin, 'invitation-failed-admin').catch(() => {});
  await picture(guest, 'invitation-failed-guest').catch(() => {});
  const seen = async (page) => `${page.url()}: ${await page.textContent('body').catch(() => '')}`;
  process.stderr.write(`${error}\nadmin on ${await seen(admin)}\nguest on ${await seen(guest)}\ncomplaints: ${complaints}\n`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
