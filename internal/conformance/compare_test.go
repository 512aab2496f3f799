package conformance_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// An answer is the client's response, and what the server observed.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	cut     bool // the connection ended before the response did
	refused bool // the compiler would have rejected the handler
	route   string
	records []slog.Record
}

// A difference is an unexpected part of a response, by the name that the deviations
// have for it.
type difference struct{ part, text string }

type differences []difference

func (d *differences) add(part, format string, args ...any) {
	*d = append(*d, difference{part, fmt.Sprintf(format, args...)})
}

func (d differences) Error() string {
	var texts []string
	for _, one := range d {
		texts = append(texts, one.part+": "+one.text)
	}
	return strings.Join(texts, "; ")
}

// err is d as an error, nil if there are none.
func (d differences) err() error {
	if len(d) == 0 {
		return nil
	}
	return d
}

// The framing is net/http's, the dates are today's, and whether a connection stays open
// depends on the client. Vary and Refresh are specific to Next.js.
var notCompared = []string{"connection", "date", "keep-alive", "refresh", "transfer-encoding", "vary"}

// compare returns how a response differs from the expected one.
func (b *behavior) compare(want expected, got *answer) (d differences) {
	if got.refused || want.Refused {
		if got.refused != want.Refused {
			d.add("refused", "%v", got.refused)
		}
		return d
	}
	if got.status != want.Status {
		d.add("status", "%d, want %d", got.status, want.Status)
	}
	if got.cut != want.Cut {
		d.add("cut", "the answer ended early: %v", got.cut)
	}
	if got.route != want.Route && !b.routeUnknown() {
		d.add("route", "%q, want %q", got.route, want.Route)
	}
	if !want.FrameworkErrorPage {
		exact := compareBody(&d, want, got)
		b.compareHeaders(&d, want, got, exact)
		compareCookies(&d, got.header["Set-Cookie"], want.SetCookie)
	}
	compareLog(&d, want, got.records)
	return d
}

// routeUnknown reports whether the recording lacks the route that responded. If it has
// nothing else, no handler ran.
func (b *behavior) routeUnknown() bool { return b.Config.RouteHandlerExports != nil }

// compareBody reports whether the body is exactly what was recorded.
func compareBody(d *differences, want expected, got *answer) (exact bool) {
	if want.BodySHA256 != "" {
		sum := sha256.Sum256(got.body)
		if hex.EncodeToString(sum[:]) == want.BodySHA256 && len(got.body) == want.BodyLength {
			return true
		}
		d.add("body", "%d bytes %.80q..., want %d with the sum %s", len(got.body), got.body, want.BodyLength, want.BodySHA256)
		return false
	}
	text := ""
	if want.Body != nil {
		text = *want.Body
	}
	switch {
	case string(got.body) == text:
		exact = true
	case sameError(got.body, text), sameJSON(got.body, []byte(text)):
	case string([]rune(string(got.body))) == text: // what JavaScript recorded of bytes that are not UTF-8
	default:
		d.add("body", "%.200q, want %.200q", got.body, text)
	}
	if want.BodyJSON != nil && !sameJSON(got.body, want.BodyJSON) && !sameError(got.body, string(want.BodyJSON)) {
		d.add("bodyJson", "%.200q, want %.200q", got.body, want.BodyJSON)
	}
	return exact
}

// sameError reports whether both are what a handler made of a caught error. Only its
// existence is compared, not its text.
func sameError(got []byte, want string) bool {
	var g, w struct{ Error string }
	return json.Unmarshal(got, &g) == nil && json.Unmarshal([]byte(want), &w) == nil && g.Error != "" && w.Error != ""
}

func sameJSON(a, b []byte) bool {
	x, errX := value(a)
	y, errY := value(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// value reads JSON without rounding its numbers.
func value(text []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, fmt.Errorf("more than one value in %q", text)
	}
	return v, nil
}

// compareHeaders compares fields that depend on the body only if that is exact.
func (b *behavior) compareHeaders(d *differences, want expected, got *answer, exact bool) {
	for name, value := range want.Headers {
		field := got.header.Get(name)
		switch {
		case slices.Contains(notCompared, name):
		case name == "content-length" && !b.framed():
		case name == "content-length" && !exact:
			if field != strconv.Itoa(len(got.body)) {
				d.add("headers.content-length", "%q with %d bytes", field, len(got.body))
			}
		case name == "etag" && !b.setsTag():
			if len(field) < 3 || field[0] != '"' || field[len(field)-1] != '"' {
				d.add("headers.etag", "%q, want a strong tag", field)
			}
		case len(got.header.Values(name)) > 1:
			d.add("headers."+name, "%q, want one", got.header.Values(name))
		case field != value || got.header.Values(name) == nil:
			d.add("headers."+name, "%q, want %q", field, value)
		}
	}
	for _, name := range want.AbsentHeaders {
		switch {
		case slices.Contains(notCompared, name):
		case name == "content-type" && b.writesItself(): // net/http sniffs the type
		case name == "content-length" && !b.framed():
		case got.header.Values(name) != nil:
			d.add("absentHeaders."+name, "%q, want none", got.header.Get(name))
		}
	}
	for name, values := range got.header {
		name = strings.ToLower(name)
		switch {
		case slices.Contains(notCompared, name), slices.Contains(want.AbsentHeaders, name):
		case name == "content-length", name == "set-cookie", name == "x-content-type-options":
		case name == "content-type" && b.writesItself():
		default:
			if _, ok := want.Headers[name]; !ok {
				d.add("headers."+name, "%q, want none", values)
			}
		}
	}
}

// writesItself reports whether the handler wrote with net/http directly.
func (b *behavior) writesItself() bool {
	return b.has("write", "writeRepeat", "end", "writeHead", "sleepEnd")
}

// framed reports whether this module declares the length of the body: it knows that
// before the first byte.
func (b *behavior) framed() bool {
	return !b.writesItself() && !b.has("redirect", "redirectTry") && b.Config.RouteHandlerExports == nil &&
		!slices.ContainsFunc(b.Handler, func(o op) bool { return o.is("type", "stream") })
}

// setsTag reports whether the handler sets the ETag, which is ours otherwise.
func (b *behavior) setsTag() bool {
	return slices.ContainsFunc(b.Handler, func(o op) bool { return o.is("name", "ETag") })
}

// recordedTag returns the ETag that Next.js gave the body.
func (b *behavior) recordedTag() string {
	var recorded struct{ Headers map[string]string }
	_ = json.Unmarshal(b.Expected, &recorded) // what it cannot read has no tag
	return recorded.Headers["etag"]
}

func (b *behavior) has(names ...string) bool {
	return slices.ContainsFunc(b.Handler, func(o op) bool { return slices.Contains(names, o.name()) })
}

// compareCookies compares Set-Cookie lines and their attributes as sets. A value that
// begins with $ matches any that is not empty.
func compareCookies(d *differences, got, want []string) {
	if len(got) != len(want) {
		d.add("setCookie", "%q, want %q", got, want)
		return
	}
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	for i := range want {
		gotPair, gotAttributes := cookie(got[i])
		wantPair, wantAttributes := cookie(want[i])
		if name, _, ok := strings.Cut(wantPair, "=$"); ok {
			if value, ok := strings.CutPrefix(gotPair, name+"="); ok && value != "" {
				gotPair = wantPair
			}
		}
		if gotPair != wantPair || !slices.Equal(gotAttributes, wantAttributes) {
			d.add("setCookie", "%q, want %q", got[i], want[i])
		}
	}
}

func cookie(line string) (pair string, attributes []string) {
	parts := strings.Split(line, "; ")
	attributes = parts[1:]
	slices.Sort(attributes)
	return parts[0], attributes
}

func compareLog(d *differences, want expected, records []slog.Record) {
	levels := map[slog.Level]int{}
	for _, record := range records {
		levels[record.Level]++
	}
	if n := levels[slog.LevelWarn]; n != len(want.Warnings) {
		d.add("warnings", "%d, want %q", n, want.Warnings)
	}
	n := 0
	if want.ErrorLogged {
		n = 1
	}
	if levels[slog.LevelError] != n {
		d.add("errorLogged", "%d errors, want %d", levels[slog.LevelError], n)
	}
	if levels[slog.LevelWarn]+levels[slog.LevelError] != len(records) {
		d.add("log", "records of other levels: %v", levels)
	}
}
