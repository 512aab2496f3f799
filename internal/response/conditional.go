package response

import (
	"net/http"
	"strings"
)

// NotModified reports whether the client that sent r has the current representation, so
// that a 304 takes the place of a 200 with this ETag and Last-Modified, each empty if
// there is none (RFC 9110, section 13.2.2). If-None-Match alone decides if the request
// has it.
//
// A request with Cache-Control: no-cache gets the whole response, as in Next.js.
func NotModified(r *http.Request, etag, lastModified string) bool {
	none, since := r.Header["If-None-Match"], ""
	if len(none) == 0 && lastModified != "" {
		since = r.Header.Get("If-Modified-Since")
	}
	switch {
	case len(none) == 0 && since == "":
		return false
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return false // for other methods a match is a 412, which is for the handler to send
	case isReload(r.Header["Cache-Control"]):
		return false
	case len(none) > 0:
		return matchesETag(none, etag)
	}
	known, err := http.ParseTime(since)
	if err != nil {
		return false
	}
	modified, err := http.ParseTime(lastModified)
	return err == nil && !modified.After(known)
}

// isReload reports whether the Cache-Control of a request has no-cache.
func isReload(lines []string) bool {
	for _, line := range lines {
		for directive := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(directive, " \t"), "no-cache") {
				return true
			}
		}
	}
	return false
}

// matchesETag reports whether the lines of an If-None-Match are one "*", which stands for
// any representation, or list the entity tag, by weak comparison (RFC 9110, section
// 13.1.2). A line ends at what is not an entity tag. A comma between quotes is part of
// the tag.
func matchesETag(lines []string, etag string) bool {
	if len(lines) == 1 && strings.Trim(lines[0], " \t") == "*" {
		return true
	}
	etag = strings.TrimPrefix(etag, "W/")
	for _, line := range lines {
		for {
			line = strings.TrimLeft(line, ", \t")
			line = strings.TrimPrefix(line, "W/")
			if !strings.HasPrefix(line, `"`) {
				break
			}
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				break
			}
			if line[:end+2] == etag {
				return true
			}
			line = line[end+2:]
		}
	}
	return false
}
