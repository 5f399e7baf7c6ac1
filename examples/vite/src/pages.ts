export interface Page {
  title: string
  text: string
}

const pages: Record<string, Page> = {
  '/': { title: 'It is live', text: 'A push was fetched, built in a container and published by Berth.' },
  '/about': { title: 'About', text: 'A small Vite project in TypeScript, served as a single-page application.' },
}

/** The page at an address; an unknown one says so. */
export function pageFor(path: string): Page {
  return pages[path] ?? { title: 'Not found', text: 'There is no page at this address.' }
}
