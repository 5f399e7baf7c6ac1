export const GREETING = 'Ahoy from a shared package'
