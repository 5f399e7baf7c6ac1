/** What the page of a project has only where something runs; it comes as one piece. */

export { RunsPanel } from './runs-panel'
export { ServicesPanel } from './services-panel'
export { VolumesPanel } from './volumes-panel'
