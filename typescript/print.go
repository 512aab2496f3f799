package typescript

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// print writes the interfaces, and the routes.
func (g *generator) print(w io.Writer) {
	g.nameInterfaces()
	inComment := strings.NewReplacer("*/", `*\/`, "\n", " ", "\r", " ", "\u2028", " ", "\u2029", " ")
	names := func(text string) string {
		return resolve(text, func(n int) string { return g.decls[g.order[n]].name })
	}
	var all []*declaration
	for _, key := range g.order {
		d := g.decls[key]
		if !slices.ContainsFunc(all, func(other *declaration) bool { return other.name == d.name }) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b *declaration) int { return cmp.Compare(a.name, b.name) })
	for _, d := range all {
		fmt.Fprintf(w, "export interface %s {\n", d.name)
		for _, p := range d.properties {
			if p.doc != "" {
				fmt.Fprintf(w, "  /** %s */\n", inComment.Replace(p.doc))
			}
			fmt.Fprintf(w, "  %s\n", names(p.String()))
		}
		fmt.Fprint(w, "}\n\n")
	}
	slices.SortFunc(g.routes, func(a, b route) int {
		return cmp.Or(cmp.Compare(a.path(), b.path()), cmp.Compare(a.name, b.name))
	})
	fmt.Fprint(w, "/** A query of which the service has told no types. */\nexport type Query = Record<string, unknown>\n\nexport interface Routes {\n")
	for _, r := range g.routes {
		fmt.Fprintf(w, "  %s: {\n", literal(r.name))
		for _, p := range r.parts {
			fmt.Fprintf(w, "    %s\n", names(p.String()))
		}
		fmt.Fprint(w, "  }\n")
	}
	fmt.Fprint(w, "}\n")
}

// printTexts writes the routes that take a text as JSON. All others send a text
// unchanged, and types do not exist at run time.
func (g *generator) printTexts(w io.Writer) {
	fmt.Fprint(w, "\n// The routes whose body is JSON even if it is a text.\nconst jsonTexts: string[] = [")
	for _, r := range g.routes {
		if r.text {
			fmt.Fprintf(w, "\n  %s,", literal(r.name))
		}
	}
	if slices.ContainsFunc(g.routes, func(r route) bool { return r.text }) {
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "]\n")
}

func (r route) path() string {
	_, path, _ := strings.Cut(r.name, " ")
	return path
}
