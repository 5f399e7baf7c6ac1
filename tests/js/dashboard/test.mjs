// The other half of a test: what it asks this process to do, and what this process asks it for.
import { createInterface } from 'node:readline';

import { Browser } from './browser.mjs';

/**
 * Runs `story(browser, task, ask)`. The arguments are Chromium's path and the task as JSON. Each line of output is JSON: a
 * request, answered by a line of input, or at last `{"saw": …}` with what the story returns.
 */
export async function run(name, story) {
  const [executablePath, given] = process.argv.slice(2);
  const task = JSON.parse(given);
  const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const ask = async (request) => {
    process.stdout.write(`${JSON.stringify(request)}\n`);
    const { done, value } = await answers.next();
    if (done) throw new Error(`the test ended before it answered ${JSON.stringify(request)}`);
    return JSON.parse(value);
  };
  const browser = await Browser.launch(executablePath, task);
  try {
    const saw = await story(browser, task, ask);
    process.stdout.write(`${JSON.stringify({ saw: { ...saw, complaints: browser.complaints } })}\n`);
  } catch (error) {
    process.stderr.write(`${error.stack}\n${await browser.describe(name)}\n`);
    process.exitCode = 1;
  } finally {
    await browser.close();
    process.stdin.destroy();
  }
}
