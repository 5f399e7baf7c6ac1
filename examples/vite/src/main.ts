import './style.css'
import { pageFor } from './pages.ts'

const app = document.querySelector<HTMLElement>('#app')!

function show(path: string): void {
  const page = pageFor(path)
  app.innerHTML = `
    <h1>${page.title}</h1>
    <p>${page.text}</p>
    <nav><a href="/">Home</a> <a href="/about">About</a></nav>`
}

// Each address is answered with the same index.html; what it shows is decided here.
app.addEventListener('click', (event) => {
  const link = (event.target as Element).closest('a')
  if (!link) return
  event.preventDefault()
  history.pushState(null, '', link.href)
  show(location.pathname)
})
addEventListener('popstate', () => show(location.pathname))
show(location.pathname)
