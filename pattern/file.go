package pattern

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// FromFile returns the route of a file in a Next.js project, by its
// slash-separated name:
//
//	pages/api/post/[pid].ts         /api/post/[pid]
//	pages/api/index.ts              /api
//	src/app/(shop)/cart/route.ts    /cart
//
// The first directory named pages or app decides the router. In pages, the API
// routes are the files under pages/api. In app, they are the files named route;
// a group in parentheses and a slot such as @modal are not part of the path.
//
// The extensions are those of the option pageExtensions, without the dot; none
// means "tsx", "ts", "jsx" and "js". A file that is not an API route is an
// error, as is one whose route [Parse] refuses: a [*SyntaxError].
func FromFile(name string, ext ...string) (Pattern, error) {
	if len(ext) == 0 {
		ext = []string{"tsx", "ts", "jsx", "js"}
	}
	dirs := strings.Split(name, "/")
	root := slices.IndexFunc(dirs, func(d string) bool { return d == "pages" || d == "app" })
	if root < 0 || root == len(dirs)-1 {
		return Pattern{}, fileError(name, "not in a directory pages or app")
	}
	base, ok := cutExtension(dirs[len(dirs)-1], ext)
	if !ok {
		return Pattern{}, fileError(name, "not one of the extensions "+strings.Join(ext, ", "))
	}
	dirs[len(dirs)-1] = base
	route := pagesRoute
	if dirs[root] == "app" {
		route = appRoute
	}
	segs, reason := route(dirs[root+1:])
	if reason != "" {
		return Pattern{}, fileError(name, reason)
	}
	p, err := Parse("/" + strings.Join(segs, "/"))
	if err != nil {
		return Pattern{}, fmt.Errorf("%w (of the file %s)", err, name)
	}
	return p, nil
}

func fileError(name, reason string) error {
	return fmt.Errorf("pattern: %s is no API route: %s", name, reason)
}

// cutExtension removes the longest matching extension. Declarations are never
// routes.
func cutExtension(file string, ext []string) (base string, ok bool) {
	if strings.HasSuffix(file, ".d.ts") {
		return "", false
	}
	longest := slices.SortedFunc(slices.Values(ext), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, e := range longest {
		base, ok = strings.CutSuffix(file, "."+strings.TrimPrefix(e, "."))
		if ok && base != "" {
			return base, true
		}
	}
	return "", false
}

func pagesRoute(segs []string) (route []string, reason string) {
	if segs[0] != "api" {
		return nil, "a page, outside pages/api"
	}
	if last := len(segs) - 1; last > 0 && segs[last] == "index" {
		segs = segs[:last]
	}
	return segs, ""
}

func appRoute(segs []string) (route []string, reason string) {
	last := len(segs) - 1
	if segs[last] != "route" {
		return nil, "in app only files named route are"
	}
	for _, s := range segs[:last] {
		switch {
		case strings.HasPrefix(s, "_"):
			return nil, fmt.Sprintf("%s is a private directory", s)
		case strings.HasPrefix(s, "(.)") || strings.HasPrefix(s, "(..)") || strings.HasPrefix(s, "(...)"):
			return nil, fmt.Sprintf("%s intercepts a route of a page", s)
		case strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")"), strings.HasPrefix(s, "@"):
		default:
			// This is how a path can begin with an underscore. Next.js replaces
			// it anywhere, but not "%5f".
			route = append(route, strings.ReplaceAll(s, "%5F", "_"))
		}
	}
	return route, ""
}
