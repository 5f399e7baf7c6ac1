// The picture of a site on its project's page: the site itself, as Vite builds them, in a frame whose cookies and storage are
// nobody else's. The site tries to leave cookies for the whole domain, which the dashboard is at, too.
import { setUp } from './chapters/first-day.mjs';
import { siteOf } from './chapters/pushes.mjs';
import { ensure, Person } from './person.mjs';
import { run } from './test.mjs';

/** The ground of the site, once its styles and its script have come. */
const PAINT = '0,96,128';

await run('picture', async (browser, task) => {
  const page = await browser.open();
  const ada = new Person(browser, page);

  await setUp(ada, task);
  await ada.send('POST', '/api/v1/projects', { name: 'window', repoUrl: task.repoUrl, branch: 'main' });
  const before = await cookiesSent(ada);
  await ada.goTo('/projects/window');
  const site = await siteOf(ada);
  const first = await lookAt(ada, site);
  const again = await lookAt(ada, site);
  const after = await cookiesSent(ada);
  const readable = await page.evaluate(() => document.cookie);

  // Whoever opens the site itself gives its cookies to the whole domain: so would the picture have.
  await ada.visitorReads(site, 'Painted');
  return { first, again, before, after, readable, visited: await cookiesSent(ada) };
});

/** The names of the cookies that the dashboard is asked with. */
async function cookiesSent(ada) {
  // One that is answered: of one that Chromium dropped it knows no cookies.
  const answered = ada.page.waitForResponse('**/api/v1/me');
  await ada.goTo('/');
  const { cookie = '' } = await (await answered).request().allHeaders();
  return cookie.split('; ').map((pair) => pair.split('=')[0]).sort();
}

/** What the picture shows in its middle, and what the site in it knows. */
async function lookAt(ada, site) {
  const { page } = ada;
  const picture = ada.region('Production').locator('iframe');
  let isPainted = false;
  // Chromium drops what the frame loads, too, whenever the machine's networks change; a new page has a new, empty picture.
  for (let attempt = 0; attempt < 5 && !isPainted; attempt += 1) {
    await ada.goTo('/projects/window');
    await picture.waitFor();
    isPainted = await until(async () => (await middleOf(page, await picture.screenshot())).join() === PAINT);
  }
  ensure(isPainted, 'the picture is not painted');
  await ada.picture('picture');
  const frame = page.frames().find((frame) => frame.url().startsWith(site));
  return frame.evaluate(() => ({ visits: localStorage.getItem('visits'), cookies: document.cookie.split('; ').sort() }));
}

async function until(holds) {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    if (await holds()) return true;
    await new Promise((wake) => setTimeout(wake, 200));
  }
  return false;
}

/** The colour in the middle of a PNG, as the browser reads it. */
async function middleOf(page, png) {
  const easel = await page.context().newPage();
  try {
    return await easel.evaluate(async (base64) => {
      const image = new Image();
      image.src = `data:image/png;base64,${base64}`;
      await image.decode();
      const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
      context.drawImage(image, 0, 0);
      return [...context.getImageData(image.width / 2, image.height / 2, 1, 1).data.slice(0, 3)];
    }, png.toString('base64'));
  } finally {
    await easel.close();
  }
}
