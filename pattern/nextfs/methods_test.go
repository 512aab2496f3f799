package nextfs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern/nextfs"
)

// TestExportedMethods has cases that the recorded project of that name lacks:
// source that Next.js refuses to build, or that is hard to parse. Rows for
// files with JSX are parsed with it.
func TestExportedMethods(t *testing.T) {
	for _, c := range []struct {
		src  string
		jsx  bool
		want string // the methods, and after a semicolon why there may be others
		why  string
	}{
		{"", false, "", "an empty file"},
		{"\ufeffexport const GET = 1", false, "GET", "a byte order mark"},
		{"// a\rexport const GET = 1\r// b\u2028export const PUT = 2", false, "GET PUT", "whatever ends a line"},
		{"export\u00a0const GET\u00a0= 1,\u3000PUT = 2", false, "GET PUT", "white space from a web page"},
		{"#!/usr/bin/env 'node\nexport const GET = 1", false, "GET", ""},
		{"export const GET = 1\r\nexport const PUT = 2\r\n", false, "GET PUT", "lines of Windows"},
		{"export function GET(){}export function PUT(){}", false, "GET PUT", "no white space"},
		{"export async function* GET() {}", false, "GET", ""},
		{"export const GET = 1; export const GET = 2", false, "GET", "each once"},
		{"export const Get = 1, gET = 2, HTTP = 3, TRACE = 4, CONNECT = 5", false, "", "names that Next does not look for"},
		{"export const GET: Handler", false, "GET", "without a value"},
		{"export let GET, POST", false, "; POST is declared without a value", "they may be assigned one"},
		{"export let GET\nGET = wrap(h)", false, "; GET is declared without a value", "this one is"},
		{"export var GET, POST; GET = POST = h", false, "; POST is declared without a value", "and these"},
		{"export let GET: Handler\nGET = h", false, "; GET is declared without a value", "a type is none"},
		{"export let GET = h, POST: Handler, PUT = h", false, "GET PUT; POST is declared without a value", ""},
		{"export let x, GET = h", false, "GET", "x is no method"},
		{"export let { GET, POST } = o, [PUT] = p", false, "GET POST PUT", "patterns have one"},
		{"export var x = f<A, POST>(h), GET = h", false, "GET", "type arguments"},
		{"export const GET: Map<string, POST>= f()", false, "GET", ">= is two tokens there"},
		{"export const GET: (a: A, b: B) => Map<K, V> = f, PUT: typeof x[number] = g", false, "GET PUT", "an arrow is no equals sign"},
		{"export const GET = f<A, B>(x), PUT = g<A, { POST: 1 }>()", false, "GET PUT", "type arguments"},
		{"export const GET = f<A, { a: POST, PUT }>(x), { PATCH } = g()", false, "GET PATCH", "type arguments that look like patterns"},
		{"export const GET = a < b, PUT = c > d", false, "GET PUT", "comparisons"},
		{"export const a = () => {\n}\nconst b = 1, POST = 2", false, "", "another statement, without a semicolon"},
		{"export const a = function () {}\nlet b,\nPOST = 2", false, "", "likewise"},
		{"export const a = b\n  .c()\n  .d, POST = 2", false, "POST", "a chain goes on"},
		{"export const a = b\n  as C, POST = 2", false, "POST", "so does an expression"},
		{"export const a =\n  b, POST = 2", false, "POST", "and what is not complete"},
		{"export const a = await\n  b(), POST = 2", false, "POST", ""},
		{"export const a = b /*\n*/ c, POST = 2", false, "", "the line ends in the comment"},
		{"export const a = b.\n  c, POST = 2", false, "POST", ""},
		{"export const a = `x`, POST = tag`y${ { b: `}` } }`, PUT = 1", false, "POST PUT", "templates"},
		{"export const { a = { POST: 1 }, b: [GET, { c: PUT = f(DELETE, 1) }], 'd': PATCH, 5: HEAD, [e + 1]: OPTIONS } = f()", false, "GET HEAD OPTIONS PATCH PUT", "all there is in patterns"},
		{"export const { POST: handler } = f()", false, "", "the name is what is behind the colon"},
		{"export const [[GET], [, PUT]] = f()", false, "GET PUT", ""},
		{"export const { GET } = f(), { PUT } = g()", false, "GET PUT", ""},
		{"export const { GET }: { GET: Handler, PUT: Handler } = f()", false, "GET", "a type is no pattern"},
		{"export { a as default, GET, b as PUT, } from './x'", false, "GET PUT", "a comma at the end"},
		{"export {}", false, "", ""},
		{"export { type GET, type a as PUT, type POST as b }", false, "", ""},
		{"export { type as GET }", false, "GET", "a value by the name of type"},
		{"export { default as GET } from './x'", false, "GET", ""},
		{"export type { GET } from './x'", false, "", ""},
		{"export type * from './x'", false, "", ""},
		{"export * as PUT from './x'", false, "PUT", ""},
		{"export * as 'PUT' from './x'", false, "PUT", ""},
		{"export * from './a'\nexport const GET = 1", false, `GET; export * from "./a"`, ""},
		{"export = { GET }", false, "; export =", ""},
		{"export default { GET, POST }", false, "", "only names count"},
		{"export default class GET {}", false, "", ""},
		{"export import GET = require('x')", false, "; export import GET", "a value, or a type"},
		{"export import GET = A.B", false, "; export import GET", "likewise"},
		{"export namespace GET { export const POST = 1 }", false, "; export namespace GET", "likewise"},
		{"export namespace X { export const POST = 1 }", false, "", ""},
		{"export interface GET {}\nexport type PUT = 1", false, "", ""},
		{"export using GET = h", false, "; export using", "what is not known"},
		{"Object.assign(module['exp' + 'orts'], { GET: h })", false, "; a CommonJS module", "by a name that is put together"},
		{"x.module.y", false, "", "another"},
		{"export enum GET { A }\nexport const enum POST { A }", false, "GET POST", "values"},
		{"export @dec class GET {}\nexport @a.b(c) @d abstract class PUT {}\nexport const POST = 1", false, "GET POST PUT", "decorators"},
		{"@dec export class GET {}", false, "GET", "in front of the word"},
		{"export @dec default class GET {}", false, "", ""},
		{"export { x as 'G\\u0045T' }", false, "; line 1: an escape in a name", "in a string"},
		{"export * as 'G\\u0045T' from 'x'", false, "; line 1: an escape in a name", "in a string"},
		{"export declare const GET: string", false, "", ""},
		{"export as namespace GET", false, "", ""},
		{"declare module 'x' { export const GET: string }", false, "", ""},
		{"module.exports = { GET }", false, "; a CommonJS module", ""},
		{"Object.assign(exports, { GET })", false, "; a CommonJS module", ""},
		{"const x = import('x')\nexports.GET = x", false, "; a CommonJS module", "a call, which such a module may have"},
		{"const x = import.meta.url\nconst exports = {}", false, "", "only a module has it"},
		{"import x from 'x'\nconst exports = {}", false, "", "a name like others in a module"},
		{"function f() { export const GET = 1 }", false, "", "not at the top"},
		{"a.export\nconst GET = 1", false, "", "a property"},
		{"a?.export\nconst GET = 1", false, "", "likewise"},
		{"const o = {...export_}; export const GET = 1", false, "GET", ""},
		{"x = a / 2; y = '/'; export const GET = 1 / 3", false, "GET", "division"},
		{"x = a[0] / 2 + b() / 3; y = '\\''", false, "", ""},
		{"x = `${a}` / 2 // '\nexport const GET = 1", false, "GET", "behind a template"},
		{"x = a.return / 2; y = '/'\nexport const GET = 1", false, "GET", "a property has any name"},
		{"x = 1. / 2; y = '/'\nexport const GET = 1", false, "GET", "a number ends in a period"},
		{"x = a! / 2; y = '/'\nexport const GET = 1", false, "GET", "not null"},
		{"x = a != /'/.source\nexport const GET = 1", false, "GET", "not equal"},
		{"x = !/'/.test(a)\nexport const GET = 1", false, "GET", "not"},
		{"x = /[/]'/\nexport const GET = 1", false, "GET", "a slash in a class"},
		{"x = a++ / 2; y = '/'\nexport const GET = 1", false, "GET", ""},
		{"x = [/[/'\"]/, /\\/'/, /[\\]']/]\nexport const GET = 1", false, "GET", "regular expressions"},
		{"if (a) /'/.test(b)\nelse /\"/.test(b)\nwhile (a) /`/.test(b)\nexport const GET = 1", false, "GET", "statements"},
		{"function f() {}\n/'/.test(a)\nexport const GET = 1", false, "GET", "behind a block"},
		{"if (a) {} /'/.test(a)\nelse {} /\"/.test(a)\nexport const GET = 1", false, "GET", "likewise"},
		{"const f = (a = {}) => {}\n/'/.test(a)\nexport const GET = 1", false, "GET", "behind the body of an arrow, which cannot be divided"},
		{"class A extends B { static {} /'/ }\n/\"/.test(a)\nexport const GET = 1", false, "GET", "behind a class"},
		{"const o = { a: 1 } / 2; export const POST = h; const p = 1 / 3\nexport const GET = h", false, "GET POST", "behind an object"},
		{"f({ a: 1 } / 2); export const POST = h; const p = 1 / 3\nexport const GET = h", false, "GET POST", "likewise"},
		{"const f = function () { return 1 } / 2; export const POST = h; q = 1 / 3\nexport const GET = h", false, "GET POST", "behind a function that is a value"},
		{"const f = function (a = {}) { return 1 } / 2; export const POST = h; q = 1 / 3\nexport const GET = h", false, "GET POST", "with a default"},
		{"const x = class A extends B { static y = 1 } / 2; export const POST = h; q = 1 / 3", false, "POST", "behind a class that is a value"},
		{"export const a = {} / b, POST = 1 / c", false, "POST", "among what is declared"},
		{"const x = {}\n/ 2 / 1\nexport const GET = h", false, "GET", "on the next line"},
		{"const x = (function() {}) / 2 // '\nexport const GET = h", false, "GET", "in brackets"},
		{"const x = { a: {} / 2, b: 1 / 2 }\nexport const GET = h", false, "; line 1: a slash after }, which may divide or begin a regular expression", "a value, or a block after a label"},
		{"a: {} /x/.test(a)\nexport const GET = h", false, "GET", "where it makes no difference"},
		{"type A = {}\n/'/.test(a)\nexport const GET = h", false, "; line 2: a slash after }, which may divide or begin a regular expression", "behind a type"},
		{"type A = B\nconst o = { a: 1 } / 2; export const POST = h; const p = 1 / 3", false, "POST", "not behind a type"},
		{"const f = async function () {} / 2; export const POST = h; q = 1 / 3", false, "POST", ""},
		{"async function f() {} /'/.test(a)\nexport const GET = h", false, "GET", ""},
		{"const x = { function: 1, class: 2 } / 2; export const POST = h; q = 1 / 3", false, "POST", "names of members"},
		{"for (const x of /'/g.exec(y)) {}\nexport const GET = h", false, "GET", "of is a word there"},
		{"for await (const x of y) /'/.test(x)\nexport const GET = h", false, "GET", ""},
		{"let of = 4; x = of / 2; y = '/'\nexport const GET = h", false, "GET", "and a name here"},
		{"x = 'a\\\nexport const PUT = 1\\\r\n'\nexport const GET = 1", false, "GET", "a string over several lines"},
		{"/* ' */ // ` \"\nexport /**/ const/* */GET // =\n= 1", false, "GET", "comments"},

		{"const a = <div>it's {`x`} /* ' */</div>\nexport const GET = 1", true, "GET", "text is no code"},
		{"const a = <A b='\n\"' c={<i/>} d=<b>'</b> {...e} f-g:h>'</A>\nexport const GET = 1", true, "GET", "attributes"},
		{"const a = <></>, b = <a.b.c>{/* ' */}{}</a.b.c>\nexport const GET = 1", true, "GET", ""},
		{"const a = b < c / 2, d = '>'\nexport const GET = 1", true, "GET", "less than"},
		{"const f = <T,>(x: T) => x, a = <b>it's</b>\nexport const GET = 1", true, "GET", "a generic function"},
		{"const f = <T extends A>(x: T) => x, a = <b>it's</b>\nexport const GET = 1", true, "GET", "likewise"},
		{"const f = <const T>(x: T) => x, a = <b>it's</b>\nexport const GET = 1", true, "GET", "likewise"},
		{"export const GET: <T>(x: T) => T = f, a = <b>it's</b>", true, "GET", "a generic type"},
		{"type F = <T>(x: T) => T\nexport const GET = 1", true, "GET", "which is read anew without JSX"},
		{"const a = <A>b\nexport const GET = 1", false, "GET", "a type assertion"},
		{"type F = <T>(x: T) => T\nexport const POST = h\n// </T>\nexport const GET = h", true, "GET POST", "a type, not an element"},
		{"type F = <T>(x: T) => T\nexport const POST = h\nconst e = <p></p>\nexport const GET = h", true, "GET POST", "likewise"},
		{"type P = { a: 1 }\nx = <p>it's</p>\nexport const GET = h", true, "GET", "an element, not a type"},
		{"type P = Q\nx = <p>it's</p>\nexport const GET = h", true, "GET", "likewise"},
		{"interface F { <T>(x: T): T }\nexport const POST = h\n// </T>\nexport const GET = h", true, "GET POST", "a type"},
		{"interface F { <T>(x: T): T }\nexport const POST = h\n// </T>\nconst e = <p>it's</p>; export const GET = h", true, "POST; line 4: a string is not closed", "likewise, but the rest is not understood"},
		{"const f = x as any as F | <T>(x: T) => T\nexport const POST = h\n// </T>\nexport const GET = h", true, "GET; an export in what seems to be an element", "what both readings find"},
		{"const a = <p>(b) export const POST = 1</p>\nexport const GET = h", true, "; an export in what seems to be an element", "text that looks like that"},
		{"const a = <p>export const POST = 1, it's true</p>\nexport const GET = h", true, "GET", "text that does not"},
		{"const a = <p>b</q>\nexport const GET = h", true, "; line 1: a regular expression is not closed", "a closing tag of something else"},
		{"const s = '\u2028\u2029'\nexport const GET = h", false, "GET", "they end no string"},

		{"export const GET = 'a\nexport const PUT = 1", false, "GET; line 1: a string is not closed", "what is left is not guessed at"},
		{"\n/*", false, "; line 2: a comment is not closed", ""},
		{"`${`", false, "; line 1: a template is not closed", ""},
		{"x = /a\n", false, "; line 1: a regular expression is not closed", ""},
		{"export const GET = (", false, "GET; line 1: ) is missing", ""},
		{"export const GET = ({)}", false, "GET; line 1: ) where } is missing", ""},
		{"}", false, "; line 1: } without its counterpart", ""},
		{"export {", false, "; line 1: } is missing", ""},
		{"export const { a: [b", false, "; line 1: ] is missing", ""},
		{"export { a b; c }", false, "; line 1: ; in a list of exports", ""},
		{"export const\n;export const GET = 1", false, "GET", "nothing is declared, by something that ends"},
		{"export const { +, GET } = 1", false, "GET", "nor is what a compiler refuses"},
		{"export const \\u0047ET = 1", false, "; line 1: an escape in a name", ""},
		{strings.Repeat("(", 501), false, "; line 1: brackets are nested too deep", ""},
		{strings.Repeat("(", 500) + strings.Repeat(")", 500) + "; export const GET = 1", false, "GET", ""},
		{"export const " + strings.Repeat("[", 501), false, "; line 1: patterns are nested too deep", ""},
		{"x = <div>{'</div>", true, "; line 1: a string is not closed", "the error of the second reading"},
	} {
		methods, unknown := nextfs.ExportedMethods(c.src, c.jsx)
		got := strings.Join(methods, " ")
		if unknown != "" {
			got += "; " + unknown
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q (%s)", c.src, got, c.want, c.why)
		}
	}
}

// TestExportedMethodsHostileSource has long and deep input, which would take
// too long or end the process if any of it was read repeatedly.
func TestExportedMethodsHostileSource(t *testing.T) {
	n := 1 << 18
	if testkit.Race {
		n = 1 << 15
	}
	for _, unit := range []string{
		"(", "[", "{", ")", "`${", "<a>", "<a b={", "<a b=", "<a", "< ", "/", "/a/", "[/", "'", "\\", "`", "export ", "export {", "export const {", "export const [",
		"export const {a:", "export const a=", "export const a:", "export const a:<", ",", "a,", "export * ", "//", "/*", "\n", " ", "export const a,", "a<b,", "if(", "!", ".", "é", "\x00", "\xff",
	} {
		src := strings.Repeat(unit, n/len(unit))
		for _, jsx := range []bool{false, true} {
			nextfs.ExportedMethods(src, jsx)
			nextfs.ExportedMethods("export const a = "+src+";export const GET = 1", jsx)
		}
	}
}

func FuzzExportedMethods(f *testing.F) {
	for _, seed := range []string{
		"export async function GET() {}", "export const { GET, b: [POST] = c } = f<A, B>()", "export { a as PUT }",
		"export * from 'x'", "const a = `${b}` / /c/", "const a = <A b={c}>d{e}</A>", "if (a) /b/.c", "exports.GET = 1", "//\r\n\u2028export\u00a0const a=1",
	} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, src string, jsx bool) {
		methods, unknown := nextfs.ExportedMethods(src, jsx)
		if !slices.IsSorted(methods) || len(slices.Compact(slices.Clone(methods))) != len(methods) {
			t.Fatalf("%q: not sorted, or not each once", methods)
		}
		for _, m := range methods {
			if !strings.Contains(src, m) || !strings.Contains(" DELETE GET HEAD OPTIONS PATCH POST PUT ", " "+m+" ") {
				t.Fatalf("%q is not in the source, or no method", m)
			}
		}
		if strings.HasPrefix(unknown, "line ") || strings.HasPrefix(unknown, "an export in what seems") {
			return
		}
		// Source that was parsed to its end can be continued.
		more, _ := nextfs.ExportedMethods(src+"\n;export const DELETE = 1\n", jsx)
		want := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(methods), "DELETE"))))
		if !slices.Equal(more, want) {
			t.Fatalf("with one export more: %q, want %q", more, want)
		}
		// A leading comment changes nothing.
		if same, _ := nextfs.ExportedMethods("/* export const GET = 1 */"+src, jsx); !strings.HasPrefix(src, "#!") && !slices.Equal(same, methods) {
			t.Fatalf("with a comment: %q, want %q", same, methods)
		}
	})
}
