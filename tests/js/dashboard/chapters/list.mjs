// The list of projects while one of them is built: searched, sorted, walked by keys; and the palette, from wherever one is.
import { ensure } from '../person.mjs';

const namesOf = (page) => page.locator('main [data-row]').evaluateAll((rows) => rows.map((row) => row.querySelector('a').textContent).join());

/** Waits until the rows are these, in this order. */
async function rowsAre(page, names) {
  await page.waitForFunction((names) => [...document.querySelectorAll('main [data-row]')].map((row) => row.querySelector('a').textContent).join() === names, names).catch(async () => {
    throw new Error(`the list should be ${names}, and is ${await namesOf(page)}`);
  });
}

export async function list(ada, project) {
  const { page } = ada;
  await page.evaluate(() => { window.isNotReloaded = true; });
  for (const name of ['lamp-a', 'lamp-b']) await ada.send('POST', '/api/v1/projects', { name });
  await rowsAre(page, `${project},lamp-b,lamp-a`);
  ensure(await page.evaluate(() => window.isNotReloaded), 'the list was loaded again');
  await ada.look('while something is built');

  await page.keyboard.press('/');
  await page.keyboard.type('lamp');
  await rowsAre(page, 'lamp-b,lamp-a');
  await ada.button('Sort: {0}').click();
  await page.getByRole('menuitemradio', { name: ada.say('By name'), exact: true }).click();
  await rowsAre(page, 'lamp-a,lamp-b');
  await page.waitForURL(/q=lamp.*sort=name|sort=name.*q=lamp/);
  await ada.goTo(page.url());
  await rowsAre(page, 'lamp-a,lamp-b');
  ensure((await page.locator('[data-filter]').inputValue()) === 'lamp', 'what was searched is not in its field after a reload');

  await keys(ada);
  await palette(ada, project);
  for (const { id, name } of await ada.send('GET', '/api/v1/projects')) if (name !== project) await ada.send('DELETE', `/api/v1/projects/${id}`);
  await ada.goTo('/');
}

/** Rows by j and k, pages by two keys, help by ?. */
async function keys(ada) {
  const { page } = ada;
  const focusIsOn = (text) => page.waitForFunction((text) => document.activeElement.textContent === text, text);
  await page.evaluate(() => document.activeElement?.blur());
  await ada.press('j', page.locator(':focus', { hasText: /^lamp-a$/ }));
  await page.keyboard.press('j');
  await focusIsOn('lamp-b');
  await page.keyboard.press('k');
  await focusIsOn('lamp-a');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/projects/lamp-a');
  // The address is the new page's before the page is; until then the list's heading stands there.
  const heading = page.getByRole('heading', { level: 1 });
  await heading.filter({ hasText: 'lamp-a' }).waitFor();
  await ada.look('a project without a site');
  await page.keyboard.type('gb');
  await page.waitForURL('**/projects/lamp-a/builds');
  await heading.filter({ hasText: ada.say('Builds') }).waitFor();
  await ada.look('a project without a build');
  await page.keyboard.press('n');
  await page.waitForURL('**/new');
}

async function palette(ada, project) {
  const { page } = ada;
  const run = async (words) => {
    const found = page.getByRole('dialog');
    await ada.press('ControlOrMeta+k', found);
    await found.getByRole('combobox').fill(words);
    await found.getByRole('option').first().waitFor();
    await page.keyboard.press('Enter');
    await found.waitFor({ state: 'detached' });
  };
  await run(project);
  await page.waitForURL(`**/projects/${project}`);
  await ada.link('Visit', {}, ada.region('Production')).waitFor();
  const [site] = await Promise.all([page.context().waitForEvent('page'), page.keyboard.press('v')]);
  ensure(site.url().startsWith(`http://${project}.`), `the site is opened at ${site.url()}`);
  await site.close();

  const html = page.locator('html');
  await run(ada.say('Theme: dark'));
  await html.and(page.locator('[data-theme="dark"]')).waitFor();
  await run('Nederlands');
  await html.and(page.locator('[lang="nl"]')).waitFor();
  await ada.goTo(page.url());
  await html.and(page.locator('[lang="nl"][data-theme="dark"]')).waitFor();
  await run('English');
  await html.and(page.locator('[lang="en"]')).waitFor();
  await run(ada.say('Theme: as the system'));
  await html.and(page.locator('[data-theme="light"]')).waitFor();
}
