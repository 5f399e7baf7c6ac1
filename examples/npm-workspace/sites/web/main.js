import { GREETING } from '@example/words'

document.querySelector('h1').textContent = GREETING
