package cache

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/mediatype"
)

const defaultPostBodyLimit = 64 * bytesize.KB

// canonicalBody reads the body of a POST request, and returns what Config.Post makes of
// it, or false if the request is not cached. The body can then be read as before.
func (c *Cache) canonicalBody(r *http.Request) ([]byte, bool) {
	most := int64(c.cfg.PostBodyLimit)
	if r.Body == nil || r.ContentLength > most || r.Header["Content-Encoding"] != nil {
		return nil, false
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if err == nil && int64(len(body)) <= most {
		if canonical, ok := c.cfg.Post(r, body); ok {
			return canonical, true
		}
	}
	rest := io.Reader(r.Body)
	if err != nil {
		rest = failing{err}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), r.Body}
	return nil, false
}

// failing is the rest of a body after a read error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// JSON is a Config.Post for endpoints where every POST with a JSON body only reads:
// bodies with the same JSON value are the same request, however they are written. The
// handler gets that value with sorted members. Duplicate members, and what is not JSON,
// are not cached.
func JSON(r *http.Request, body []byte) (canonical []byte, ok bool) {
	if t, ok := mediatype.Of(r.Header); !ok || t.Name != "application/json" {
		return nil, false
	}
	canonical, err := appendCanonical(nil, body)
	return canonical, err == nil
}

// GraphQL is a Config.Post for a GraphQL endpoint: it caches queries, while mutations,
// subscriptions and everything else bypass the cache. Two requests are the same if they
// have the same query text, the same operationName and the same variables, however the
// JSON is written. A request with other members, such as extensions, is not cached, nor
// is one with query or operationName in its URL, where some servers look first.
func GraphQL(r *http.Request, body []byte) (canonical []byte, ok bool) {
	if named := r.URL.Query(); named.Has("query") || named.Has("extensions") {
		return nil, false
	}
	if canonical, ok = JSON(r, body); !ok {
		return nil, false
	}
	var members map[string]json.RawMessage
	var query string
	if json.Unmarshal(canonical, &members) != nil || json.Unmarshal(members["query"], &query) != nil {
		return nil, false
	}
	for name := range members {
		if name != "query" && name != "operationName" && name != "variables" {
			return nil, false
		}
	}
	return canonical, onlyQueries(query)
}

// onlyQueries reports whether a GraphQL document defines only queries and fragments. It
// looks at the names outside of braces, parentheses, strings and comments, of which the
// first of each definition is its kind.
func onlyQueries(document string) bool {
	depth, queries, head := 0, 0, true // head: a definition begins here
	for s := document; s != ""; {
		switch c := s[0]; {
		case c == '#':
			end := strings.IndexAny(s, "\r\n")
			if end < 0 {
				end = len(s)
			}
			s = s[end:]
			continue
		case strings.HasPrefix(s, `"""`):
			end := strings.Index(strings.ReplaceAll(s[3:], `\"""`, "xxxx"), `"""`)
			if end < 0 {
				return false
			}
			s = s[3+end+3:]
			continue
		case c == '"':
			end := 1
			for ; end < len(s) && s[end] != '"' && s[end] != '\n'; end++ {
				if s[end] == '\\' {
					end++
				}
			}
			if end >= len(s) || s[end] != '"' {
				return false
			}
			s = s[end+1:]
			continue
		case c == '{' || c == '(' || c == '[':
			if c == '{' && depth == 0 && head {
				queries++ // the shorthand form
			}
			head = false
			depth++
		case c == '}' || c == ')' || c == ']':
			if depth--; depth < 0 {
				return false
			}
			head = c == '}' && depth == 0
		case isName(c):
			end := 1
			for end < len(s) && (isName(s[end]) || s[end] >= '0' && s[end] <= '9') {
				end++
			}
			if depth == 0 && head {
				switch s[:end] {
				case "query":
					queries++
				case "fragment":
				default:
					return false
				}
				head = false
			}
			s = s[end:]
			continue
		}
		s = s[1:]
	}
	return depth == 0 && queries > 0
}

func isName(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

var errNotCanonical = errors.New("cache: a JSON value that can be read in two ways")

// appendCanonical appends the JSON value with sorted members and without blanks. Numbers
// stay as they are written.
func appendCanonical(buf, body []byte) ([]byte, error) {
	if !json.Valid(body) {
		return nil, errNotCanonical
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return appendValue(buf, d, 0)
}

func appendValue(buf []byte, d *json.Decoder, depth int) ([]byte, error) {
	const deepest = 64
	token, err := d.Token()
	if err != nil || depth > deepest {
		return nil, errNotCanonical
	}
	delim, ok := token.(json.Delim)
	switch {
	case !ok:
		text, err := json.Marshal(token)
		return append(buf, text...), err
	case delim == '[':
		buf = append(buf, '[')
		for first := true; d.More(); first = false {
			if !first {
				buf = append(buf, ',')
			}
			if buf, err = appendValue(buf, d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return append(buf, ']'), err
	}
	type member struct {
		name  string
		value []byte
	}
	var members []member
	seen := make(map[string]bool) // encoding/json matches Admin with admin, and the last member wins
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := appendValue(nil, d, depth+1)
		if err != nil {
			return nil, err
		}
		folded := strings.ToLower(name.(string))
		if seen[folded] {
			return nil, errNotCanonical
		}
		seen[folded] = true
		members = append(members, member{name.(string), value})
	}
	if _, err = d.Token(); err != nil {
		return nil, err
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	buf = append(buf, '{')
	for i, m := range members {
		if i > 0 {
			buf = append(buf, ',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		buf = append(append(append(buf, name...), ':'), m.value...)
	}
	return append(buf, '}'), nil
}
