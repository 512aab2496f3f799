package conformance_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestCompareFindsDifferences: a comparison that finds nothing proves nothing unless it
// can find something. Each row changes one thing about an expected response and names
// the part that has to differ, "" if none does.
func TestCompareFindsDifferences(t *testing.T) {
	record := func(level slog.Level) slog.Record { return slog.NewRecord(time.Time{}, level, "m", 0) }
	text := `{"a":1,"b":2}`
	sum := sha256.Sum256([]byte(text))
	type test struct {
		why  string
		ops  string // of the handler, a send of JSON if empty
		edit func(*expected, *answer)
		part string
	}
	sends := `[{"op":"json","value":{"a":1,"b":2}}]`
	tags := `[{"op":"setHeader","name":"ETag","value":"\"tag\""},{"op":"send","value":1}]`
	stream := `[{"op":"send","type":"stream","chunks":[]}]`
	writes := `[{"op":"write","text":"x"}]`

	for _, tt := range []test{
		{"as expected", sends, func(*expected, *answer) {}, ""},

		{"status", sends, func(w *expected, g *answer) { w.Status = 201 }, "status"},
		{"cut", sends, func(w *expected, g *answer) { g.cut = true }, "cut"},
		{"not cut", sends, func(w *expected, g *answer) { w.Cut = true }, "cut"},
		{"refused", sends, func(w *expected, g *answer) { g.refused = true }, "refused"},
		{"not refused", sends, func(w *expected, g *answer) { w.Refused = true }, "refused"},
		{"another route", sends, func(w *expected, g *answer) { w.Route = "/b" }, "route"},
		{"a route where none ran", sends, func(w *expected, g *answer) { w.Route = "" }, "route"},

		{"another body", sends, func(w *expected, g *answer) { g.body = []byte(`{"a":1}`) }, "body"},
		{"no body", sends, func(w *expected, g *answer) { g.body = nil }, "body"},
		{"a body where none is", sends, func(w *expected, g *answer) { w.Body, w.BodyJSON = new(string), nil }, "body"},
		{"another order of members", sends, func(w *expected, g *answer) {
			g.body = []byte(`{"b":2,"a":1}`)
			g.header.Set("ETag", `"other"`)
		}, ""},
		{"two values", sends, func(w *expected, g *answer) { g.body = append(g.body, g.body...) }, "body"},
		{"a number that rounds to the same", sends, func(w *expected, g *answer) {
			w.Body, w.BodyJSON = ptr("12345678901234567890"), nil
			g.body = []byte("12345678901234567891")
		}, "body"},
		{"the parsed body", sends, func(w *expected, g *answer) { w.BodyJSON = json.RawMessage(`{"a":2}`) }, "bodyJson"},
		{"bytes that are not UTF-8, as JavaScript has them", sends, func(w *expected, g *answer) {
			w.Body, w.BodyJSON, g.body = ptr("\uFFFD"), nil, []byte("\xff")
			g.header.Set("Content-Length", "1")
		}, ""},
		{"another text of an error", sends, func(w *expected, g *answer) {
			w.Body, w.BodyJSON = ptr(`{"error":"theirs","name":"Error"}`), nil
			g.body = []byte(`{"error":"1234"}`)
			g.header.Set("Content-Length", "16")
		}, ""},
		{"an error with no text", sends, func(w *expected, g *answer) {
			w.Body, w.BodyJSON = ptr(`{"error":"theirs"}`), nil
			g.body = []byte(`{"error":""}`)
		}, "body"},
		{"the sum of a body", sends, func(w *expected, g *answer) {
			w.Body, w.BodyLength, w.BodySHA256 = nil, len(text), hex.EncodeToString(sum[:])
		}, ""},
		{"another sum", sends, func(w *expected, g *answer) {
			w.Body, w.BodyLength, w.BodySHA256 = nil, len(text), hex.EncodeToString(sum[:])
			g.body = []byte(`{"a":1,"b":3}`)
		}, "body"},
		{"another length", sends, func(w *expected, g *answer) { w.Body, w.BodyLength, w.BodySHA256 = nil, 1, hex.EncodeToString(sum[:]) }, "body"},

		{"another value of a header", sends, func(w *expected, g *answer) { w.Headers["x-a"] = "2" }, "headers.x-a"},
		{"a header that is missing", sends, func(w *expected, g *answer) { w.Headers["x-b"] = "" }, "headers.x-b"},
		{"a header too many", sends, func(w *expected, g *answer) { g.header.Set("X-B", "1") }, "headers.x-b"},
		{"a header twice", sends, func(w *expected, g *answer) { g.header.Add("X-A", "1") }, "headers.x-a"},
		{"Access-Control", sends, func(w *expected, g *answer) { g.header.Set("Access-Control-Allow-Origin", "*") }, "headers.access-control-allow-origin"},
		{"Allow", sends, func(w *expected, g *answer) { g.header.Set("Allow", "GET") }, "headers.allow"},
		{"nosniff", sends, func(w *expected, g *answer) { g.header.Set("X-Content-Type-Options", "nosniff") }, ""},
		{"nosniff that is expected", sends, func(w *expected, g *answer) { w.Headers["x-content-type-options"] = "nosniff" }, "headers.x-content-type-options"},
		{"Date and Vary", sends, func(w *expected, g *answer) { g.header.Set("Date", "now"); w.Headers["vary"] = "rsc" }, ""},
		{"a header that should be absent", sends, func(w *expected, g *answer) { g.header.Set("X-Gone", "1") }, "absentHeaders.x-gone"},
		{"an absent header that is empty", sends, func(w *expected, g *answer) { g.header.Set("X-Gone", "") }, "absentHeaders.x-gone"},
		{"Content-Type", sends, func(w *expected, g *answer) { g.header.Set("Content-Type", "text/html") }, "headers.content-type"},
		{"the type that net/http makes of bytes", writes, func(w *expected, g *answer) {
			delete(w.Headers, "content-type")
			w.AbsentHeaders = append(w.AbsentHeaders, "content-type")
		}, ""},
		{"a type of a handler that has set it", writes, func(w *expected, g *answer) { w.Headers["content-type"] = "text/html" }, "headers.content-type"},
		{"Content-Length", sends, func(w *expected, g *answer) { w.Headers["content-length"] = "14" }, "headers.content-length"},
		{"Content-Length of another order", sends, func(w *expected, g *answer) {
			g.body = []byte(`{ "b":2,"a":1}`)
			w.Headers["content-length"] = "13"
		}, "headers.content-length"},
		{"Content-Length of a stream", stream, func(w *expected, g *answer) { w.Headers["content-length"] = "14" }, ""},
		{"no Content-Length of a stream", stream, func(w *expected, g *answer) {
			delete(w.Headers, "content-length")
			w.AbsentHeaders = append(w.AbsentHeaders, "content-length")
		}, ""},
		{"a Content-Length that should be absent", sends, func(w *expected, g *answer) {
			delete(w.Headers, "content-length")
			w.AbsentHeaders = append(w.AbsentHeaders, "content-length")
		}, "absentHeaders.content-length"},
		{"another ETag", sends, func(w *expected, g *answer) { g.header.Set("ETag", `"other"`) }, ""},
		{"a weak ETag", sends, func(w *expected, g *answer) { g.header.Set("ETag", `W/"other"`) }, "headers.etag"},
		{"no ETag", sends, func(w *expected, g *answer) { g.header.Del("ETag") }, "headers.etag"},
		{"another ETag of a handler that sets it", tags, func(w *expected, g *answer) { g.header.Set("ETag", `"other"`) }, "headers.etag"},

		{"no cookie", sends, func(w *expected, g *answer) { g.header.Del("Set-Cookie") }, "setCookie"},
		{"a cookie too many", sends, func(w *expected, g *answer) { g.header.Add("Set-Cookie", "b=1") }, "setCookie"},
		{"the value of a cookie", sends, func(w *expected, g *answer) { g.header.Set("Set-Cookie", "a=2; Path=/; Secure") }, "setCookie"},
		{"an attribute of a cookie", sends, func(w *expected, g *answer) { g.header.Set("Set-Cookie", "a=1; Path=/p; Secure") }, "setCookie"},
		{"an attribute that is missing", sends, func(w *expected, g *answer) { g.header.Set("Set-Cookie", "a=1; Path=/") }, "setCookie"},
		{"another order of attributes", sends, func(w *expected, g *answer) { g.header.Set("Set-Cookie", "a=1; Secure; Path=/") }, ""},
		{"a value that stands for any", sends, func(w *expected, g *answer) { w.SetCookie = []string{"a=$JWT; Path=/; Secure"} }, ""},
		{"but not for none", sends, func(w *expected, g *answer) {
			w.SetCookie = []string{"a=$JWT; Path=/; Secure"}
			g.header.Set("Set-Cookie", "a=; Path=/; Secure")
		}, "setCookie"},

		{"no warning", sends, func(w *expected, g *answer) { g.records = g.records[1:] }, "warnings"},
		{"a warning too many", sends, func(w *expected, g *answer) { w.Warnings = nil }, "warnings"},
		{"no error", sends, func(w *expected, g *answer) { g.records = g.records[:1] }, "errorLogged"},
		{"two errors", sends, func(w *expected, g *answer) { g.records = append(g.records, record(slog.LevelError)) }, "errorLogged"},
		{"an error too many", sends, func(w *expected, g *answer) { w.ErrorLogged = false }, "errorLogged"},
		{"records of another level", sends, func(w *expected, g *answer) { g.records = append(g.records, record(slog.LevelInfo)) }, "log"},

		{"a page of the framework", sends, func(w *expected, g *answer) {
			w.FrameworkErrorPage, w.Body, w.BodyJSON, w.Headers = true, nil, nil, nil
		}, ""},
		{"its status", sends, func(w *expected, g *answer) { w.FrameworkErrorPage, w.Status = true, 404 }, "status"},
	} {
		c := &behavior{Kind: "http"}
		if err := json.Unmarshal([]byte(tt.ops), &c.Handler); err != nil {
			t.Fatal(err)
		}
		want := expected{
			Status: 200, Route: "/a", Body: ptr(text), BodyJSON: json.RawMessage(text),
			Headers:       map[string]string{"content-type": "application/json", "content-length": "13", "etag": `"tag"`, "x-a": "1"},
			AbsentHeaders: []string{"transfer-encoding", "x-gone"},
			SetCookie:     []string{"a=1; Path=/; Secure"},
			Warnings:      []string{"slow"}, ErrorLogged: true,
		}
		got := &answer{
			status: 200, route: "/a", body: []byte(text),
			header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {"13"}, "Etag": {`"tag"`}, "X-A": {"1"},
				"Set-Cookie": {"a=1; Path=/; Secure"}, "Transfer-Encoding": {"chunked"}},
			records: []slog.Record{record(slog.LevelWarn), record(slog.LevelError)},
		}
		tt.edit(&want, got)
		d := c.compare(want, got)
		if found := slices.ContainsFunc(d, func(d difference) bool { return d.part == tt.part }); found != (tt.part != "") || tt.part == "" && len(d) > 0 {
			t.Errorf("%s: the comparison finds %v, want %q", tt.why, d, tt.part)
		}
	}

	for _, tt := range []struct {
		why       string
		want, got map[string]any
		differ    bool
	}{
		{"the same", map[string]any{"a": 1}, map[string]any{"a": 1.0}, false},
		{"another value", map[string]any{"a": 1}, map[string]any{"a": 2}, true},
		{"one is missing", map[string]any{"a": 1}, map[string]any{}, true},
		{"one too many", map[string]any{}, map[string]any{"a": 1}, true},
		{"another error", map[string]any{"result": map[string]any{"ok": false, "error": "x"}}, map[string]any{"result": map[string]any{"ok": false, "error": "text"}}, false},
		{"no error", map[string]any{"result": map[string]any{"ok": false, "error": "x"}}, map[string]any{"result": map[string]any{"ok": true}}, true},
	} {
		if d := compareValues(tt.want, tt.got); (len(d) > 0) != tt.differ {
			t.Errorf("%s: %v", tt.why, d)
		}
	}
}

func ptr(text string) *string { return &text }
