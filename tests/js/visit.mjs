// Chromium drops what it loads whenever the machine's networks change, and every Berth and every test has Docker make
// and remove some. A person would load the page again.

/** Goes to a page of the control plane, and again while its scripts or styles were dropped. */
export async function visit(page, address) {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    if (!(await arrives(page, address))) continue;
    const isDrawn = page.locator('main h1').first().waitFor({ timeout: 10_000 });
    if (await isDrawn.then(() => hasStyles(page), () => false)) return;
  }
  throw new Error(`${address} is not drawn`);
}

/** Goes to an address; whether it got there before the networks changed: the answer, where there was one. */
export async function arrives(page, address) {
  try {
    return (await page.goto(address)) ?? true;
  } catch (error) {
    if (error.message.includes('ERR_NETWORK_CHANGED')) return false;
    throw error;
  }
}

/** Whether the page's stylesheets came, too: without them it is drawn as well, and nothing is as large as it should be. */
function hasStyles(page) {
  return page.evaluate(() => [...document.querySelectorAll('link[rel="stylesheet"]')].every(({ sheet }) => sheet?.cssRules.length > 0));
}

/** Whether the browser complains of that and of nothing else. */
export const isNetworkChange = (message) => message.text().includes('ERR_NETWORK_CHANGED');
