// What Write puts behind the types begins below the line. Above it stands what
// this file needs to be checked by itself.
export interface Routes {
  'GET /api/items/[id]': { path: { id: string }; query?: Query; response: unknown }
  'GET /api/feed': { events: { event: 'item'; data: unknown; id: string } }
}
export type Query = Record<string, unknown>
declare const jsonTexts: string[]
// ---
/** Why the service did not do what it was asked (RFC 9457). */
export interface Problem {
  type?: string
  title: string
  status: number
  detail?: string
  errors?: FieldError[]
  [extension: string]: unknown
}

/** A field that is wrong. The path is a JSON pointer, such as "/tags/0". */
export interface FieldError {
  in?: 'path' | 'query' | 'header' | 'cookie'
  path: string
  rule: string
  param?: string
  message: string
}

/** What api throws for a response that is not 2xx. */
export class ApiError extends Error {
  readonly status: number
  readonly problem: Problem
  readonly response: Response
  constructor(problem: Problem, response: Response) {
    super(problem.detail ?? problem.title)
    this.name = 'ApiError'
    this.status = response.status
    this.problem = problem
    this.response = response
  }
  /** The error of a field by its JSON pointer, such as "/title". */
  field(path: string): FieldError | undefined {
    const all: unknown = this.problem.errors
    return Array.isArray(all) ? all.find((e) => e?.path === path) : undefined
  }
}

export interface Options {
  signal?: AbortSignal
  /** For a route "*": GET without a body and POST with one, if absent. */
  method?: string
  /** What fetch takes besides, such as credentials or cache. */
  init?: RequestInit
}

export interface ClientConfig {
  /** What stands before the path, such as "https://api.example.com". */
  base?: string
  /** Stands in for fetch: on a server, in tests, to add a token. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
}

/** The parts of a request that a route takes. */
export type Call<K extends keyof Routes> = Omit<Routes[K], 'response' | 'events'> & Options
type Arguments<K extends keyof Routes> = {} extends Call<K> ? [call?: Call<K>] : [call: Call<K>]
type Result<K extends keyof Routes> = Routes[K] extends { response: infer R } ? R : never
/** The routes that send events. */
export type Events = { [K in keyof Routes]: Routes[K] extends { events: unknown } ? K : never }[keyof Routes]
/** An event of a route. */
export type ApiEvent<K extends keyof Routes> = Routes[K] extends { events: infer E } ? E : never

interface Parts extends Options {
  path?: Record<string, unknown>
  query?: Record<string, unknown>
  headers?: Record<string, unknown>
  body?: unknown
}

// The path of a route with its parameters in it. A segment that is empty or made of
// dots would be another path: browsers resolve it.
function fill(route: string, path: Record<string, unknown>): string {
  const filled = route.replace(/\/\[(\[?)(?:\.\.\.)?([^\]]+)\]\]?/g, (_, optional: string, name: string) => {
    const value = path[name]
    const segments = (Array.isArray(value) ? value : [value ?? '']).map(String)
    if (optional && segments.join('') === '') return ''
    if (segments.length === 0 || segments.some((s) => /^\.{0,2}$/.test(s))) {
      throw new TypeError(`${route} needs another ${name} than ${JSON.stringify(value)}`)
    }
    return segments.map((s) => '/' + encodeURIComponent(s)).join('')
  })
  return filled === '' ? '/' : filled
}

// Adds a value under a name as the service reads forms: a.b, a=1&a=2, a.0.b.
function add(to: URLSearchParams | FormData, name: string, value: unknown): void {
  if (value === undefined || value === null) return
  if (Array.isArray(value)) {
    value.forEach((v, i) => add(to, isObject(v) ? `${name}.${i}` : name, v))
  } else if (value instanceof Blob && to instanceof FormData) {
    to.append(name, value)
  } else if (isObject(value)) {
    for (const [k, v] of Object.entries(value)) add(to, name === '' ? k : /[.[]/.test(k) ? `${name}[${k}]` : `${name}.${k}`, v)
  } else {
    to.append(name, value instanceof Date ? value.toISOString() : String(value))
  }
}

function isObject(v: unknown): v is object {
  return typeof v === 'object' && v !== null && !(v instanceof Date) && !(v instanceof Blob)
}

function hasFile(v: unknown): boolean {
  return v instanceof Blob || (isObject(v) && Object.values(v).some(hasFile))
}

function request(route: string, call: Parts): [path: string, init: RequestInit] {
  let [method, path] = [route.slice(0, route.indexOf(' ')), route.slice(route.indexOf(' ') + 1)]
  if (method === '*') method = call.method ?? (call.body === undefined ? 'GET' : 'POST')
  path = fill(path, call.path ?? {})
  const query = new URLSearchParams()
  add(query, '', call.query ?? {})
  if (query.toString() !== '') path += '?' + query
  const headers = new Headers(call.init?.headers)
  for (const [name, value] of Object.entries(call.headers ?? {})) {
    if (value !== undefined && value !== null) headers.set(name, Array.isArray(value) ? value.join(', ') : String(value))
  }
  let body = call.body as BodyInit | undefined
  const ready = typeof body === 'string' ? !jsonTexts.includes(route) : ArrayBuffer.isView(body) ||
    [FormData, URLSearchParams, Blob, ArrayBuffer, ReadableStream].some((type) => body instanceof type)
  if (!ready && hasFile(body)) {
    add((body = new FormData()), '', call.body)
  } else if (!ready && body !== undefined) {
    headers.set('Content-Type', 'application/json')
    body = JSON.stringify(body)
  }
  const signal = call.signal ?? call.init?.signal
  return [path, { ...call.init, ...(signal && { signal }), ...(body !== undefined && { body }), method, headers }]
}

async function read(response: Response): Promise<unknown> {
  const type = response.headers.get('Content-Type') ?? ''
  const text = await response.text()
  return text === '' ? undefined : /^application\/([^;]*\+)?json\s*(;|$)/i.test(type) ? JSON.parse(text) : text
}

async function failure(response: Response): Promise<ApiError> {
  const plain = { title: response.statusText || 'HTTP ' + response.status, status: response.status }
  const value = await read(response).catch(() => undefined)
  if (typeof value === 'string') return new ApiError({ ...plain, detail: value.trim() }, response)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new ApiError(plain, response)
  const problem: Problem = { ...plain, ...value }
  if (typeof problem.title !== 'string') problem.title = plain.title
  // Many services have their message in another member.
  const detail = [problem.detail, problem.error, problem.message].find((text) => typeof text === 'string')
  if (typeof detail === 'string') problem.detail = detail
  else delete problem.detail
  return new ApiError(problem, response)
}

/** Makes functions that call the service. */
export function client(config: ClientConfig = {}) {
  const send = ([path, init]: [string, RequestInit]) =>
    (config.fetch ?? ((url: string, init: RequestInit) => fetch(url, init)))((config.base ?? '') + path, init)

  /** Calls a route and returns its response. Throws an ApiError for one that is not 2xx. */
  async function api<K extends keyof Routes>(route: K, ...[call]: Arguments<K>): Promise<Result<K>> {
    const response = await send(request(route, (call ?? {}) as Parts))
    if (!response.ok) throw await failure(response)
    return (await read(response)) as Result<K>
  }

  /**
   * The events of a route as they come. Connects again where it left off, after
   * a normal end too, as EventSource does, until the signal is aborted, the loop
   * is left, or the service answers 204. Throws an ApiError for any other response.
   */
  function events<K extends Events>(route: K, ...[call]: Arguments<K>): AsyncGenerator<ApiEvent<K>, void> {
    const given = (call ?? {}) as Parts
    const stop = new AbortController()
    const all = listen(route, given, stop) as AsyncGenerator<ApiEvent<K>, void>
    const end = all.return.bind(all)
    // A generator that waits for an event hears of its end after it.
    all.return = (value) => (stop.abort(), end(value))
    return all
  }

  async function* listen(route: string, given: Parts, stop: AbortController): AsyncGenerator<unknown, void> {
    const signal = given.signal ?? given.init?.signal
    const abort = () => stop.abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    let [id, retry] = ['', 3000]
    try {
      while (!stop.signal.aborted) {
        // The field has the bytes of UTF-8, as those that EventSource sends.
        const last = String.fromCharCode(...new TextEncoder().encode(id))
        const headers = { ...given.headers, Accept: 'text/event-stream', ...(id !== '' && { 'Last-Event-ID': last }) }
        const parts = request(route, { ...given, headers, signal: stop.signal })
        const response = await send(parts).catch(() => undefined) // without a connection, until there is one
        if (response?.status === 204) return
        if (response && !response.ok) throw await failure(response)
        if (response) yield* read(response)
        await pause()
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      stop.abort()
    }

    async function* read(response: Response): AsyncGenerator<unknown, void> {
      const type = response.headers.get('Content-Type') ?? ''
      if (response.body === null || !/^text\/event-stream\s*(;|$)/i.test(type)) {
        response.body?.cancel().catch(() => {})
        throw new ApiError({ title: `${route} sends no events but ${type || 'nothing'}`, status: response.status }, response)
      }
      for await (const block of blocks(response.body)) {
        if (block.id !== undefined) id = block.id
        if (block.retry !== undefined) retry = Math.min(block.retry, 2 ** 31 - 1) // more is no time at all for a timer
        if (stop.signal.aborted) return // there may be more in what has come with the last one
        if (block.data !== undefined) yield { event: block.event, data: json(block.data), id }
      }
    }

    function pause(): Promise<void> {
      return new Promise((done) => {
        const over = () => {
          clearTimeout(timer)
          stop.signal.removeEventListener('abort', over)
          done()
        }
        const timer = setTimeout(over, stop.signal.aborted ? 0 : retry)
        stop.signal.addEventListener('abort', over)
      })
    }
  }

  return { api, events }
}

/** Calls the service that the page comes from. */
export const { api, events } = client()

function json(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return data
  }
}

interface Block {
  event: string
  data?: string
  id?: string
  retry?: number
}

// The blocks of an event stream, by the rules of the HTML standard.
async function* blocks(body: ReadableStream<Uint8Array>): AsyncGenerator<Block, void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let [rest, block, some, cr] = ['', { event: 'message' } as Block, false, false]
  try {
    for (;;) {
      // A connection that breaks off has no more blocks.
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }))
      if (done) return
      const text = decoder.decode(value, { stream: true })
      if (text === '') continue
      const half = cr && text.startsWith('\n') // of a CRLF
      cr = text.endsWith('\r')
      const lines = (rest + (half ? text.slice(1) : text)).split(/\r\n|\n|\r/)
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === '') {
          if (some) yield block
          ;[block, some] = [{ event: 'message' }, false]
          continue
        }
        const [, name, text = ''] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? []
        if (name === 'data') block.data = block.data === undefined ? text : block.data + '\n' + text
        else if (name === 'event') block.event = text || 'message'
        else if (name === 'id' && !text.includes('\0')) block.id = text
        else if (name === 'retry' && /^[0-9]+$/.test(text)) block.retry = Number(text)
        else continue
        some = true
      }
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}
