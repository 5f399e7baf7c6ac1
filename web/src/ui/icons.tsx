/** Sixteen-pixel line icons. They are decoration: whatever they mean is also said in words. */

const SHAPES = {
  ring: ['spin', <><circle cx="8" cy="8" r="6" opacity=".25" /><path d="M8 2a6 6 0 0 1 6 6" /></>],
  search: ['', <><circle cx="7" cy="7" r="4.5" /><path d="m10.5 10.5 3 3" /></>],
  slashed: ['', <><circle cx="8" cy="8" r="6" /><path d="m4 12 8-8" /></>],
  waiting: ['', <circle cx="8" cy="8" r="6" strokeDasharray="2.2 2.51" />],
  live: ['', <><circle cx="8" cy="8" r="6.2" fill="currentColor" stroke="none" /><path d="m5.2 8.2 2 2 3.6-4" stroke="var(--surface)" /></>],
  check: ['', <path d="m3 8.5 3.2 3.2L13 4.8" />],
  failed: ['', <><path d="M5.5 1.9h5L14.1 5.5v5l-3.6 3.6h-5L1.9 10.5v-5z" fill="currentColor" stroke="none" /><path d="M8 4.8v3.8M8 11v.1" stroke="var(--surface)" strokeWidth="1.8" /></>],
  superseded: ['flip', <path d="m3.5 4 4 4-4 4M8.5 4l4 4-4 4" />],
  back: ['flip', <path d="M2.6 6.2A6 6 0 1 1 2 8.6M2.4 2.6v3.8h3.8" />],
  again: ['flip', <path d="M13.4 6.2A6 6 0 1 0 14 8.6M13.6 2.6v3.8h-3.8" />],
  circle: ['', <circle cx="8" cy="8" r="6" />],
  branch: ['', <><circle cx="4.5" cy="3.5" r="1.7" /><circle cx="4.5" cy="12.5" r="1.7" /><circle cx="11.5" cy="5.5" r="1.7" /><path d="M4.5 5.2v5.6M11.5 7.2c0 2.8-5 2-6.6 3.8" /></>],
  forward: ['flip', <path d="m6 4 4 4-4 4" />],
  down: ['', <path d="m4 6 4 4 4-4" />],
  up: ['', <path d="m4 10 4-4 4 4" />],
  plus: ['', <path d="M8 3v10M3 8h10" />],
  close: ['', <path d="m4 4 8 8M12 4l-8 8" />],
  more: ['', <><circle cx="3" cy="8" r=".6" fill="currentColor" /><circle cx="8" cy="8" r=".6" fill="currentColor" /><circle cx="13" cy="8" r=".6" fill="currentColor" /></>],
  out: ['flip', <path d="M6 3H3v10h10v-3M9 3h4v4M13 3 7.5 8.5" />],
  clock: ['', <><circle cx="8" cy="8" r="5.8" /><path d="M8 4.8V8l2.2 1.4" /></>],
  wrap: ['flip', <path d="M2.5 4h11M2.5 8h9a2 2 0 0 1 0 4H8m1.8-1.8L8 12l1.8 1.8M2.5 12h2" />],
  download: ['', <path d="M8 2.5v7.5m-3.2-3L8 10.2 11.2 7M3 13.5h10" />],
  lock: ['', <><rect x="3.5" y="7" width="9" height="6.5" rx="1.5" /><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2" /></>],
  eye: ['', <><path d="M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8Z" /><circle cx="8" cy="8" r="1.8" /></>],
  sort: ['', <path d="M2.5 4h11M4.5 8h7M6.5 12h3" />],
  copy: ['', <><rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5" /></>],
  site: ['', <><rect x="2" y="3" width="12" height="10" rx="1.5" /><path d="M2 6.2h12" /></>],
  folder: ['', <path d="M2 4.5A1.5 1.5 0 0 1 3.5 3h3l1.5 2h4.5A1.5 1.5 0 0 1 14 6.5v5a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 2 11.5z" />],
} as const satisfies Record<string, readonly [string, React.ReactNode]>

export type IconName = keyof typeof SHAPES

export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  const [manner, shape] = SHAPES[name]
  return <svg className={`icon ${manner} ${className}`} viewBox="0 0 16 16" aria-hidden="true">{shape}</svg>
}
