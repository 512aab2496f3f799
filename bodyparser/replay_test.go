package bodyparser_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
)

// readers are the ways to read a body.
var readers = map[string]func(*http.Request, bodyparser.Config) error{
	"Parse": func(r *http.Request, cfg bodyparser.Config) error {
		_, err := bodyparser.Parse(nil, r, cfg)
		return err
	},
	"pooled": func(r *http.Request, cfg bodyparser.Config) error {
		return parsePooled(nil, r, cfg, func(b *bodyparser.Body) error {
			if b.MediaType() != jsonType {
				return nil
			}
			return b.Decode(new(any))
		})
	},
}

// After a refusal the client must not control what is read.
func TestParseRefusalIsFinal(t *testing.T) {
	const small = 64 * bytesize.B
	spaces := strings.Repeat(" ", int(small)+1)
	no := errors.New("no")
	for _, test := range []struct {
		why, contentType, body string
		cfg                    bodyparser.Config
		status                 int
	}{
		{"a body behind one that is too large", jsonType, spaces + `{"admin":true}`, bodyparser.Config{Limit: small}, 413},
		{"a body that is cut off", jsonType, `{"admin":tru`, bodyparser.Config{}, 400},
		{"a type that does not parse", "nonsense", `{"admin":true}`, bodyparser.Config{}, 415},
		{"an upload that is too large", "multipart/form-data; boundary=x", spaces, bodyparser.Config{Limit: small}, 413},
		{"what was not signed", jsonType, `{"admin":true}`, bodyparser.Config{Verify: func(*http.Request, []byte) error { return no }}, 403},
	} {
		for first, read := range readers {
			for second, again := range readers {
				r := post(test.contentType, test.body)
				if test.status != 413 || !strings.HasPrefix(test.contentType, "multipart") {
					r.ContentLength = -1
				}
				err := read(r, test.cfg)
				if err == nil || statusOf(err) != test.status {
					t.Errorf("%s: %s gives %v, want %d", test.why, first, err, test.status)
				}
				if got := again(r, bodyparser.Config{}); got != err {
					t.Errorf("%s: %s after %s gives %v, want %v", test.why, second, first, got, err)
				}
				if text, got := io.ReadAll(r.Body); got != err || len(text) > 0 {
					t.Errorf("%s: r.Body after %s gives %q, %v", test.why, first, text, got)
				}
			}
		}
	}
}

// A body that was read already is not an empty one.
func TestParseBodyReadBefore(t *testing.T) {
	for _, test := range []struct {
		why    string
		length int64 // what the header says
		body   string
		before func(*http.Request)
		status int
	}{
		{"by net/http", 3, "a=1", func(r *http.Request) { r.PostFormValue("a") }, 500},
		{"by a handler", 3, "a=1", func(r *http.Request) { io.Copy(io.Discard, r.Body) }, 500},
		{"by a handler that put nothing in its place", 3, "a=1", func(r *http.Request) { r.Body = http.NoBody }, 500},
		{"pooled", 3, "a=1", func(r *http.Request) { readers["pooled"](r, bodyparser.Config{}) }, 500},
		{"pooled, without a length", -1, "a=1", func(r *http.Request) { readers["pooled"](r, bodyparser.Config{}) }, 500},
		{"and put back", 3, "a=1", func(r *http.Request) {
			r.PostFormValue("a")
			r.Body = io.NopCloser(strings.NewReader("a=1"))
		}, 200},
		{"but it was empty", 0, "", func(r *http.Request) { readers["pooled"](r, bodyparser.Config{}) }, 200},
		{"but it was empty, and had no length", -1, "", func(r *http.Request) { r.PostFormValue("a") }, 200},
		{"by nobody", 3, "a=1", func(*http.Request) {}, 200},
	} {
		for name, read := range readers {
			r := post(formType, test.body)
			r.ContentLength = test.length
			test.before(r)
			if err := read(r, bodyparser.Config{}); statusOf(err) != test.status {
				t.Errorf("%s: %s gives %v, want %d", test.why, name, err, test.status)
			}
		}
	}
}

// A custom decoder gets exactly one value.
func TestConfigUnmarshalGetsOneValue(t *testing.T) {
	cfg := bodyparser.Config{Unmarshal: func(data []byte, dst any) error {
		return json.NewDecoder(bytes.NewReader(data)).Decode(dst) // stops after the first value
	}}
	for _, test := range []struct {
		why, body string
		status    int
	}{
		{"one", ` {"a":1} `, 200},
		{"text behind it", `{"a":1} x`, 400},
		{"another", `{"a":1}{"a":2}`, 400},
		{"none", ` `, 400},
	} {
		for name, read := range readers {
			if err := read(post(jsonType, test.body), cfg); statusOf(err) != test.status {
				t.Errorf("%s: %s gives %v, want %d", test.why, name, err, test.status)
			}
		}
	}
}

// Data kept from a request contain nothing of later requests.
func TestPooledBodyOfCopiedRequest(t *testing.T) {
	var kept *http.Request
	r := post("text/plain", "the secret of one")
	_ = parsePooled(nil, r, bodyparser.Config{}, func(*bodyparser.Body) error {
		kept = r.WithContext(r.Context())
		return nil
	})
	for range 100 {
		_ = parsePooled(nil, post("text/plain", "the secret of another"), bodyparser.Config{}, func(*bodyparser.Body) error {
			for how, read := range map[string]func() (int64, error){
				"Read":    func() (int64, error) { n, err := kept.Body.Read(make([]byte, 10)); return int64(n), err },
				"WriteTo": func() (int64, error) { return io.Copy(io.Discard, kept.Body) },
			} {
				if n, err := read(); n > 0 || !errors.Is(err, http.ErrBodyReadAfterClose) {
					t.Fatalf("%s of the copy: %d bytes, %v", how, n, err)
				}
			}
			if _, ok := bodyparser.From(kept); ok {
				t.Fatal("the copy has a body")
			}
			return nil
		})
	}
}
