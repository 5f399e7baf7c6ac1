const notes = { tides: 'Two high waters a day.', winds: 'From the west, mostly.' }

export const generateStaticParams = () => Object.keys(notes).map((name) => ({ name }))

export default async function Note({ params }) {
  const { name } = await params
  return (
    <main>
      <h1>{name}</h1>
      <p>{notes[name]}</p>
    </main>
  )
}
