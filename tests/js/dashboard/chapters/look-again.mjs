// The form of a new project as somebody uses it who does not take what was found: names that cannot be had, another command.
import { ensure } from '../person.mjs';

/** `taken` is a project's name. */
export async function lookAgain(ada, taken, repoUrl) {
  const { page } = ada;
  await ada.goTo('/new');
  await ada.button('Git address').click();
  await ada.field('Address of the repository').fill(repoUrl);
  await ada.button('Look at it').click();
  await page.getByText('npm run build').first().waitFor();

  await ada.field('Name').fill('Not_A_Name');
  await ada.text('A name is made of lower-case letters a–z, digits and hyphens.').waitFor();
  await ada.field('Name').fill(taken);
  await ada.text('This name is taken. Choose another.').waitFor();
  ensure((await ada.field('Name').getAttribute('aria-invalid')) === 'true', 'a name that is taken is no problem of its field');

  const then = page.getByRole('complementary');
  const label = ada.say('Build');
  await ada.button('Change: {label}', { label }).click();
  await page.getByRole('textbox', { name: label, exact: true }).fill('npm run build -- --twice');
  await ada.button('Look again with this').click();
  await ada.text('You set this.').waitFor();
  await then.getByText('npm run build -- --twice').waitFor();
  await ada.look('with what was changed');
  await ada.button('Change: {label}', { label }).click();
  await ada.button('Back to what was found').click();
  await ada.text('You set this.').waitFor({ state: 'detached' });
  await then.getByText('npm run build', { exact: true }).waitFor();
  await ada.goTo('/');
}
