package nextfs_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/apiece/apiece/pattern/nextfs"
)

// config is the text of a Config, with a question mark for unknown values.
func config(r nextfs.Route) string {
	var all []string
	for _, s := range r.Config {
		if s.Unknown != "" {
			all = append(all, s.Name+"? "+s.Unknown)
		} else {
			all = append(all, fmt.Sprintf("%s=%#v", s.Name, s.Value))
		}
	}
	return strings.Join(all, "; ")
}

// files are modules that the rows refer to.
var settingsFiles = map[string]string{
	"tsconfig.json": `{
	// of the project
	"extends": ["./base.json"], "compilerOptions": {"paths": {"@/*": ["./lib/*"], "@limits": ["./lib/limits",],}} /* , */
}`,
	"base.json":        `{"compilerOptions": {"baseUrl": "src"}}`,
	"lib/limits.ts":    "export const MAX = '2mb', seconds = 30, other = seconds; export const config = { api: { bodyParser: false } }; const inner = 7; export { inner as maxDuration }",
	"lib/raw.js":       "export const api = { bodyParser: false }\nexport const config = { api }\nexport default 1",
	"src/here.ts":      "export const x = 5",
	"pages/circle.ts":  "import { b } from './circle2'; export const a = b",
	"pages/circle2.ts": "import { a } from './circle'; export const b = a",
}

func TestRouteConfigOfPages(t *testing.T) {
	for _, c := range []struct{ src, want, why string }{
		{"", "", ""},
		{"export default function config() {}", "", "another thing by that name"},
		{"export const config = { api: { bodyParser: false } }", "api.bodyParser=false", ""},
		{"export const config = { api: { bodyParser: { sizeLimit: '10mb' }, responseLimit: false, externalResolver: true }, maxDuration: 60 }",
			`api.bodyParser.sizeLimit="10mb"; api.responseLimit=false; api.externalResolver=true; maxDuration=60`, "all there is"},
		{"export const config: PageConfig = {\n  'api': { \"bodyParser\": true, },\n} satisfies X\nexport default f", "api.bodyParser=true", "with types"},
		{"const config = { api: { bodyParser: false as const } } as const\nexport { config }\nexport default f", "api.bodyParser=false", "in a list"},
		{"const c = { maxDuration: 5 }; export { f as default, c as config }", "maxDuration=5", "by another name"},
		{"export { default, config } from '../../lib/raw'", "api.bodyParser=false", "of another file"},
		{"export * from '../../lib/raw'", "api.bodyParser=false", "likewise"},
		{"export { config } from '@/raw'", "api.bodyParser=false", "by an alias"},
		{"import { MAX, seconds as s } from '@limits'; import { x } from 'here'\nexport const config = { api: { bodyParser: { sizeLimit: MAX } }, maxDuration: s, x }",
			`api.bodyParser.sizeLimit="2mb"; maxDuration=30; x=5`, "constants of others"},
		{"import d, { other } from '@/limits.js'\nexport const maxDuration = other", "maxDuration=30", "a constant of a constant"},
		{"export { maxDuration } from '@limits'", "maxDuration=7", ""},
		{"const base = { maxDuration: 5, runtime: 'edge' }\nexport const config = { ...base, maxDuration: 6 }", `runtime="edge"; maxDuration=6`, "the last one wins"},
		{"export const config = { maxDuration: 4 * 60, api: { responseLimit: 8 * 1024 * 1024, bodyParser: { sizeLimit: 1_000 } } }",
			"maxDuration=240; api.responseLimit=8.388608e+06; api.bodyParser.sizeLimit=1000", "products"},
		{"export const maxDuration = 5\nexport const config = { maxDuration: 6 }", "maxDuration=5", "the export comes before the member, as in Next.js"},
		{"export const maxDuration = 5 // seconds\nexport default f", "maxDuration=5", ""},
		{"export const maxDuration = 5, runtime = 'nodejs', preferredRegion = ['iad1', `fra1`], revalidate = -1, x = 1",
			`maxDuration=5; runtime="nodejs"; preferredRegion=[]interface {}{"iad1", "fra1"}; revalidate=-1`, ""},
		{"export const maxDuration = null, dynamic = undefined", "maxDuration=<nil>; dynamic=<nil>", ""},

		{"export const maxDuration = isProd ? 60 : 5", "maxDuration? an expression", ""},
		{"export const maxDuration = env.MAX", "maxDuration? an expression", ""},
		{"export const maxDuration = 5 + 5", "maxDuration? an expression", ""},
		{"export const maxDuration = 5 * x", "maxDuration? an expression", ""},
		{"export const maxDuration = -x", "maxDuration? an expression", ""},
		{"export const maxDuration = /5/", "maxDuration? an expression", ""},
		{"export const dynamic = 'a\\n'", "dynamic? a string with an escape", ""},
		{"export const dynamic = `a${b}`", "dynamic? a template", ""},
		{"export let maxDuration = 5", "maxDuration? a variable, which may be assigned another value", ""},
		{"let m = 5\nm = 6\nexport const maxDuration = m", "maxDuration? a variable, which may be assigned another value", ""},
		{"export const maxDuration = missing", "maxDuration? missing is no constant of pages/api/a.ts", ""},
		{"import { m } from 'package'\nexport const maxDuration = m", `maxDuration? m is imported from "package"`, ""},
		{"import { nothing } from '@limits'\nexport const maxDuration = nothing", "maxDuration? nothing is no constant of lib/limits.ts", ""},
		{"export function config() {}", "config? config is no constant of pages/api/a.ts", ""},
		{"export const config = make({ api: {} })", "config? an expression", ""},
		{"export const config = { ...rest, maxDuration: 5 }", "config? an object with rest is no constant of pages/api/a.ts in it", ""},
		{"export const config = { maxDuration: 5, [key]: 1 }", "config? an object with a method, or a name that is computed in it", ""},
		{"export const config = { api: { bodyParser: f(), responseLimit: false, g() {} } }", "api.bodyParser? an expression; api.responseLimit=false; api.g? a method, or a name that is computed", "what can be read is"},
		{"export const config = { matcher: [{ source: '/x' }], regions: ['a', f()] }", "matcher? a list of objects; regions? an expression", ""},
		{"import { a } from '../circle'\nexport const maxDuration = a", "maxDuration? it leads to more than 100 modules", "a circle"},
		{"const a = [b, b], b = [a, a]\nexport const preferredRegion = a", "preferredRegion? constants refer to more than 1000 others", "likewise"},
		{"export * from 'package'", `config? export * from "package"`, "what is not known"},
		{"module.exports = handler\nmodule.exports.config = { api: {} }", "config? a CommonJS module", ""},
		{"module.exports = handler", "", ""},
		{"export const config = { api: {} }\nconst x = 'open", "config? line 2: a string is not closed", ""},
		{"export const config = { maxDuration: 5 ", "config? } is missing", ""},
		{"export const config = { x: {" + strings.Repeat("a: 1, ", 101) + "} }", "config? an object with more than 100 members", ""},
		{"export const preferredRegion = [" + strings.Repeat("1, ", 101) + "]", "preferredRegion? a list of more than 100 values", ""},
		{"export const preferredRegion = " + strings.Repeat("[", 600) + strings.Repeat("]", 600), "preferredRegion? brackets are nested too deep", ""},
		{"x as const\nmaxDuration = 5\nexport { maxDuration }", "maxDuration? maxDuration is no constant of pages/api/a.ts", "no declaration"},
	} {
		tree := fstest.MapFS{"pages/api/a.ts": {Data: []byte(c.src)}}
		for name, src := range settingsFiles {
			tree[name] = &fstest.MapFile{Data: []byte(src)}
		}
		routes, err := nextfs.Scan(tree)
		if err != nil || len(routes) != 1 {
			t.Fatal(routes, err)
		}
		if got := config(routes[0]); got != c.want {
			t.Errorf("%s (%s)\n got %s\nwant %s", c.src, c.why, got, c.want)
		}
	}
}

// TestRouteConfigOfApp: the settings of a route handler.
func TestRouteConfigOfApp(t *testing.T) {
	routes, err := nextfs.Scan(fstest.MapFS{
		"app/a/route.ts": {Data: []byte("export const runtime = 'edge', maxDuration = 60, dynamic = 'force-dynamic'\nexport const config = { api: { bodyParser: false } }\nexport function GET() {}")},
		"app/b/route.ts": {Data: []byte("export * from '../a/route'")},
		"app/c/route.ts": {Data: []byte("export * from 'package'")},
	})
	if err != nil || len(routes) != 3 {
		t.Fatal(routes, err)
	}
	const want = `maxDuration=60; runtime="edge"; dynamic="force-dynamic"`
	const none = "; config? Next.js reads none of a route handler"
	if a, b, c := config(routes[0]), config(routes[1]), config(routes[2]); a != want+none || b != want || c != "" {
		t.Errorf("%s\n%s\n%s", a, b, c)
	}
}

// TestTSConfigAliases: modules of the project by their names in tsconfig.json.
func TestTSConfigAliases(t *testing.T) {
	for _, c := range []struct{ tsconfig, module, want, why string }{
		{``, "@/x", "", "no configuration"},
		{`{"compilerOptions": {"paths": {"@/*": ["./*"]}}}`, "@/lib/x", "GET", ""},
		{`{"compilerOptions": {"paths": {"@/*": ["./*"]}}}`, "@/lib/y", "", "no such file"},
		{`{"compilerOptions": {"paths": {"@/*": ["nowhere/*", "lib/*"]}}}`, "@/x", "GET", "the second place"},
		{`{"compilerOptions": {"paths": {"@/*": ["./other/*"], "@/lib/*": ["./lib/*"]}}}`, "@/lib/x", "GET", "the longer text"},
		{`{"compilerOptions": {"paths": {"*": ["./other/*"], "crud": ["./lib/x"]}}}`, "crud", "GET", "no star"},
		{`{"compilerOptions": {"paths": {"#*.js": ["./lib/*"]}}}`, "#x.js", "GET", "text behind the star"},
		{`{"compilerOptions": {"baseUrl": "."}}`, "lib/x", "GET", ""},
		{`{"compilerOptions": {"baseUrl": "./lib", "paths": {"~/*": ["./*"]}}}`, "~/x", "GET", "paths are relative to it"},
		{`{"compilerOptions": {"paths": {"@/*": ["../*"]}}}`, "@/x", "", "outside of the project"},
		{`{"compilerOptions": {"paths": {"@/*": ["/*"]}}}`, "@/lib/x", "", "likewise"},
		{`{"extends": "./conf/base"}`, "@/x", "GET", "of another file"},
		{`{"extends": ["./tsconfig.json", "./tsconfig.json", "./conf/base.json"]}`, "@/x", "GET", "of several, and of itself"},
		{`{"extends": "@company/tsconfig"}`, "@/x", "", "of a package"},
		{"\ufeff{\n// a \"comment\"\n/* another */ \"compilerOptions\": {\"paths\": {\"@//*\": [\"./lib/*\",\n],},}}", "@//x", "GET", "as editors write it"},
		{`{"compilerOptions": {"paths": {"@/*": "./lib/*"}}}`, "@/x", "", "another type"},
		{`{"compilerOptions": /*`, "@/x", "", "no JSON"},
		{`{"compilerOptions": "`, "@/x", "", "likewise"},
		{`]`, "@/x", "", "likewise"},
	} {
		tree := fstest.MapFS{
			"app/route.ts":   {Data: fmt.Appendf(nil, "export * from %q", c.module)},
			"lib/x.ts":       {Data: []byte("export const GET = 1")},
			"conf/base.json": {Data: []byte(`{"extends": "../tsconfig.json", "compilerOptions": {"paths": {"@/*": ["../lib/*"]}}}`)},
		}
		if c.tsconfig != "" {
			tree["tsconfig.json"] = &fstest.MapFile{Data: []byte(c.tsconfig)}
		}
		routes, err := nextfs.Scan(tree)
		if err != nil || len(routes) != 1 {
			t.Fatal(routes, err)
		}
		unknown := ""
		if c.want == "" {
			unknown = fmt.Sprintf("export * from %q", c.module)
		}
		if got := strings.Join(routes[0].Methods, " "); got != c.want || routes[0].Unknown != unknown {
			t.Errorf("%s %s: %q %q, want %q (%s)", c.tsconfig, c.module, got, routes[0].Unknown, c.want, c.why)
		}
	}
}
