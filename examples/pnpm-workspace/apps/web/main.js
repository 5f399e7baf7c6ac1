import { BETWEEN_HIGH_WATERS } from '@example/tides'

document.querySelector('#hours').textContent = `${BETWEEN_HIGH_WATERS} hours`
