// An application that runs, as somebody watches it who stays at their pages: what changes shows there without a reload. The pushes
// are the test's, and so is what a visitor does to the application.
import { setUp } from './chapters/first-day.mjs';
import { command, crashes, goesLive, preview, refused, restarts, scales, volumes, watchLog } from './chapters/services.mjs';
import { Person } from './person.mjs';
import { run } from './test.mjs';

await run('services', async (browser, task, ask) => {
  const ada = new Person(browser, await browser.open(), ask);
  const project = 'quay';
  await setUp(ada, task);
  await goesLive(ada, { ...task, project });
  await volumes(ada);
  await watchLog(ada, project);
  await scales(ada);
  await restarts(ada);
  await command(ada, project);
  await preview(ada, project);
  await refused(ada, project);
  await crashes(ada, project);
  return ada.found;
});
