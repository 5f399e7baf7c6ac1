/**
 * Where to after signing in: an address of this dashboard. Anything else that a link asks to go on to is not followed, and nothing
 * that browsers read as another host: they skip tabs and line breaks, and take a backslash for a slash.
 */
export function ownAddress(next: string | undefined): string {
  return next && /^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(next) ? next : '/'
}
