// Fills a fresh Berth with the projects of scripts/harbour and stops it again: harbour.mjs BINARY. Where: the variables of
// `make run` (BERTH_DATA_DIR, BERTH_DEPLOYMENTS_DIR, BERTH_LISTEN, …); the git endpoint's port is kept in data/run.

import { openHarbour } from './harbour/open.mjs'

const { stop } = await openHarbour(process.argv[2], console.log)
await stop()
process.exit(0)
