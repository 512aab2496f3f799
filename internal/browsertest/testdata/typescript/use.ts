// A front end that uses each part of the client. It is compiled with --strict, and
// run with the address of a service; what it prints is compared.
import { api, ApiError, client, events, type NewPost, type Routes } from './api.js'

declare const process: { argv: string[] }
const calls: string[] = []
const base = process.argv[2] ?? ''
const here = client({
  base,
  fetch: (url, init) => {
    calls.push(init.method + ' ' + url.slice(base.length))
    return fetch(url, init)
  },
})

async function main() {
  const list = await here.api('GET /api/posts', { query: { page: 2, sort: ['a', 'b'], where: { author: 'x y' } } })
  const first: string | undefined = list.items?.[0]?.title
  console.log('list', first, list.next)

  const post: NewPost = { title: 'Hello', kind: 'draft', stars: 0 }
  const made = await here.api('POST /api/posts', { body: post })
  console.log('made', made.id, made.title, made.tags)

  const changed = await here.api('PATCH /api/posts/[id]', {
    path: { id: 7 }, query: { draft: false }, headers: { 'X-Token': 'secret' }, body: { title: null },
  })
  console.log('changed', changed.title)

  console.log('docs', await here.api('GET /api/docs/[[...slug]]'), await here.api('GET /api/docs/[[...slug]]', { path: { slug: ['a/b', 'ü'] } }))
  console.log('raw', await here.api('* /api/raw/[...path]', { path: { path: ['x', 'y'] }, method: 'PUT', body: 'text' }))
  console.log('photo', await here.api('POST /api/photos', { body: { title: 'Sea', photo: new Blob(['12345']) } }))

  console.log('words', await here.api('PUT /api/words', { body: 'say "hü"' }), await here.api('POST /api/words', { body: 'raw' }))

  try {
    await here.api('POST /api/posts', { body: { title: '', stars: 1 } })
  } catch (e) {
    if (!(e instanceof ApiError)) throw e
    console.log('refused', e.status, e.message, e.field('/title')?.rule)
  }
  try {
    await here.api('* /api/raw/[...path]', { path: { path: ['missing'] } })
  } catch (e) {
    if (!(e instanceof ApiError)) throw e
    console.log('missing', e.status, e.message)
  }
  try {
    await here.api('GET /api/docs/[[...slug]]', { signal: AbortSignal.abort() })
  } catch (e) {
    console.log('aborted', (e as Error).name)
  }

  for await (const e of here.events('GET /api/feed')) {
    if (e.event === 'post') {
      const title: string = e.data.title
      console.log('event', e.id, title)
    } else {
      const n: number = e.data
      console.log('event', e.id, n)
    }
  }
  for await (const e of here.events('GET /api/any')) {
    const name: string = e.event
    console.log('any', name, e.data)
    break
  }
  console.log(calls.join('\n'))
}

// Uses that the compiler has to refuse.
export const wrong: (() => unknown)[] = [
  // @ts-expect-error there is no such route
  () => api('GET /api/nothing'),
  // @ts-expect-error the parameter is missing
  () => api('PATCH /api/posts/[id]', { headers: { 'X-Token': 'x' } }),
  // @ts-expect-error the header is missing
  () => api('PATCH /api/posts/[id]', { path: { id: 1 } }),
  // @ts-expect-error no such kind
  () => api('POST /api/posts', { body: { title: 'x', kind: 'other', stars: 1 } }),
  // @ts-expect-error stars is required
  () => api('POST /api/posts', { body: { title: 'x' } }),
  // @ts-expect-error a number is not a text
  () => api('POST /api/posts', { body: { title: 1, stars: 1 } }),
  // @ts-expect-error there is no such field in the query
  () => api('GET /api/posts', { query: { pages: 2 } }),
  // @ts-expect-error a list may be null
  async () => (await api('GET /api/posts')).items.length,
  // @ts-expect-error the response has no such field
  async () => (await api('POST /api/posts', { body: { title: 'x', stars: 1 } })).nothing,
  // @ts-expect-error this route sends no events
  () => events('GET /api/posts'),
  // @ts-expect-error the data of this one is not known
  async () => { for await (const e of events('GET /api/any')) e.data.title },
  // @ts-expect-error and this one nothing else
  async () => (await api('GET /api/feed')).title,
]
export type Known = keyof Routes

await main()
