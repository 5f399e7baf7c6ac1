// Before the first paint: what was chosen here, else what the system prefers. The page's own code follows it later (theme.ts).
document.documentElement.dataset.theme =
  localStorage.getItem('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
