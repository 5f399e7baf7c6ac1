// The end of a project: its name is typed first, and its site is gone afterwards.
import { arrives } from '../../visit.mjs';
import { ensure } from '../person.mjs';
import { siteOf } from './pushes.mjs';

export async function endOfProject(ada, project) {
  const { page } = ada;
  await ada.goTo(`/projects/${project}`);
  const site = await siteOf(ada);
  await ada.goTo(`/projects/${project}/settings/delete`);
  await ada.button('Delete <0>{0}</0>…', { 0: project }).click();
  const question = page.getByRole('alertdialog');
  const verb = ada.button('Delete it', {}, question);
  ensure(await verb.isDisabled(), 'a project can be deleted without its name being typed');
  await question.getByRole('textbox').fill(project);
  await ada.picture('17-delete');
  // What is shown of the project asks for it once more when it hears of its end.
  await ada.browser.expecting(/ 404 .*\/api\/v1\/projects\//, async () => {
    await verb.click();
    await ada.text('Put your first site up').waitFor();
    await ada.settled();
  });
  const visitor = await page.context().newPage();
  const status = await ada.browser.expecting(/ 404 /, async () => {
    let answer = false;
    while (!answer) answer = await arrives(visitor, site);
    return answer.status();
  });
  await visitor.close();
  ensure(status === 404, `the site of a deleted project answers ${status}`);
}
