import Link from 'next/link'

export default function Home() {
  return (
    <main>
      <h1>Next.js, exported</h1>
      <Link href="/notes/tides/">A note about tides</Link>
    </main>
  )
}
