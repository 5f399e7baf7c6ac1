// A branch gets a site of its own, and its commit goes live without a build.
import { ensure } from '../person.mjs';
import { siteOf } from './pushes.mjs';

const BRANCH = 'feat/stained';

export async function previews(ada, project) {
  await ada.goTo(`/projects/${project}`);
  await ada.ask({ ask: 'push', text: 'A stained window', branch: BRANCH });
  const preview = stained(ada);
  await preview.getByText(ada.say('Live'), { exact: true }).waitFor();
  await ada.visitorReads(await preview.getByRole('link').first().getAttribute('href'), 'A stained window');
  await ada.picture('10-preview');
  await ada.choose('What to do about the preview of {branch}', { branch: BRANCH }, 'Promote to production…');
  await ada.picture('11-promote');
  await ada.agree('Promote it');
  await ada.region('Production').getByText('A stained window').first().waitFor();
  await ada.visitorReads(await siteOf(ada), 'A stained window');
}

/** What was built with other values than production's builds get is not promoted as it is: which values these are is said. */
export async function promotionThatNeedsABuild(ada, project) {
  const { page } = ada;
  await ada.goTo(`/projects/${project}`);
  await stained(ada).waitFor();
  await ada.browser.expecting(/\/promote/, async () => {
    await ada.choose('What to do about the preview of {branch}', { branch: BRANCH }, 'Promote to production…');
    await ada.button('Promote it', {}, page.getByRole('alertdialog')).click();
    await ada.button('Build it for production').waitFor();
  });
  const question = await page.getByRole('alertdialog').innerText();
  ensure(question.includes('TILE_KEY'), `the question does not name what differs: ${question}`);
  ensure(!/rebuild: true/.test(question), `the question speaks to programs: ${question}`);
  await ada.picture('15-promote-by-build');
  await page.keyboard.press('Escape');
}

function stained(ada) {
  return ada.panel('Previews').getByRole('listitem').filter({ hasText: BRANCH });
}
