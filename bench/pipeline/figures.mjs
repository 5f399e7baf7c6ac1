// Medians and what is printed of them. Times are milliseconds here and seconds on the screen.

/** The middle value; of an even number the mean of both. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Prints the pushes of one kind, `{ live, steps }` each, beside the times of the bare runs. */
export function report(kind, pushes, bare) {
  const live = median(pushes.map((push) => push.live))
  console.log(`\n${kind} (median of ${pushes.length}, range)`)
  line('webhook to live', pushes.map((push) => push.live))
  for (const { name } of pushes[0].steps) {
    line(`  ${name}`, pushes.map((push) => push.steps.find((step) => step.name === name)?.took ?? 0))
  }
  line('  rest (queue, switch, poll)', pushes.map((push) => push.live - push.steps.reduce((sum, step) => sum + step.took, 0)))
  if (!bare) return
  const alone = median(bare)
  line('bare docker run', bare)
  console.log(`Berth / bare ${(live / alone).toFixed(2)}, Berth - bare ${seconds(live - alone)}`)
}

function line(name, values) {
  const range = `${seconds(Math.min(...values))} … ${seconds(Math.max(...values))}`
  console.log(`${name.padEnd(28)} ${seconds(median(values)).padStart(8)}   ${range}`)
}

const seconds = (milliseconds) => `${(milliseconds / 1_000).toFixed(3)} s`
