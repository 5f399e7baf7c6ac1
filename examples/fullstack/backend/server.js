import Fastify from 'fastify'

const app = Fastify({ logger: true })

app.get('/api/health', () => ({ healthy: true }))
app.get('/api/greeting', ({ query }) => ({ text: `${process.env.GREETING}, ${query.name ?? 'stranger'}!` }))

// Without a host only the container itself would reach it.
await app.listen({ port: Number(process.env.PORT ?? 3000), host: '0.0.0.0' })

// What was asked is answered before it ends.
process.once('SIGTERM', () => app.close())
