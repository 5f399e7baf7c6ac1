// What visitors of a project asked for since Berth started, in numbers and by minutes of the last hour.

import { h, moment } from './dom.js'

const NUMBER = new Intl.NumberFormat()
const SHARE = new Intl.NumberFormat(undefined, { style: 'percent' })
const HOUR = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })

export function traffic({ since, requests, statuses, bytes, cacheHits, latency, minutes }) {
  if (!requests) {
    return h('section', { className: 'panel', 'aria-label': 'Visitors' },
      h('p', { className: 'muted' }, 'Nobody has asked for anything since Berth started, ', moment(since), '.'))
  }
  return h('section', { className: 'panel', 'aria-label': 'Visitors' },
    h('dl', { className: 'figures' },
      figure('Requests', NUMBER.format(requests)),
      figure('Sent', size(bytes)),
      figure('Not found, refused', NUMBER.format(statuses['4xx'])),
      figure('Failed', NUMBER.format(statuses['5xx'])),
      figure('From memory', SHARE.format(cacheHits / requests)),
      latency && figure('Half answered within', duration(latency.p50)),
      latency && figure('99 % within', duration(latency.p99))),
    chart(minutes),
    h('p', { className: 'small muted' }, 'Production and previews together, since Berth started, ', moment(since), '.'))
}

function figure(name, value) {
  return h('div', {}, h('dt', { className: 'small muted' }, name), h('dd', {}, value))
}

/** A bar a minute; the newest at the end. */
function chart(minutes) {
  const now = Date.now()
  const bars = Array(60).fill(0)
  for (const { from, requests } of minutes) {
    const past = Math.floor((now - new Date(from)) / 60_000)
    if (past >= 0 && past < 60) bars[59 - past] += requests
  }
  const most = Math.max(...bars)
  const words = most
    ? `Requests by minute in the last hour; most, ${NUMBER.format(most)}, at ${HOUR.format(now - (59 - bars.indexOf(most)) * 60_000)}`
    : 'No requests in the last hour'
  return h('div', { className: 'bars', role: 'img', 'aria-label': words, title: words }, bars.map((requests) => {
    const bar = h('span')
    // A minute with anything at all shows.
    if (requests) bar.style.blockSize = `${Math.max(6, Math.round((requests / most) * 100))}%`
    return bar
  }))
}

/** `940 bytes`, `1.2 MB`. */
function size(bytes) {
  const units = ['kB', 'MB', 'GB', 'TB']
  if (bytes < 1_000) return `${NUMBER.format(bytes)} bytes`
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length)
  const value = bytes / 1_000 ** power
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)} ${units[power - 1]}`
}

/** `0.05 ms`, `12 ms`, `1.2 s`. */
function duration(seconds) {
  const ms = seconds * 1_000
  const digits = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 2 })
  return ms < 1_000 ? `${digits.format(ms)} ms` : `${digits.format(seconds)} s`
}
