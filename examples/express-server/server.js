import express from 'express'

const app = express()
app.get('/', (_, response) => response.send('A page that is made for each visitor'))
app.listen(process.env.PORT ?? 3000)
