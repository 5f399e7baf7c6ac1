// Chromium drops what it loads whenever the machine's networks change, and every Berth and every test has Docker make
// and remove some. A person would load the page again.

/** Goes to a page of the control plane, and again while its scripts were dropped. */
export async function visit(page, address) {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await page.goto(address);
    const isDrawn = page.locator('main h1').first().waitFor({ timeout: 10_000 });
    if (await isDrawn.then(() => true, () => false)) return;
  }
  throw new Error(`${address} is not drawn`);
}

/** Whether the browser complains of that and of nothing else. */
export const isNetworkChange = (message) => message.text().includes('ERR_NETWORK_CHANGED');
