// Uses what openapi-typescript writes for the document of examples/compose/openapi.
import type { components, paths } from './api.js'

export const slug: paths['/api/docs/{slug}']['get']['parameters']['path'] = { slug: 'a/b' }
export const lang: paths['/api/docs']['get']['parameters']['query'] = { lang: 'en' }
// @ts-expect-error there is no segment
export const none: paths['/api/docs']['get']['parameters']['path'] = { slug: 'a' }

export const post: components['schemas']['NewPost'] = { title: 'x', kind: 'draft', stars: 0 }
// @ts-expect-error stars is required
export const starless: components['schemas']['NewPost'] = { title: 'x' }
// @ts-expect-error there is no such kind
export const odd: components['schemas']['NewPost'] = { title: 'x', kind: 'other', stars: 0 }

type Got = paths['/api/posts/{id}']['get']['responses'][200]['content']['application/json']
export const titleOf = (got: Got): number => got.id
// @ts-expect-error a response has no such field
export const wrong = (got: Got) => got.nothing
