package pattern

import "strings"

// Overlap returns a path that both patterns match, if there is one. In a set
// the pattern that sorts first serves it.
func (p Pattern) Overlap(q Pattern) (path string, ok bool) {
	if p.c == nil || q.c == nil {
		return "", false
	}
	var b strings.Builder
	a, z := p.c.segs, q.c.segs
	for len(a) > 0 || len(z) > 0 {
		if len(a) > 0 && a[0].kind.isCatchAll() {
			a, z = z, a
		}
		if len(z) == 0 || !z[0].kind.isCatchAll() {
			if len(a) == 0 || len(z) == 0 {
				return "", false
			}
			text, ok := common(a[0], z[0])
			if !ok {
				return "", false
			}
			b.WriteString("/" + text)
			a, z = a[1:], z[1:]
			continue
		}
		// z ends here with a catch-all, which takes the rest of a.
		if len(a) == 0 && z[0].kind == rest {
			return "", false
		}
		for _, s := range a {
			text, _ := common(s, segment{kind: single})
			if s.kind != optional || z[0].kind == rest {
				b.WriteString("/" + text)
			}
		}
		break
	}
	if b.Len() == 0 {
		return "/", true
	}
	return escapePath(b.String()), true
}

// common returns a text that both segments match.
func common(a, b segment) (string, bool) {
	switch {
	case a.kind == static && b.kind == static:
		return a.text, a.text == b.text
	case a.kind == static:
		return a.text, true
	case b.kind == static:
		return b.text, true
	}
	return "x", true
}
