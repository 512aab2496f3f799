package reply

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// describe returns the entity tag of the body, and its Content-Length: two parts
// of one string, which is one allocation.
//
// The tag is XXH64, in base 32: the same in every process, so that any replica
// can compare it, and the same for text and bytes.
func (a *answer) describe() (tag, length string) {
	var hash uint64
	if a.isText {
		hash = xxhash.Sum64String(a.text)
	} else {
		hash = xxhash.Sum64(a.body)
	}
	both := make([]byte, 0, 40)
	both = append(both, '"')
	both = strconv.AppendUint(both, hash, 32)
	both = append(both, '"')
	end := len(both)
	s := string(strconv.AppendInt(both, int64(a.size()), 10))
	return s[:end], s[end:]
}

// fresh reports whether the client has the representation that tag stands for,
// so that a 200 to this request may be a 304 (RFC 9110, section 13.1.2). A
// request with no-cache wants the body in any case. Without a tag there is
// nothing to compare.
func fresh(r *http.Request, tag string) bool {
	if tag == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	fields := r.Header["If-None-Match"]
	if len(fields) == 0 {
		return false
	}
	for _, field := range r.Header["Cache-Control"] {
		for directive := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(directive), "no-cache") {
				return false
			}
		}
	}
	tag = strings.TrimPrefix(tag, "W/")
	for _, field := range fields {
		if strings.TrimSpace(field) == "*" || lists(field, tag) {
			return true
		}
	}
	return false
}

// lists reports whether the tag is in a list of tags, which may be weak, and
// may hold commas between their quotes. It stops at the first invalid tag.
func lists(field, tag string) bool {
	for {
		field = strings.TrimLeft(field, ", \t")
		field = strings.TrimPrefix(field, "W/")
		if !strings.HasPrefix(field, `"`) {
			return false
		}
		end := strings.IndexByte(field[1:], '"')
		if end < 0 {
			return false
		}
		if field[:end+2] == tag {
			return true
		}
		field = field[end+2:]
	}
}
