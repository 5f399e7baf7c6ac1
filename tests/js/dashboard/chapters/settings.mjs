// Settings that no other chapter needs: what is detected stands in the empty fields, a webhook of the project's own, the inbox.
import { ensure } from '../person.mjs';

export async function settings(ada, project) {
  const { page } = ada;
  await ada.goTo(`/projects/${project}/settings/build`);
  const command = ada.field('Build command');
  await command.and(page.locator('[placeholder="npm run build"]')).waitFor();
  ensure((await command.inputValue()) === '', 'what was detected is taken for what was set');

  // Its secret is said once.
  await ada.goTo(`/projects/${project}/settings/webhook`);
  const own = ada.panel('The project’s own webhook');
  await ada.button('Make a secret', {}, own).click();
  const secret = await ada.field('The secret', own).inputValue();
  ensure(secret.length >= 32, `the secret of a webhook is ${JSON.stringify(secret)}`);
  await ada.look('a secret that is shown once');
  await ada.goTo(`/projects/${project}/settings/webhook`);
  await ada.button('Replace the secret…', {}, own).waitFor();
  ensure(!(await page.content()).includes(secret), 'the secret of a webhook is shown again');
  await ada.button('Remove…', {}, own).click();
  await ada.agree('Remove it');
  await own.getByText(ada.say('Off'), { exact: true }).waitFor();

  await ada.button('Replay delivery {0}').click();
  const question = page.getByRole('alertdialog');
  await question.getByText(ada.say('What it asked for is done again, with the settings of today.')).waitFor();
  await ada.look('a question about a delivery');
  await page.keyboard.press('Escape');
  await question.waitFor({ state: 'detached' });
}
