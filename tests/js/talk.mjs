// A visitor whose browser talks to an application both ways: `talk.mjs <Chromium> <address>`. It sends a text and a
// mebibyte over a WebSocket and listens to the server's events, and prints what came back as JSON.
import { chromium } from 'playwright-core';

import { FLAGS } from './dashboard/browser.mjs';
import { arrives } from './visit.mjs';

const [executablePath, address] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: FLAGS });
try {
  const page = await browser.newPage();
  while (!(await arrives(page, address)));
  const said = await page.evaluate(async () => {
    const socket = new WebSocket(new URL('/ws', location.href.replace(/^http/, 'ws')));
    socket.binaryType = 'arraybuffer';
    await new Promise((open, refuse) => {
      socket.onopen = open;
      socket.onerror = () => refuse(new Error('the WebSocket was refused'));
    });
    const answer = (message) =>
      new Promise((heard) => {
        socket.onmessage = ({ data }) => heard(data);
        socket.send(message);
      });
    const text = await answer('ahoy, berth');
    const bytes = new Uint8Array(1 << 20).map((_, at) => at % 251);
    const back = new Uint8Array(await answer(bytes));
    const echoed = back.length === bytes.length && back.every((byte, at) => byte === bytes[at]);
    socket.close();

    const ticks = await new Promise((ended, refuse) => {
      const heard = [];
      const events = new EventSource('/sse');
      events.onmessage = ({ data, lastEventId }) => {
        heard.push({ data, id: lastEventId, at: Math.round(performance.now()) });
        if (heard.length < 5) return;
        events.close();
        ended(heard);
      };
      events.onerror = () => refuse(new Error(`the events ended after ${heard.length}`));
    });
    return { text, echoed, ticks };
  });
  console.log(JSON.stringify(said));
} finally {
  await browser.close();
}
