// Secrets: added, pasted, copied, renamed, removed and taken back, removed for good. Their values are never shown.
import { ensure } from '../person.mjs';

export async function secrets(ada, project) {
  const { page } = ada;
  await ada.goTo(`/projects/${project}/settings/secrets`);
  const list = ada.region('Secrets').last();
  const row = (key) => list.getByRole('listitem').filter({ has: page.getByText(key, { exact: true }) });
  const actions = 'Actions for {0} ({where})';
  await row('API_TOKEN').waitFor();

  await ada.button('Add secret').click();
  await ada.field('Key').fill('LAMP_KEY');
  await ada.field('Value').fill('a value nobody sees again');
  await ada.field('Used in').selectOption('preview');
  await ada.look('a new secret');
  await ada.button('Add it').click();
  await row('LAMP_KEY').getByText(ada.say('Previews'), { exact: true }).waitFor();

  await ada.button('Paste a .env').click();
  await ada.field('Contents of a .env file').fill('API_TOKEN=another\nMAP_KEY="pk.0f3c"\n2FA_SEED=no');
  await ada.text('A key cannot start with a digit.').waitFor();
  await ada.picture('13-paste');
  await ada.look('a pasted .env');
  const verb = ada.button('Add {added}, replace {replaced}', { added: 1, replaced: 1 });
  ensure(await verb.isDisabled(), 'a line that cannot be taken is left out without a word');
  await ada.button('Leave out').click();
  await verb.click();
  await row('MAP_KEY').waitFor();

  await copied(ada, row);

  await ada.choose(actions, { 0: 'MAP_KEY' }, 'Rename…');
  const question = page.getByRole('dialog');
  await ada.field('Key', question).fill('TILE_KEY');
  await ada.button('Rename it', {}, question).click();
  await row('TILE_KEY').waitFor();

  await ada.choose(actions, { 0: 'LAMP_OIL' }, 'Remove');
  await row('LAMP_OIL').waitFor({ state: 'detached' });
  await ada.look('a secret that was just removed');
  await ada.choose(actions, { 0: 'LAMP_KEY' }, 'Remove');
  await row('LAMP_KEY').waitFor({ state: 'detached' });
  // The newest of what can be taken back is the last.
  await page.getByRole('button', { name: ada.say('Undo'), exact: true }).last().click();
  await row('LAMP_KEY').waitFor();
  await ada.choose(actions, { 0: 'LAMP_KEY' }, 'Remove');
  await row('LAMP_KEY').waitFor({ state: 'detached' });

  // What waits to be sent is sent when the page is left, here at once, and the server has it then.
  await ada.goTo(`/projects/${project}/settings/secrets`);
  await row('TILE_KEY').waitFor();
  ensure((await row('LAMP_KEY').count()) === 0, 'the secret that was removed is there');
  const shown = await page.content();
  ensure(!/nobody sees again|from the first day|pk\.0f3c/.test(shown), 'a secret is shown');
  await ada.picture('14-secrets');
}

/** What another project has comes over without its value passing the page; what is there already is not ticked. */
async function copied(ada, row) {
  const { page } = ada;
  const variables = [{ key: 'LAMP_OIL', value: 'colza from the first day' }, { key: 'API_TOKEN', value: 'of the lamps' }];
  const { project } = await ada.send('POST', '/api/v1/projects', { name: 'lamps', variables });
  await ada.button('Copy from a project').click();
  const panel = ada.panel('Copy from another project');
  await panel.getByRole('combobox').selectOption({ label: 'lamps' });
  await panel.getByRole('checkbox', { name: 'LAMP_OIL', checked: true }).waitFor();
  ensure(!(await panel.getByRole('checkbox', { name: 'API_TOKEN' }).isChecked()), 'what is there already is replaced without being asked for');
  await ada.picture('13-copy');
  await ada.look('secrets to be copied');
  await ada.button('Add {added}', { added: 1 }, panel).click();
  await row('LAMP_OIL').waitFor();
  await ada.send('DELETE', `/api/v1/projects/${project.id}`);
}
