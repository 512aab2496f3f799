package bodyparser_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/reply"
)

type apiVector struct {
	ID, Kind, Portability string
	Config                struct {
		API struct {
			BodyParser any
		}
	}
	Handler []struct {
		Op   string
		Pick []string
	}
	Request apiRequest
	Input   struct {
		PresetBody map[string]any
		Handler    string
		Request    apiRequest
	}
	Expected struct {
		Status        int
		Headers       map[string]string
		AbsentHeaders []string
		Body          string
		Warnings      []any
	}
}

type apiRequest struct {
	Method, Path string
	Headers      map[string]any
	Body         string
	BodyBase64   string
	BodyRepeat   struct {
		Unit  string
		Count int
	}
	Chunked bool
}

func (a apiRequest) wire(t *testing.T) wire {
	body := []byte(a.Body)
	switch {
	case a.BodyBase64 != "":
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.BodyBase64); err != nil {
			t.Fatal(err)
		}
	case a.BodyRepeat.Count > 0:
		body = []byte(strings.Repeat(a.BodyRepeat.Unit, a.BodyRepeat.Count))
	}
	q := wire{method: a.Method, path: a.Path, body: body, transfer: "content-length", abortAfter: -1}
	if q.path == "" {
		q.path = "/api/run"
	}
	switch {
	case a.Chunked:
		q.transfer = "chunked"
	case len(body) == 0 && a.Method == "GET":
		q.transfer = "none"
	}
	for name, value := range a.Headers {
		q.header = append(q.header, [2]string{name, fmt.Sprint(value)})
	}
	return q
}

// undecided are the vectors whose outcome is an accident of JavaScript or a
// choice that Next.js made and ours need not: those that come out otherwise
// here, with what does.
var undecided = map[string]struct {
	status int
	body   string
	why    string
}{
	"body-parse/charset-base64-codec":               {415, "Unsupported charset", "base64 is no charset"},
	"body-parse/charset-hex-codec":                  {415, "Unsupported charset", "hex is no charset"},
	"body-parse/gzip-content-encoding-not-inflated": {415, "Unsupported content encoding", "inflating is off by default"},
	"body-parse/json-invalid-utf8-replaced":         {400, "Invalid JSON", "JSON must be valid UTF-8"},
	"body-parse/json-lone-surrogate-escape":         {200, `{"bodyType":"string","body":"` + "\uFFFD" + `"}`, "strings of Go are UTF-8, which has no lone surrogates"},
	"body-parse/json-number-overflow":               {400, "Invalid body", "a number that no float64 holds is an error when it is decoded"},
	"body-parse/json-big-number-precision":          {200, `{"bodyType":"number","body":12345678901234567890}`, "numbers keep their digits"},
	"body-parse/multipart-as-string":                {200, `{"bodyType":"undefined"}`, "multipart is left unread"},
	"body-parse/problem-json-not-parsed":            {200, `{"bodyType":"object","body":{"a":1}}`, "every +json type is JSON"},
	"body-parse/vendor-plus-json-not-parsed":        {200, `{"bodyType":"object","body":{"a":1}}`, "every +json type is JSON"},
	"body-parse/us-ascii-charset":                   {200, `{"bodyType":"string","body":"a` + "\u00e9" + `"}`, "WHATWG labels, by which us-ascii is windows-1252"},
	"body-urlencoded/1001-keys-limited-to-1000":     {413, "Too many form fields", "1000 pairs"},
	"body-urlencoded/malformed-percent-kept":        {400, "Invalid body", "malformed percent is 400"},
}

// TestRequestVectors sends what was sent to a running Next.js, over a
// connection and through a recorder.
func TestRequestVectors(t *testing.T) {
	var file struct{ Cases []apiVector }
	load(t, "api-behaviour.json", &file)
	y := newTally(t, "api-behaviour.json")
	open := map[string]bool{}
	for _, v := range file.Cases {
		if v.Kind == "preset-body" {
			y.seen[v.ID] = true
			continue // see TestPresetVectors
		}
		if d, ok := undecided[v.ID]; ok {
			if v.Portability == "core" {
				t.Errorf("%s is core", v.ID)
			}
			open[v.ID] = true
			v.Expected.Status, v.Expected.Body = d.status, d.body
			v.Expected.Headers, v.Expected.AbsentHeaders = nil, nil
			if err := v.run(t, y); err != nil {
				t.Errorf("%s (%s): %v", v.ID, d.why, err)
			}
			y.seen[v.ID] = true
			continue
		}
		y.count(v.ID, "", v.run(t, y))
	}
	for id := range undecided {
		if !open[id] {
			t.Errorf("no vector %s", id)
		}
	}
	t.Logf("%d undecided ones come out as ours do", len(open))
	y.done()
}

// run sends the request both ways and says how the answer differs.
func (v apiVector) run(t *testing.T, y *tally) error {
	var log testkit.Log
	cfg := bodyparser.Config{OnError: reply.PlainError, Logger: log.Logger()}
	switch parser := v.Config.API.BodyParser.(type) {
	case bool:
		cfg.Raw = !parser
	case map[string]any:
		switch limit := parser["sizeLimit"].(type) {
		case float64:
			cfg.Limit = bytesize.Size(limit)
		case string:
			cfg.Limit = bytesize.MustParse(limit)
		}
	}
	handler := bodyparser.New(cfg)(reply.Handler(v.serve, reply.PlainError))
	q := v.Request.wire(t)

	server := httptest.NewServer(handler)
	t.Cleanup(server.Close) // later: after a 413 net/http lingers for half a second
	resp, body, err := q.send(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Errorf("%s: %v", v.ID, err)
		return nil
	}
	if err := v.compare(y, resp, body); err != nil {
		return err
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, q.request())
	if err := v.compare(y, w.Result(), w.Body.Bytes()); err != nil {
		return fmt.Errorf("through a recorder: %w", err)
	}
	if n := len(log.Records()); n != len(v.Expected.Warnings) {
		return fmt.Errorf("%d log records", n)
	}
	return nil
}

func (v apiVector) compare(y *tally, resp *http.Response, body []byte) error {
	want := v.Expected
	if resp.StatusCode != want.Status && !y.field(v.ID, "status") {
		return fmt.Errorf("status %d %s, want %d", resp.StatusCode, body, want.Status)
	}
	sameBytes := string(body) == want.Body
	if !sameBytes && !sameJSON(body, []byte(want.Body)) && !y.field(v.ID, "body") {
		return fmt.Errorf("body %.200q, want %.200q", body, want.Body)
	}
	for name, value := range want.Headers {
		switch {
		case y.field(v.ID, "headers."+name):
		case name == "etag" && !sameBytes:
		case name == "content-length" && !sameBytes:
		case resp.Header.Get(name) != value:
			return fmt.Errorf("%s: %q, want %q", name, resp.Header.Get(name), value)
		}
	}
	for _, name := range want.AbsentHeaders {
		if name != "transfer-encoding" && !y.field(v.ID, "absentHeaders."+name) && resp.Header.Get(name) != "" {
			return fmt.Errorf("%s: %q, want none", name, resp.Header.Get(name))
		}
	}
	return nil
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

// serve does what the recorded handler did.
func (v apiVector) serve(w http.ResponseWriter, r *http.Request) error {
	if len(v.Handler) != 1 {
		return errors.New("want one operation")
	}
	op := v.Handler[0]
	body, parsed := bodyparser.From(r)
	switch op.Op {
	case "bodyLength":
		return reply.JSON(w, r, 200, json.RawMessage(
			`{"bodyType":"string","length":`+strconv.Itoa(len(utf16.Encode([]rune(body.Text()))))+`}`))
	case "readRaw":
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		return reply.JSON(w, r, 200, json.RawMessage(fmt.Sprintf(`{"bodyIsUndefined":%v,"rawBytes":%d,"rawBase64":"%s"}`,
			!parsed, len(raw), base64.StdEncoding.EncodeToString(raw))))
	case "echo":
		return echo(w, r, op.Pick)
	}
	return fmt.Errorf("operation %s", op.Op)
}

// echo answers with the properties of the request that are asked for, in order.
func echo(w http.ResponseWriter, r *http.Request, pick []string) error {
	var members []string
	add := func(name string, value any) {
		text, _ := json.Marshal(value)
		members = append(members, strconv.Quote(name)+":"+string(text))
	}
	var value any
	body, parsed := bodyparser.From(r)
	if parsed {
		var err error
		if value, err = body.Value(); err != nil {
			return err
		}
		parsed = !strings.HasPrefix(body.MediaType(), "multipart/")
	}
	for _, name := range pick {
		switch name {
		case "query":
			add(name, flat(r.URL.Query()))
		case "cookies":
			add(name, cookies.All(r))
		case "bodyType":
			kind := "undefined"
			if parsed {
				kind = typeOf(value)
			}
			add(name, kind)
		case "body":
			if parsed {
				add(name, value)
			}
		default:
			return errors.New("property " + name)
		}
	}
	return reply.JSON(w, r, 200, json.RawMessage("{"+strings.Join(members, ",")+"}"))
}

func flat(values url.Values) map[string]any {
	m := map[string]any{}
	for name, v := range values {
		if m[name] = any(v); len(v) == 1 {
			m[name] = v[0]
		}
	}
	return m
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// TestPresetVectors: in Next.js something in front may have put a body on the
// request, and one that is not empty is kept. Here that is a parser in front.
func TestPresetVectors(t *testing.T) {
	var file struct{ Cases []apiVector }
	load(t, "api-behaviour.json", &file)
	ran := 0
	for _, v := range file.Cases {
		if v.Kind != "preset-body" || v.Portability != "core" {
			continue
		}
		ran++
		inner := bodyparser.New(bodyparser.Config{OnError: reply.PlainError, Logger: new(testkit.Log).Logger()})(
			reply.Handler(func(w http.ResponseWriter, r *http.Request) error {
				if strings.HasPrefix(v.Input.Handler, "throws ApiError(") {
					return reply.NewError(418, "short and stout")
				}
				return echo(w, r, []string{"bodyType", "body"})
			}, reply.PlainError))
		handler := inner
		r := v.Input.Request.wire(t).request()
		if preset, ok := v.Input.PresetBody["value"]; ok && preset != "" {
			// The parser in front reads the preset, and then the stream is
			// changed behind its back.
			streamed := r.Body
			text, _ := json.Marshal(preset)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(text))), int64(len(text))
			handler = bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Body = streamed
				inner.ServeHTTP(w, r)
			}))
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != v.Expected.Status || !sameJSON(w.Body.Bytes(), []byte(v.Expected.Body)) && w.Body.String() != v.Expected.Body {
			t.Errorf("%s: %d %s, want %d %s", v.ID, w.Code, w.Body, v.Expected.Status, v.Expected.Body)
		}
	}
	if want := 4; ran != want {
		t.Errorf("ran %d, want %d", ran, want)
	}
	if !slices.ContainsFunc(file.Cases, func(v apiVector) bool { return v.ID == "preset/no-module-404" }) {
		t.Error("the case without a module is gone") // http.ServeMux answers those
	}
}
