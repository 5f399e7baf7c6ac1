// One's own account: a token for a program, and a session elsewhere that is ended from here.
import { ensure, Person } from '../person.mjs';

export async function account(ada) {
  await token(ada);
  await endElsewhere(ada);
}

async function token(ada) {
  const { page, browser } = ada;
  const name = 'CI of the window';
  await ada.goTo('/account');
  const panel = ada.panel('API tokens');
  await ada.button('Make a token', {}, panel).click();
  await ada.field('Name', panel).fill(name);
  await ada.look('a new token');
  await ada.button('Make it', {}, panel).click();
  const made = await page.getByLabel(ada.say('The token {0}', { 0: name }), { exact: true }).inputValue();
  const status = async () => (await fetch(new URL('/api/v1/projects', browser.origin), { headers: { authorization: `Bearer ${made}` } })).status;
  ensure((await status()) === 200, 'the token that was made opens nothing');
  await ada.goTo('/account');
  await panel.getByText(name).waitFor();
  ensure(!(await page.content()).includes(made), 'a token is shown again');
  await ada.button('Revoke the token {0}', { 0: name }).click();
  await ada.agree('Revoke it');
  await panel.getByText(name).waitFor({ state: 'detached' });
  ensure((await status()) === 401, 'a revoked token still opens something');
}

/** The other browser returns to the sign-in, and from there to the page that it was on. */
async function endElsewhere(ada) {
  const { browser, words: { locale } } = ada;
  const other = new Person(browser, await browser.open({ locale, expected: ['/sessions', '/tokens', '/projects'] }));
  const signIn = async () => {
    await other.field('Login name or e-mail address').fill('ada');
    await other.field('Password').fill('correct horse battery staple');
    await other.page.getByRole('main').getByRole('button', { name: ada.say('Sign in'), exact: true }).click();
    await other.panel('Sessions').waitFor();
    ensure(new URL(other.page.url()).pathname === '/account', `whoever signed in again is at ${other.page.url()}`);
  };
  await other.goTo('/account');
  await signIn();
  await ada.goTo('/account');
  await ada.button('End the session: {where}').click();
  await other.text('Your session ended. Sign in; the page is kept.').waitFor();
  await signIn();
  await other.page.context().close();
}
