// What had the focus goes, and the focus goes to what took its place: never to the top of the page.
import { ensure } from '../person.mjs';

export async function focus(ada, { repoUrl, project }) {
  const { page } = ada;
  await ada.goTo('/new');
  await ada.button('Git address').click();
  await ada.field('Address of the repository').fill(repoUrl);
  await ada.button('Look at it').press('Enter');
  await isOn(ada, 'Repository', 'the repository was chosen');
  await ada.button('Change: {label}').press('Enter');
  await ada.button('Keep it as it is').press('Enter');
  await isOn(ada, 'Change', 'a setting was left as it is');

  await ada.goTo(`/projects/${project}/settings/secrets`);
  await ada.button('Add secret').press('Enter');
  await ada.button('Cancel', {}, ada.panel('Add a secret')).press('Enter');
  await isOn(ada, 'Add secret', 'the form of a secret was given up');

  await ada.goTo('/account');
  await ada.button('Make a token').press('Enter');
  await ada.button('Cancel', {}, ada.panel('API tokens')).press('Enter');
  await isOn(ada, 'Make a token', 'the form of a token was given up');
  ensure(new URL(page.url()).pathname === '/account', `Enter led to ${page.url()}`);
}

/** Whether the focus comes to what says `message`. */
async function isOn(ada, message, after) {
  const { page } = ada;
  const expected = ada.say(message);
  const comes = page.waitForFunction((expected) => document.activeElement !== document.body && document.activeElement?.textContent?.trim() === expected, expected);
  await comes.catch(async () => {
    const has = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120));
    throw new Error(`after ${after} the focus should be on ${JSON.stringify(expected)} and is on ${has}`);
  });
}
