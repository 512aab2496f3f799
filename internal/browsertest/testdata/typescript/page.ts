// A page that uses the client as it is imported: against the service that the page
// comes from. What it has seen is in said once it is through.
import { api, ApiError, events } from './api.js'

async function main(said: string[]) {
  const list = await api('GET /api/posts', { query: { page: 2, sort: ['a', 'b'] } })
  said.push(`list ${list.items?.[0]?.title} ${list.next}`)
  try {
    await api('POST /api/posts', { body: { title: '', stars: 1 } })
  } catch (e) {
    if (!(e instanceof ApiError)) throw e
    said.push(`refused ${e.status} ${e.problem.errors?.map((f) => `${f.path} ${f.rule}`)}`)
  }
  said.push(`words ${await api('PUT /api/words', { body: 'hü' })}`)
  const photo = new File(['12345'], 'sea.png', { type: 'image/png' })
  said.push(`photo ${await api('POST /api/photos', { body: { title: 'Sea', photo } })}`)

  for await (const e of events('GET /api/feed')) said.push(`event ${e.event} ${e.id} ${e.event === 'post' ? e.data.title : e.data}`)

  const stop = new AbortController()
  for await (const e of events('GET /api/ticks', { signal: stop.signal })) {
    said.push(`tick ${e.data}`)
    if (e.data === 2) stop.abort()
  }
}

const said: string[] = []
main(said).then(() => said.push('end'), (e) => said.push(`failed: ${e}`)).then(() => Object.assign(globalThis, { said }))
