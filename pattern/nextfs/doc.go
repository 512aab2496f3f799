// Package nextfs reads the routes of a Next.js project from its files, and
// compares them with those that a Go service has handlers for.
//
//	func TestRoutes(t *testing.T) {
//		nextfs.Check(t, os.DirFS("../web"), routes())
//	}
//
// The test fails with a list of what is left to port: files that have no
// handler, methods that a handler lacks, and handlers that have no file. Once
// it passes, it keeps the two in step. [Scan] returns the routes for other
// uses, and the command nextroutes prints them.
//
// A project that is ported in part has an old server for the rest. [Old] marks it,
// so that [Check] counts what it serves, and reports what matters then: requests for
// one route that reach the handler of another. [Baseline] begins with the old server
// for every route; nextroutes -go prints that as Go code.
//
// The routes are the files below pages/api and those named route below app,
// both at the root of the project or in src. Their names are read, the methods that
// route handlers export, and the settings in [Route.Config]. In particular:
//
//   - The configuration of the project is not read, but for the names of modules in
//     tsconfig.json. Its pageExtensions are an argument here. Its
//     basePath stands before every route: serve the handler behind
//     http.StripPrefix. Its rewrites, redirects and headers are for the service
//     to have.
//   - The middleware or proxy file is not.
//   - Files that Next.js makes routes of by itself, such as sitemap.ts, robots.ts
//     and icon.tsx, are no API routes.
//
// # Exports
//
// A route handler is read as JavaScript or TypeScript as far as it takes to
// find its export declarations:
//
//	export async function GET() {}
//	export const POST = handler, PUT = handler
//	export const { PATCH, delete: DELETE } = handlers
//	export { handler as HEAD, OPTIONS } from "./handlers"
//	export * from "../crud"
//
// What is exported of other files of the project counts, if they are named by a
// relative path, or by an alias or the baseUrl of tsconfig.json or jsconfig.json.
//
// Where that is not enough, [Route.Unknown] says so: for "export *" of a package,
// for a CommonJS module, for a variable that is declared without a value, and for
// source that the parser does not understand, such as names with escapes in them. It
// does not find out whether an export is undefined, or a type that is exported by a
// list without the word "type"; Next.js has no use for either.
//
// # Settings
//
// The settings of a route are read where they are literals, products of numbers, or
// constants that are:
//
//	export const config = { api: { bodyParser: { sizeLimit: LIMIT } }, maxDuration: 60 }
//	export { config } from "../../lib/raw"
//	export const maxDuration = 5 * 60
//
// Of any other one, [Setting.Unknown] says why it was not.
//
// # Differences from Next.js
//
// They were found by building the projects in testdata with Next.js 16.4.6,
// save the last, which its source says.
//
//   - All conflicts are reported, by the names of the files. Next.js stops at
//     the first of most kinds, and finds some of them only when the server
//     starts, not when the project is built.
//   - Two files for one route of the same router, a.ts and a/index.ts or a.ts
//     and a.js, are a conflict. Next.js serves one of them.
//   - So are a route of one router and an optional catch-all of the other that
//     takes its path, which Next.js allows; a [pattern.Handler] does not.
//   - So is a file in the directory public at the path of a route. Next.js
//     refuses it for a file of pages, and serves it in place of a route handler.
//   - A parameter without a name, [], is an error. In pages, Next.js takes it for
//     a route that no path matches.
//   - Declarations, x.d.ts, are no routes. Next.js fails to compile them below
//     pages/api if Turbopack does it.
//   - The file pages/api.ts is an API route, as with webpack. Turbopack takes it
//     for a page.
//   - A route handler in an intercepting segment, such as (.)photo, is no route.
//     Next.js serves it by that very name.
//   - Conflicts between a route handler and what Next.js generates, such as
//     sitemap.ts and sitemap.xml/route.ts, are not reported.
//   - A directory that a link leads to is searched, but links to directories in
//     it are an error, and so is a link that leads back. Next.js follows them all.
//   - A setting that is a product or the constant of another file is read. Next.js
//     takes those of pages/api, and refuses such a maxDuration when it builds.
//   - What is named like a route and is not a regular file is an error. Of a file
//     of more than 4 MB nothing is read, and [Route.Unknown] says so.
package nextfs
