/** A sentence of the server's that the page does not say in other words: English, in a page of any language. */

export function English({ children }: { children: string | null }) {
  return <bdi lang="en">{children}</bdi>
}
