package reply_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/reply"
)

// A vector is one request that was recorded on a running Next.js.
type vector struct {
	ID          string
	Kind        string
	Group       string
	Portability string
	Handler     []op
	Input       struct {
		Text, Unit string
		Count      int
	}
	Request struct {
		Method, Path string
		Headers      map[string]string
	}
	Expected struct {
		Status        int
		Headers       map[string]any
		AbsentHeaders []string
		Body          string
		ErrorLogged   bool
		ETag          string
	}
}

// An op is one step of the recorded handler.
type op struct {
	Op      string
	Type    string
	Kind    string
	Name    string
	Message string
	Text    string
	Code    any
	Value   json.RawMessage
	Base64  string
	Chunks  []string
	Pick    []string
	Headers map[string]string
}

type deviation struct {
	ID     string
	Why    string
	Kind   string
	Fields []string
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// decided are the recorded answers that are questionable, and where ours
// differs. The others are portable and hold as they are.
var decided = map[string]string{
	"conditional/304-keeps-content-type":            "a 304 has no Content-Type",
	"conditional/buffer-304":                        "the tag of bytes is our own: the request carries another",
	"conditional/delete-304":                        "304 is for GET and HEAD",
	"conditional/no-cache-uppercase-not-recognised": "directives compare in any case",
	"conditional/post-304":                          "304 is for GET and HEAD",
	"conditional/star-and-ims":                      "If-None-Match decides alone",
	"conditional/status-201-becomes-304":            "304 is for what would have been 200",
	"conditional/status-500-becomes-304":            "304 is for what would have been 200",
	"conditional/user-etag-not-consulted":           "the handler's own ETag counts",
	"errors/throw-after-headers-kept":               "an error has a type of its own",
	"etag/buffer-other-etag":                        "",
	"send/status-204-send-null-keeps-content-type":  "204 has no Content-Type",
	"send/user-etag-overridden":                     "the handler's own ETag counts",
	"conditional/if-none-match-star":                "",
}

func TestVectors(t *testing.T) {
	var file struct{ Cases []vector }
	readJSON(t, "api-behaviour.json", &file)
	var deviations map[string][]deviation
	readJSON(t, "deviations.json", &deviations)
	excepted := map[string][]string{}
	for _, d := range deviations["api-behaviour.json"] {
		if len(d.Fields) == 0 {
			t.Errorf("%s: whole cases are not excepted here", d.ID)
		}
		excepted[d.ID] = append(excepted[d.ID], d.Fields...)
	}

	counts := map[string]int{}
	known := map[string]bool{}
	for _, v := range file.Cases {
		known[v.ID] = true
		if v.Kind == "etag" {
			counts["etag function"]++
			if got := etagOf(t, v.Input.Text+strings.Repeat(v.Input.Unit, v.Input.Count)); got != v.Expected.ETag {
				t.Errorf("%s: ETag %s, want %s", v.ID, got, v.Expected.ETag)
			}
			continue
		}
		why, ours := decided[v.ID]
		switch {
		case v.Portability == "runtime":
			counts["artefact of JavaScript, not run"]++
			continue
		case v.Portability == "decide" && !ours:
			t.Errorf("%s: decide what ours does", v.ID)
		case ours && why != "":
			counts["decided otherwise"]++
			if problems := play(t, testkit.HTTP1, v, nil); len(problems) == 0 {
				t.Errorf("%s: passes as recorded, so %q is stale", v.ID, why)
			}
			continue
		}
		counts["as recorded"]++
		for _, tr := range testkit.Transports() {
			for _, problem := range play(t, tr, v, excepted[v.ID]) {
				t.Errorf("%s over %s: %s", v.ID, tr.Name, problem)
			}
		}
	}
	for id := range excepted {
		if !known[id] {
			t.Errorf("deviations name %s, which is no vector", id)
		}
	}
	t.Log(counts)
}

func etagOf(t *testing.T, text string) string {
	w := httptest.NewRecorder()
	if err := reply.Send(w, httptest.NewRequest("GET", "/", nil), 200, text); err != nil {
		t.Fatal(err)
	}
	return w.Header().Get("ETag")
}

// play runs one recorded request and returns what differs.
func play(t *testing.T, tr testkit.Transport, v vector, except []string) (problems []string) {
	problem := func(field, text string) {
		if !slices.Contains(except, field) {
			problems = append(problems, field+": "+text)
		}
	}
	var log testkit.Log
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(log.Logger())
	r := httptest.NewRequest(v.Request.Method, v.Request.Path, nil)
	for name, value := range v.Request.Headers {
		r.Header.Set(name, value)
	}
	h := reply.Handler(func(w http.ResponseWriter, r *http.Request) error { return run(t, v.Handler, w, r) }, reply.PlainError)
	resp := tr.Do(t, h, r)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		problem("body", err.Error())
	}
	if resp.StatusCode != v.Expected.Status {
		problem("status", resp.Status)
	}
	for name, want := range v.Expected.Headers {
		switch name {
		case "transfer-encoding", "vary":
			continue
		case "content-length":
			if raw(v.Handler) {
				continue
			}
		case "etag": // the tag of bytes is our own: only that there is a strong one
			if len(v.Handler) == 1 && v.Handler[0].Type == "buffer" {
				if tag := resp.Header.Get("ETag"); len(tag) < 3 || tag[0] != '"' {
					problem("headers.etag", tag)
				}
				continue
			}
		}
		if got := resp.Header.Get(name); got != want {
			problem("headers."+name, got)
		}
	}
	for _, name := range v.Expected.AbsentHeaders {
		framing := name == "transfer-encoding" || name == "content-length" && v.Handler[0].Type == "stream"
		if framing || raw(v.Handler) {
			continue // net/http's choice
		}
		if got := resp.Header.Get(name); got != "" {
			problem("absentHeaders."+name, got)
		}
	}
	if string(body) != v.Expected.Body {
		problem("body", string(body))
	}
	if logged := len(log.Records()) == 1; logged != v.Expected.ErrorLogged {
		problem("errorLogged", "records differ")
	}
	return problems
}

// raw reports whether the handler wrote with net/http's own calls, whose type
// and length are net/http's.
func raw(ops []op) bool {
	return slices.ContainsFunc(ops, func(o op) bool { return o.Op == "write" || o.Op == "end" || o.Op == "writeHead" })
}

func run(t *testing.T, ops []op, w http.ResponseWriter, r *http.Request) error {
	status := 200
	for _, o := range ops {
		var err error
		switch o.Op {
		case "status":
			status = int(o.Code.(float64))
		case "setHeader":
			var one string
			if json.Unmarshal(o.Value, &one) == nil {
				w.Header().Set(o.Name, one)
				continue
			}
			var many []string
			err = json.Unmarshal(o.Value, &many)
			w.Header()[http.CanonicalHeaderKey(o.Name)] = many
		case "json":
			err = reply.JSON(w, r, status, o.Value)
		case "send":
			err = reply.Send(w, r, status, sent(t, o))
		case "echo":
			if !slices.Equal(o.Pick, []string{"method"}) {
				t.Fatalf("unknown echo %v", o.Pick)
			}
			err = reply.JSON(w, r, status, map[string]string{"method": r.Method})
		case "end", "write":
			if o.Text == "" {
				w.WriteHeader(status)
				continue
			}
			_, err = io.WriteString(w, o.Text)
		case "writeHead":
			for name, value := range o.Headers {
				w.Header().Set(name, value)
			}
			w.WriteHeader(int(o.Code.(float64)))
		case "sleep":
		case "throw", "asyncThrow":
			err = errors.New(o.Message)
		default:
			t.Fatalf("unknown op %q", o.Op)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sent is the value that a recorded send was given.
func sent(t *testing.T, o op) any {
	switch o.Type {
	case "null":
		return nil
	case "buffer":
		b, err := base64.StdEncoding.DecodeString(o.Base64)
		if err != nil {
			t.Fatal(err)
		}
		return b
	case "stream":
		return strings.NewReader(strings.Join(o.Chunks, ""))
	case "":
		var text string
		if json.Unmarshal(o.Value, &text) == nil {
			return text
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, o.Value); err != nil {
			t.Fatal(err)
		}
		return json.RawMessage(compact.Bytes())
	}
	t.Fatalf("unknown send %q", o.Type)
	return nil
}
