/** Where to after signing in: an address of this dashboard. Anything else that a link asks to go on to is not followed. */
export function ownAddress(next: string | undefined): string {
  return next?.startsWith('/') && !/^\/[/\\]/.test(next) ? next : '/'
}
