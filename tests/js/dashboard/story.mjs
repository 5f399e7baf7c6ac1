// The whole story of one administrator, in the language of the task: from the setup token to the end of a project, with git and
// Docker behind it. What to push is asked of the test; what holds on every page is checked on the world that the story makes.
import { account } from './chapters/account.mjs';
import { endOfProject } from './chapters/end.mjs';
import { everyPage } from './chapters/every-page.mjs';
import { firstDay } from './chapters/first-day.mjs';
import { focus } from './chapters/focus.mjs';
import { list } from './chapters/list.mjs';
import { brokenWire, followAndPause, pageToCome, readBack } from './chapters/log.mjs';
import { lookAgain } from './chapters/look-again.mjs';
import { previews, promotionThatNeedsABuild } from './chapters/previews.mjs';
import { cancel, failure, pushAgain, rollBack } from './chapters/pushes.mjs';
import { secrets } from './chapters/secrets.mjs';
import { settings } from './chapters/settings.mjs';
import { Person } from './person.mjs';
import { run } from './test.mjs';

await run('story', async (browser, task, ask) => {
  const page = await browser.open({ locale: task.locale });
  const ada = new Person(browser, page, ask);
  const project = 'window';

  await firstDay(ada, { ...task, project });
  await pushAgain(ada, project);
  await rollBack(ada, project, task.text);
  await failure(ada, project);
  await previews(ada, project);
  // What needs no language of its own is done in one of them.
  const isFirst = task.locale === 'en';
  await cancel(ada, project, (tab) => (isFirst ? list(tab, project) : lookAgain(tab, project, task.repoUrl)));
  await secrets(ada, project);
  await promotionThatNeedsABuild(ada, project);
  await followAndPause(ada, project);
  if (isFirst) await readBack(ada);
  await brokenWire(ada, project);
  await pageToCome(ada, project);
  await focus(ada, { ...task, project });
  if (!isFirst) {
    await settings(ada, project);
    await account(ada);
  }
  const found = await everyPage(ada, project);
  await endOfProject(ada, project);
  return found;
});
