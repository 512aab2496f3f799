package redirect

import "strings"

// Browsers parse a Location by the WHATWG URL standard, Go's net/url by RFC
// 3986, and open redirects live in the difference. A browser takes "\" for "/",
// drops tabs and newlines anywhere and control bytes and spaces at both ends,
// reads "https:evil" and "///evil" as a host, and strips userinfo. Checks based
// on url.Parse, or on the first two bytes, each miss some of that.
//
// So this check parses nothing. It accepts, byte by byte, the targets that
// every reader takes for a path on the same origin:
//
//   - the first byte is "/", the second is not;
//   - no control byte anywhere;
//   - no "\" in front of "?" or "#";
//   - no space at the end;
//   - the path does not begin with "//" after dot segments are removed. A browser
//     would stay on the origin, but a server that cleans the path and redirects
//     again would send "//evil".
//
// An accepted target is sent unchanged except for percent-encoding, because a
// target that is rewritten after the check has not been checked.

// IsLocal reports whether target is an absolute path (with or without query and
// fragment) that no browser can take for another origin. Relative targets, the
// empty target, and URLs with a scheme or host are not local.
func IsLocal(target string) bool {
	_, reason := notLocal(target)
	return reason == ""
}

// notLocal returns why target is not local, and the offset of the first bad
// byte; the reason is "" if target is local.
func notLocal(target string) (offset int, reason string) {
	if target == "" || target[0] != '/' {
		return 0, "does not begin with /"
	}
	if len(target) > 1 && target[1] == '/' {
		return 1, "names a host"
	}
	path := len(target)
	for i := range len(target) {
		switch c := target[i]; {
		case isControl(c):
			return i, "has a control byte"
		case (c == '?' || c == '#') && path == len(target):
			path = i
		case c == '\\' && path == len(target):
			return i, "has a backslash in its path"
		}
	}
	if target[len(target)-1] == ' ' {
		return len(target) - 1, "ends with a space"
	}
	if rootIsEmpty(target[:path]) {
		return 0, "names a host once dot segments are removed"
	}
	return 0, ""
}

// rootIsEmpty reports whether the path begins with "//" after the removal of dot
// segments. It follows the path state of the URL standard but keeps only how
// many segments are left, and whether the first of them is empty.
func rootIsEmpty(path string) bool {
	depth, empty := 0, false
	push := func(segment string) {
		if depth == 0 {
			empty = segment == ""
		}
		depth++
	}
	rest, last := path[1:], false
	for !last {
		segment := rest
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			segment, rest = rest[:i], rest[i+1:]
		} else {
			last = true
		}
		switch dots(segment) {
		case 2:
			depth = max(depth-1, 0)
		case 1:
		default:
			push(segment)
			continue
		}
		if last {
			push("") // "/a/.." is "/", whose one segment is empty
		}
	}
	return empty && depth > 1
}

// dots returns 1 for a segment that means ".", 2 for one that means "..", and 0
// for all others. A browser reads %2e as a dot here.
func dots(segment string) int {
	n := 0
	for segment != "" {
		switch {
		case segment[0] == '.':
			segment = segment[1:]
		case len(segment) >= 3 && strings.EqualFold(segment[:3], "%2e"):
			segment = segment[3:]
		default:
			return 0
		}
		if n++; n > 2 {
			return 0
		}
	}
	return n
}
