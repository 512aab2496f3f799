package nextfs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/apiece/apiece/pattern/nextfs"
)

// TestExportStar: exports that a module re-exports from the project count.
func TestExportStar(t *testing.T) {
	tree := fstest.MapFS{}
	for name, source := range map[string]string{
		"app/a/route.ts":         "export const GET = 1; export function POST() {}; export const x = 1, dynamic = 'auto'",
		"app/same/route.ts":      "export * from '../a/route'",
		"app/js/route.ts":        "export * from '../a/route.js'",
		"app/name/route.ts":      "export * from '../a/route.ts'",
		"app/more/route.ts":      "export * from '../a/route'\nexport const PUT = 1, GET = 2",
		"app/chain/route.ts":     "export * from '../more/route'",
		"app/two/route.ts":       "export * from '../a/route'; export * from '../../lib/crud'",
		"app/clash/route.ts":     "export * from '../a/route'; export * from '../more/route'",
		"app/settled/route.ts":   "export * from '../a/route'; export * from '../more/route'; export const GET = 1, POST = 2",
		"app/circle/a/route.ts":  "export * from '../b/route'; export const GET = 1",
		"app/circle/b/route.ts":  "export * from '../a/route'; export const POST = 1",
		"app/self/route.ts":      "export * from './route'; export const GET = 1",
		"app/index/route.ts":     "export * from '../../lib'",
		"app/jsx/route.ts":       "export * from '../../lib/element'",
		"app/package/route.ts":   "export const GET = 1; export * from 'handlers'",
		"app/alias/route.ts":     "export * from '@/lib/crud'",
		"app/missing/route.ts":   "export * from './nowhere'",
		"app/outside/route.ts":   "export * from '../../../../etc/passwd'",
		"app/directory/route.ts": "export * from '../a'",
		"app/doubt/route.ts":     "export * from '../../lib/doubt'",
		"app/types/route.ts":     "export type * from '../a/route'",
		"app/named/route.ts":     "export { GET, POST as PUT, default as PATCH } from '../../lib/named'",
		"app/gone/route.ts":      "export { GET, missing as POST } from '../../lib/named'; export const PUT = 1",
		"app/type/route.ts":      "export { Shape as GET } from '../../lib/named'",
		"app/typed/route.ts":     "export { T as POST } from '../../lib/named'",
		"app/through/route.ts":   "export { GET, DELETE, gone as PUT } from '../../lib/through'",
		"app/vague/route.ts":     "export { GET, b as PUT } from '../../lib/vague'; export { a as POST } from 'package'",
		"app/space/route.ts":     "export { space as GET, imported as POST } from '../../lib/named'",
		"app/around/route.ts":    "export { a as GET } from '../../lib/around'",
		"lib/around.ts":          "export { a } from './around'",
		"lib/named.ts":           "export const GET = 1; export function POST() {}\nexport default () => {}\nexport interface Shape {}\nexport type { T }\nexport namespace space {}\nexport import imported = a.b",
		"lib/through.ts":         "export * from './named'; export * from './crud'; export { gone } from './named'",
		"lib/vague.ts":           "export * from 'package'",
		"lib/crud.ts":            "export const DELETE = 1; export default { PATCH: 1 }",
		"lib/index.js":           "export const HEAD = 1",
		"lib/element.tsx":        "const a = <p>it's</p>; export const PUT = 1",
		"lib/doubt.ts":           "export const GET = 1; export let PUT",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(source)}
	}
	want := map[string]string{
		"/a":         "GET POST",
		"/same":      "GET POST",
		"/js":        "GET POST",
		"/name":      "GET POST",
		"/more":      "GET POST PUT",
		"/chain":     "GET POST PUT",
		"/two":       "DELETE GET POST",
		"/clash":     "PUT; several modules export POST",
		"/settled":   "GET POST PUT",
		"/circle/a":  "GET POST",
		"/circle/b":  "GET POST",
		"/self":      "GET",
		"/index":     "HEAD",
		"/jsx":       "PUT",
		"/package":   `GET; export * from "handlers"`,
		"/alias":     `; export * from "@/lib/crud"`,
		"/missing":   `; export * from "./nowhere"`,
		"/outside":   `; export * from "../../../../etc/passwd"`,
		"/directory": `; export * from "../a"`,
		"/doubt":     `GET; export * from "../../lib/doubt": PUT is declared without a value`,
		"/types":     "",
		"/named":     "GET PATCH PUT",
		"/gone":      `GET PUT; "../../lib/named" does not export missing`,
		"/type":      `; "../../lib/named" does not export Shape`,
		"/typed":     `; "../../lib/named" does not export T`,
		"/through":   `DELETE GET; "../../lib/through" does not export gone`,
		"/vague":     "GET POST PUT",
		"/space":     "GET POST",
		"/around":    "GET",
	}
	routes, err := nextfs.Scan(tree)
	if err != nil || len(routes) != len(want) {
		t.Errorf("%d routes, want %d: %v", len(routes), len(want), err)
	}
	for _, r := range routes {
		got := strings.Join(r.Methods, " ")
		if r.Unknown != "" {
			got += "; " + r.Unknown
		}
		if got != want[r.Pattern.String()] {
			t.Errorf("%s: %q, want %q", r.Pattern, got, want[r.Pattern.String()])
		}
	}
}

// TestExportStarBounds: the amount read for one route does not depend on how
// the modules refer to each other.
func TestExportStarBounds(t *testing.T) {
	tree := fstest.MapFS{"app/route.ts": {Data: []byte("export * from '../lib/0'")}}
	for i := range 40 { // two paths from each to the next
		source := fmt.Sprintf("export * from './%d'; export * from './%d.ts'", i+1, i+1)
		tree[fmt.Sprintf("lib/%d.ts", i)] = &fstest.MapFile{Data: []byte(source)}
	}
	tree["lib/40.ts"] = &fstest.MapFile{Data: []byte("export const GET = 1")}
	tree["app/large/route.ts"] = &fstest.MapFile{Data: []byte("export const GET = 1" + strings.Repeat(" ", 4<<20))}
	routes, err := nextfs.Scan(tree)
	if err != nil || len(routes) != 2 || routes[0].Unknown == "" || !strings.Contains(routes[1].Unknown, "more than 4194304 bytes") {
		t.Errorf("%v, %v", routes, err)
	}
}

// TestExportStarThroughLinks: a relative path starts from the real location of
// a file, which a linked name does not show.
func TestExportStarThroughLinks(t *testing.T) {
	dir := t.TempDir()
	for name, source := range map[string]string{
		"app/a/route.ts":    "export const GET = 1",
		"shared/x/route.ts": "export * from '../../app/a/route'",
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../shared", filepath.Join(dir, "app/linked")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	routes, err := nextfs.Scan(os.DirFS(dir))
	if err != nil || len(routes) != 2 || routes[1].Unknown != `export * from "../../app/a/route"` {
		t.Errorf("%+v, %v", routes, err)
	}
}

// TestExportStarManyLinks: any number of links that lead back is one error.
func TestExportStarManyLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "app/a"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "app/a/route.ts"), []byte("export const GET = 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		for name, to := range map[string]string{"app/l%03d": ".", "app/a/up%03d": ".."} {
			if err := os.Symlink(to, filepath.Join(dir, fmt.Sprintf(name, i))); err != nil {
				t.Skip("no symbolic links here:", err)
			}
		}
	}
	routes, err := nextfs.Scan(os.DirFS(dir))
	if text := fmt.Sprint(err); len(text) > 500 || !strings.Contains(text, "app/a/up000, app/a/up001") || !strings.Contains(text, " and 595 more") {
		t.Errorf("%d bytes: %.600s", len(text), text)
	}
	if len(routes) != 1 || routes[0].Pattern.String() != "/a" {
		t.Errorf("%v", routes)
	}
}
