import { render } from 'preact'

render(<h1>Preact, bundled by a script</h1>, document.body)
