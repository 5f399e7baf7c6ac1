/** Something that went wrong and that the person at the terminal can act on: shown without a stack. */
export class Problem extends Error {}
