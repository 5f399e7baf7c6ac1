import { Link } from 'react-router'

export default function Home() {
  return (
    <main>
      <h1>React Router without a server</h1>
      <Link to="/about">About</Link>
    </main>
  )
}
