/** Berth's mark: two quays. */
export function Mark() {
  return (
    <svg className="size-5 text-accent" viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" aria-hidden="true">
      <path d="M4 3v11a3 3 0 0 0 3 3h9" />
      <path d="M9 3v8a1 1 0 0 0 1 1h6" opacity=".45" />
    </svg>
  )
}
