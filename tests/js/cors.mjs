// A dashboard of the previous generation in a browser: a page of its own origin calls Berth with a bearer token.
// usage: node cors.mjs CHROMIUM '{"page", "origin", "token", "calls": [{"method", "path", "body"?}]}'
// Prints, as JSON, what the page got of each call: the status and the message, or that the browser kept it from it.
import { chromium } from 'playwright-core';

import { arrives } from './visit.mjs';

const [executablePath, given] = process.argv.slice(2);
const { page: address, origin, token, calls } = JSON.parse(given);

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});
try {
  const page = await browser.newPage();
  // What Chromium dropped itself tells nothing of the rules: then everything is asked again.
  let isDropped;
  page.on('requestfailed', (request) => { isDropped ||= request.failure().errorText.includes('ERR_NETWORK_CHANGED'); });
  let got;
  do {
    isDropped = !(await arrives(page, address));
    if (!isDropped) got = await page.evaluate(asked, { origin, token, calls });
  } while (isDropped);
  process.stdout.write(JSON.stringify(got));
} finally {
  await browser.close();
}

/** What a page gets of each call. */
async function asked({ origin, token, calls }) {
  const all = [];
  for (const { method, path, body } of calls) {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) };
    try {
      const answer = await fetch(origin + path, { method, headers, body: body && JSON.stringify(body) });
      all.push({ status: answer.status, message: (await answer.json()).message ?? null });
    } catch {
      all.push('kept from the page');
    }
  }
  return all;
}
