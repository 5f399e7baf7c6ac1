import { FLAGS } from '@example/signals'

for (const [letter, meaning] of Object.entries(FLAGS)) {
  document.body.append(`${letter}: ${meaning}. `)
}
