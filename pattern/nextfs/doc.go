// Package nextfs reads the routes of a Next.js project from its files, and
// compares your Go routes with them in a test.
//
//	func TestRoutes(t *testing.T) {
//		nextfs.Check(t, os.DirFS("../web"), routes())
//	}
//
// The test fails with a list of what is left to port: files without a handler, for
// route handlers of app their methods that a handler lacks, and handlers without a
// file. A file of pages/api accepts every method: the test cannot see that its PUT is
// missing. It does not compare config either. Once it passes, it keeps the two in
// step. [Scan] returns the routes for other uses, and the
// command nextroutes prints them.
//
// A project that is ported in part has an old server for the rest. [Old] marks it,
// so that [Check] counts what it serves, and reports requests for one route that
// reach the handler of another. [Baseline] has the old server for every route, to
// start with; nextroutes -go prints that as Go code.
//
// The routes are the files below pages/api and those named route below app, both at
// the root of the project or in src. The package reads their names, the methods
// that route handlers export, and the settings in [Route.Config]. In particular:
//
//   - It does not read the configuration of the project, except the module aliases
//     in tsconfig.json. pageExtensions are an argument here. basePath precedes
//     every route: serve the handler inside http.StripPrefix. The service has to
//     implement rewrites, redirects and headers.
//   - It does not read the middleware or proxy file.
//   - Files that Next.js itself makes routes of, such as sitemap.ts, robots.ts and
//     icon.tsx, are not API routes.
//
// # Exports
//
// A route handler is parsed as JavaScript or TypeScript just enough to find its
// export declarations:
//
//	export async function GET() {}
//	export const POST = handler, PUT = handler
//	export const { PATCH, delete: DELETE } = handlers
//	export { handler as HEAD, OPTIONS } from "./handlers"
//	export * from "../crud"
//
// Re-exports from other files of the project count, if they are imported by a
// relative path, or by an alias or the baseUrl of tsconfig.json or jsconfig.json.
//
// Otherwise [Route.Unknown] has the reason: "export *" of a package, a CommonJS
// module, a variable that is declared without a value, or source that the parser
// does not understand, such as names with escapes. It does not detect an export that
// is undefined, or a type exported by a list without the word "type";
// Next.js can use neither.
//
// # Settings
//
// The settings of a route are read if they are literals, products of numbers, or
// constants with such values:
//
//	export const config = { api: { bodyParser: { sizeLimit: LIMIT } }, maxDuration: 60 }
//	export { config } from "../../lib/raw"
//	export const maxDuration = 5 * 60
//
// For any other value, [Setting.Unknown] has the reason.
//
// # Differences from Next.js
//
// They were found by building the projects in testdata with Next.js 16.4.6, except
// the last two, which are from its documentation and source.
//
//   - All conflicts are reported, by the names of the files. Next.js stops at the
//     first of most kinds, and finds some only when the server starts, not when
//     the project is built.
//   - Two files for one route of the same router, a.ts and a/index.ts or a.ts and
//     a.js, are a conflict. Next.js serves one of them.
//   - So are a route of one router and an optional catch-all of the other that
//     takes its path, which Next.js allows; a [pattern.Handler] does not.
//   - So is a file in the directory public at the path of a route. Next.js refuses
//     it for a file of pages, and serves it in place of a route handler.
//   - A parameter without a name, [], is an error. In pages, Next.js makes a route
//     of it that no path matches.
//   - Declarations, x.d.ts, are not routes. Next.js with Turbopack fails to
//     compile them below pages/api.
//   - The file pages/api.ts is an API route, as with webpack. Turbopack takes it
//     for a page.
//   - A route handler in an intercepting segment, such as (.)photo, is not a
//     route. Next.js serves it by that literal name.
//   - Conflicts between a route handler and generated files of Next.js, such as
//     sitemap.ts and sitemap.xml/route.ts, are not reported.
//   - A linked directory is searched, but links to directories in it are an error,
//     and so is a link that leads back. Next.js follows them all.
//   - A setting may be a product of numbers or a constant of another file. Next.js
//     requires a literal for settings that it reads at build time, such as
//     maxDuration.
//   - A file named like a route that is not a regular file is an error. A file of
//     more than 4 MB is not read, as [Route.Unknown] reports.
package nextfs
