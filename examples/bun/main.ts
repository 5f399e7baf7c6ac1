import { nanoid } from 'nanoid'

const visit: string = nanoid(8)
document.body.dataset.visit = visit
