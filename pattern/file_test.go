package pattern_test

import (
	"strings"
	"testing"

	"github.com/apiece/apiece/pattern"
)

func TestFromFile(t *testing.T) {
	for _, c := range []struct {
		file string
		ext  []string
		want string // the route, or the text of the error
		why  string
	}{
		{"pages/api/post/[pid].ts", nil, "/api/post/[pid]", ""},
		{"pages/api/post/[...slug].tsx", nil, "/api/post/[...slug]", ""},
		{"src/pages/api/docs/[[...slug]].js", nil, "/api/docs/[[...slug]]", "src is optional"},
		{"web/src/pages/api/run.jsx", nil, "/api/run", "in a project below the repository"},
		{"pages/api/index.ts", nil, "/api", "an index is its directory"},
		{"pages/api.ts", nil, "/api", "an API route as well"},
		{"pages/api/index/index.ts", nil, "/api/index", "one index is cut, not two"},
		{"pages/api/index/[x].ts", nil, "/api/index/[x]", "a directory keeps its name"},
		{"pages/api/a.b.ts", nil, "/api/a.b", "one extension is cut, not two"},
		{"pages/api/[id].json.ts", nil, "/api/[id].json", "static, since the brackets are not the whole segment"},
		{"pages/api/x.api.ts", []string{"api.ts", "ts"}, "/api/x", "the longest extension counts"},
		{"pages/api/x.ts", []string{".ts"}, "/api/x", "a dot does no harm"},
		{"pages/api/x.go", []string{"go"}, "/api/x", ""},
		{"pages/index.tsx", nil, "a page", "outside pages/api"},
		{"pages/blog/[slug].tsx", nil, "a page", ""},
		{"pages/apis/x.ts", nil, "a page", "the whole segment is api"},
		{"pages/api/x.md", nil, "extensions", ""},
		{"pages/api/x.d.ts", nil, "extensions", "a declaration"},
		{"pages/api/.ts", nil, "extensions", "no name"},
		{"pages/api/[.x].ts", nil, "period", "a fault of the pattern"},
		{"lib/x.ts", nil, "directory", ""},
		{"pages", nil, "directory", ""},
		{"", nil, "directory", ""},

		{"app/api/post/[pid]/route.ts", nil, "/api/post/[pid]", ""},
		{"app/route.ts", nil, "/", "the root has a handler too"},
		{"src/app/(shop)/cart/route.js", nil, "/cart", "a group is no segment"},
		{"app/(a)/(b)/route.ts", nil, "/", ""},
		{"app/@modal/photo/route.ts", nil, "/photo", "nor is a slot"},
		{"app/feed.xml/route.ts", nil, "/feed.xml", ""},
		{"app/%5Fprivate/route.ts", nil, "/_private", "the way to write an underscore"},
		{"app/a%5Fb%5F/route.ts", nil, "/a_b_", "wherever it stands"},
		{"app/%5fprivate/route.ts", nil, "/%5fprivate", "but only in upper case"},
		{"pages/api/%5Fx.ts", nil, "/api/%5Fx", "there is no need for it in pages"},
		{"app/_lib/route.ts", nil, "private", ""},
		{"app/(.)photo/route.ts", nil, "intercepts", ""},
		{"app/(..)(..)photo/route.ts", nil, "intercepts", ""},
		{"app/api/page.tsx", nil, "named route", ""},
		{"app/api/router.ts", nil, "named route", ""},
	} {
		p, err := pattern.FromFile(c.file, c.ext...)
		if strings.HasPrefix(c.want, "/") {
			if err != nil || p.String() != c.want {
				t.Errorf("%s: %q, %v, want %s (%s)", c.file, p, err, c.want, c.why)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: %q, %v, want an error with %q (%s)", c.file, p, err, c.want, c.why)
		}
	}
}
