// The dashboard in Dutch, whose words are longer than the English ones: every page in the narrowest window, and what opens over them.
import { Person } from '../person.mjs';
import { Words } from '../words.mjs';
import { pathsOf } from './every-page.mjs';

export async function inDutch(ada, project) {
  const { page } = ada;
  await page.evaluate(() => localStorage.setItem('locale', 'nl'));
  page.words = new Words('nl');
  const reader = Object.assign(new Person(ada.browser, page, ada.ask), { found: ada.found });
  for (const path of await pathsOf(reader, project)) {
    await reader.goTo(path);
    await reader.settled();
    await reader.look('in Dutch');
  }
  await reader.goTo(`/projects/${project}`);
  for (const [role, open] of [
    ['dialog', () => reader.press('ControlOrMeta+k', page.getByRole('dialog'))],
    ['dialog', () => reader.press('?', page.getByRole('dialog'))],
    ['menu', () => reader.button('Account of {0}', { 0: 'ada' }).click()],
    ['alertdialog', () => reader.choose('What to do about build {0}', {}, 'Rebuild…')],
  ]) {
    await open();
    const overlay = page.getByRole(role);
    await overlay.waitFor();
    await reader.look('in Dutch');
    await page.keyboard.press('Escape');
    await overlay.waitFor({ state: 'detached' });
  }
}
