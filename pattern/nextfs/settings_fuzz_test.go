package nextfs_test

import (
	"testing"
	"testing/fstest"

	"github.com/apiece/apiece/pattern/nextfs"
)

// FuzzSettings: for any file and configuration of the project, each setting has
// either a value of a known type, or a reason.
func FuzzSettings(f *testing.F) {
	f.Add("export const config = { api: { bodyParser: { sizeLimit: '1mb' } }, maxDuration: 5 * 60 }", "")
	f.Add("import { a as b } from '@/b'\nconst c = { ...b, [d]: 1 }\nexport { c as config }", `{"compilerOptions": {"paths": {"@/*": ["lib/*"]}}}`)
	f.Add("export { config } from '../../lib/b'; export * from '@/b'", `{/* */ "extends": ["./tsconfig.json"], "compilerOptions": {"baseUrl": ".",}}`)
	f.Add("export const runtime = `edge`, preferredRegion = ['a', -1], revalidate = [[{}]]", "//")
	f.Fuzz(func(t *testing.T, source, tsconfig string) {
		routes, err := nextfs.Scan(fstest.MapFS{
			"pages/api/a.ts":     {Data: []byte(source)},
			"app/api/b/route.ts": {Data: []byte("export * from '../../../pages/api/a'\n" + source)},
			"lib/b.ts":           {Data: []byte("export const a = b, b = a; export const config = { maxDuration: c }; import { c } from './b'\n" + source)},
			"tsconfig.json":      {Data: []byte(tsconfig)},
		})
		if err != nil || len(routes) != 2 {
			t.Fatal(routes, err)
		}
		for _, r := range routes {
			seen := map[string]bool{}
			for _, s := range r.Config {
				if s.Name == "" || seen[s.Name] || s.Unknown != "" && s.Value != nil || !plain(s.Value) {
					t.Errorf("%q: %#v", source, s)
				}
				seen[s.Name] = true
			}
		}
	})
}

// plain reports whether a value has a type that a Setting may have.
func plain(v any) bool {
	switch v := v.(type) {
	case nil, string, float64, bool:
		return true
	case []any:
		for _, v := range v {
			if !plain(v) {
				return false
			}
		}
		return true
	}
	return false
}
