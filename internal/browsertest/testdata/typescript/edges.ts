// The edges of the client, against servers that are functions. What it prints is
// in edges.txt.
import { client, ApiError } from './api.js'
declare const process: any
type R = (url: string, init: RequestInit) => Promise<Response> | Response
const enc = (s: string) => new TextEncoder().encode(s)
const sse = (chunks: (string | Uint8Array)[], hang = false, onCancel = () => {}) => new Response(new ReadableStream({
  start(c) { for (const x of chunks) c.enqueue(typeof x === 'string' ? enc(x) : x); if (!hang) c.close() }, cancel: onCancel }),
  { headers: { 'Content-Type': 'text/event-stream' } })
const made = (r: R) => client({ fetch: async (u, i) => r(u, i) }) as any
async function err(f: () => Promise<unknown>) { try { return await f() } catch (e: any) { return `${e.name} ${e.status ?? ''} ${e.message}` } }
const urls: string[] = []
const echo = made((u, i) => { urls.push(`${i.method} ${u}`); return new Response(null, { status: 204 }) })
console.log(await err(() => echo.api('GET /a/[id]', { path: { id: '..' } })))
console.log(await err(() => echo.api('GET /a/[...id]', { path: { id: ['x', '', 'y'] } })))
await echo.api('GET /[[...a]]'); await echo.api('GET /a b/[post-id]', { path: { 'post-id': 'x/y' } })
await echo.api('GET /a', { query: { a: [], b: null, c: undefined, d: false, e: [{ f: 1 }, { f: 2 }], g: new Date(0), h: { i: [1, 2], 'j.k': 1 } } })
console.log(urls.join('\n'))
for (const [s, t, b] of [[400, 'application/problem+json', '{"title":{},"errors":"x","detail":5}'], [400, 'application/json', '[1]'], [500, 'text/html', '<p>'], [400, 'application/json', 'null'], [400, 'application/json', 'oops'],
  [409, 'application/json', '{"error":"taken"}'], [400, 'application/json', '{"error":{"code":1},"message":"no name"}'], [404, 'application/problem+json', '{"title":"Gone","detail":"here","error":"not here"}']] as const) {
  const c = made(() => new Response(b, { status: s, headers: { 'Content-Type': t } }))
  try { await c.api('GET /a') } catch (e) { if (e instanceof ApiError) console.log(e.status, e.message, JSON.stringify(e.problem), e.field('/x')) }
}
async function all(r: R, max = 99) { const out: string[] = []; try { for await (const e of made(r).events('GET /e')) { out.push(`${e.event}:${e.id}:${JSON.stringify(e.data)}`); if (out.length >= max) break } } catch (e: any) { out.push(`${e.name} ${e.message}`) } return out.join(' ') }
const once = (f: () => Response) => { let n = 0; return () => n++ ? new Response(null, { status: 204 }) : f() }
const bytes = enc('\ufeffretry: 1\r\nid: é\r\ndata: "ü\u2028x€"\r\n\r\ndata: 1\r\r data: 2\n\n')
console.log(await all(once(() => sse([...bytes].map((b) => new Uint8Array([b]))))))
console.log(await all(once(() => sse(['retry: 1\ndata: 1\r', '\n', '\n', 'data: 2\n\n']))))
console.log(await all(() => new Response('<html>', { headers: { 'Content-Type': 'text/html' } })))
{ let n = 0; const stop = new AbortController(); setTimeout(() => stop.abort(), 100)
  for await (const _ of made(() => (n++, sse(['retry: 99999999999999\ndata: 1\n\n']))).events('GET /e', { signal: stop.signal })); console.log('connections', n) }
{ const headers: unknown[] = []; let n = 0
  for await (const _ of made((_u, i) => { headers.push(new Headers(i.headers).get('Last-Event-ID')); return n++ < 2 ? sse(['retry: 1\nid: ☃\ndata: 1\n\n']) : new Response(null, { status: 204 }) }).events('GET /e')); console.log(headers) }
{ let closed = false; const g = made(() => sse(['data: 1\n\n'], true, () => { closed = true })).events('GET /e')
  await g.next(); console.log(await err(() => g.throw(new Error('mine'))), closed) }
console.log(await err(() => made(() => new Response()).events('GET /e/[id]', { path: { id: '' } }).next()))
{ let closed = false; const g = made((_u, i) => { i.signal!.addEventListener('abort', () => { closed = true }); return sse(['data: 1\n\n'], true) }).events('GET /e')
  await g.next(); g.next(); const t = setTimeout(() => { console.log('still open'); process.exit(1) }, 2000); g.return(); await new Promise((r) => setTimeout(r, 20)); console.log('closed', closed); clearTimeout(t) }
{ const stop = new AbortController(), got: unknown[] = []
  for await (const e of made(() => sse(['data: 1\n\ndata: 2\n\n'], true)).events('GET /e', { signal: stop.signal })) { got.push(e.data); stop.abort() }
  console.log('aborted after', got) }
process.exit(0)
