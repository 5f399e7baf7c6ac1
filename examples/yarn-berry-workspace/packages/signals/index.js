/** The flag for a letter. */
export const FLAGS = { A: 'I have a diver down', B: 'I carry dangerous goods', C: 'Yes' }
