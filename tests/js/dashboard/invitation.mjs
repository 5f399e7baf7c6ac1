// Two people with two browsers: an administrator invites somebody, who opens an account by the link; the administrator signs
// them out, and their page returns to the sign-in. The second browser is a phone at night, used by the keyboard.
import { setUp } from './chapters/first-day.mjs';
import { Person } from './person.mjs';
import { run } from './test.mjs';

await run('invitation', async (browser, task) => {
  // A taken name is answered 422, a link that was used 404; who was signed out is told so.
  const expected = ['/invitations/look', '/invitations/accept', '/sessions', '/tokens', '/projects'];
  const admin = new Person(browser, await browser.open());
  const guest = new Person(browser, await browser.open({ theme: 'dark', width: 360, height: 720, expected }));
  const referrers = [];
  guest.page.on('request', (request) => {
    if (request.headers().referer?.includes('/invite/')) referrers.push(request.url());
  });

  await setUp(admin, task);
  await admin.goTo('/users');
  await admin.button('Invite somebody').click();
  await admin.field('Whom it is for').fill('Grace, who keeps the shop');
  await admin.button('Make a link').click();
  const link = await admin.field('The link').inputValue();
  const hers = admin.panel('Invitations').getByRole('listitem').filter({ hasText: 'Grace, who keeps the shop' });
  await hers.getByText(admin.say('Waits')).waitFor();
  await admin.look('an invitation');

  // Grace uses the keyboard alone.
  await guest.goTo(link);
  await guest.page.getByRole('heading', { name: guest.say('Welcome to Berth') }).waitFor();
  await guest.look('an invitation');
  const login = guest.field('Login name or e-mail address');
  for (let tabs = 0; tabs < 12 && !(await login.evaluate((field) => field === document.activeElement)); tabs += 1) await guest.page.keyboard.press('Tab');
  await guest.page.keyboard.type('ada');
  await guest.page.keyboard.press('Tab');
  await guest.page.keyboard.type('grace keeps the shop');
  await guest.page.keyboard.press('Enter');
  await guest.page.getByText('login name is taken').waitFor();
  await login.press('ControlOrMeta+a');
  await guest.page.keyboard.type('grace');
  await guest.page.keyboard.press('Enter');
  await guest.text('Put your first site up').waitFor();
  const address = guest.page.url();
  await guest.button('Account of {0}', { 0: 'grace' }).click();
  await guest.page.getByRole('menuitem', { name: guest.say('Account'), exact: true }).waitFor();
  const sees = await guest.page.getByRole('menuitem', { name: guest.say('Users') }).count();
  await guest.page.getByRole('menuitem', { name: guest.say('Account'), exact: true }).click();
  await guest.panel('Sessions').waitFor();
  // What is for administrators says so.
  for (const path of ['/users', '/system', '/audit']) {
    await guest.goTo(path);
    await guest.text('This page is for administrators').waitFor();
    await guest.look('a member');
  }
  await guest.goTo('/account');

  await hers.getByText(admin.say('Used'), { exact: true }).waitFor();
  await admin.choose('Actions for {0}', { 0: 'grace' }, 'Sign out everywhere…');
  await admin.agree('Sign out');
  await guest.page.getByRole('heading', { name: guest.say('Sign in') }).waitFor();
  await guest.goTo(link);
  await guest.page.getByRole('heading', { name: guest.say('This link leads nowhere') }).waitFor();
  await guest.look('a dead link');

  await admin.choose('Actions for {0}', { 0: 'grace' }, 'Remove…');
  await admin.agree('Remove');
  await admin.button('Actions for {0}', { 0: 'grace' }).waitFor({ state: 'detached' });
  const found = { violations: [...admin.found.violations, ...guest.found.violations], wide: [...admin.found.wide, ...guest.found.wide] };
  return { ...found, address, sees, referrers };
});
