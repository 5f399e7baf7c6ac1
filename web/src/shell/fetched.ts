/**
 * The files of a piece, fetched before they are imported. A browser never asks again for a module whose import has failed, nor for
 * what it imports in its turn: it remembers the failure until the page is loaded anew. So nothing is imported that has not arrived;
 * from here it lies in the browser's cache, for the names of files are those of their contents.
 *
 * The build calls this where the source says `import()` (vite.config.ts).
 */

const arrived = new Map<string, Promise<void>>()

/** Imports by `load` once all its `files`, the module's own among them, are there; fails without importing when one does not come. */
export async function fetchedFirst<Module>(load: () => Promise<Module>, files: readonly string[] = []): Promise<Module> {
  await Promise.all(files.map(arrival))
  return load()
}

function arrival(file: string): Promise<void> {
  const known = arrived.get(file)
  if (known) return known
  const coming = fetchFile(file)
  arrived.set(file, coming)
  coming.catch(() => arrived.delete(file))
  return coming
}

async function fetchFile(file: string): Promise<void> {
  const response = await fetch(`${import.meta.env.BASE_URL}${file}`)
  if (!response.ok) throw new TypeError(`${file}: the server answered ${response.status}`)
  // Only what was read to its end is kept by the cache.
  await response.arrayBuffer()
}
