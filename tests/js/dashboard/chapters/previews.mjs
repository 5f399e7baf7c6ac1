// A branch gets a site of its own, and its commit goes live without a build.
import { siteOf } from './pushes.mjs';

export async function previews(ada, project) {
  const { page } = ada;
  await ada.goTo(`/projects/${project}/settings/build`);
  await page.getByRole('checkbox', { name: ada.words.like('Build a preview for other branches and pull requests') }).check();
  const follows = ada.panel('What it follows');
  await ada.button('Save', {}, follows).click();
  await ada.text('Saved.', {}, follows).waitFor();

  await ada.goTo(`/projects/${project}`);
  await ada.ask({ ask: 'push', text: 'A stained window', branch: 'feat/stained' });
  const preview = ada.panel('Previews').getByRole('listitem').filter({ hasText: 'feat/stained' });
  await preview.getByText(ada.say('Live'), { exact: true }).waitFor();
  await ada.visitorReads(await preview.getByRole('link').first().getAttribute('href'), 'A stained window');
  await ada.picture('10-preview');
  await ada.choose('What to do about the preview of {branch}', { branch: 'feat/stained' }, 'Promote to production…');
  await ada.picture('11-promote');
  await ada.agree('Promote it');
  await ada.region('Production').getByText('A stained window').first().waitFor();
  await ada.visitorReads(await siteOf(ada), 'A stained window');
}
