package bodyparser_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
)

func zlibbed(text string) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.Bytes()
}

func deflated(text string) []byte {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, -1)
	io.WriteString(z, text)
	z.Close()
	return b.Bytes()
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestInflateBodies(t *testing.T) {
	const limit = 64 * bytesize.KB
	on := bodyparser.Config{Inflate: true, Limit: limit}
	rot13 := bodyparser.Config{Limit: limit, Decoders: map[string]func(io.Reader) (io.ReadCloser, error){
		"rot13": func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(rot13Reader{r}), nil },
	}}
	long := strings.Repeat("x", int(limit))
	for _, test := range []struct {
		why    string
		cfg    bodyparser.Config
		coding string
		body   []byte
		status int
		want   string
	}{
		{"off by default", bodyparser.Config{}, "gzip", gzipped("hi"), 415, ""},
		{"identity is none", bodyparser.Config{}, "identity", []byte("hi"), 200, "hi"},
		{"gzip", on, "gzip", gzipped("hi"), 200, "hi"},
		{"in capitals", on, " GZIP ", gzipped("hi"), 200, "hi"},
		{"deflate is zlib", on, "deflate", zlibbed("hi"), 200, "hi"},
		{"and not bare deflate", on, "deflate", deflated("hi"), 400, ""},
		{"no other coding", on, "br", []byte("hi"), 415, ""},
		{"no list", on, "gzip, gzip", gzipped(string(gzipped("hi"))), 415, ""},
		{"several members", on, "gzip", join(gzipped("h"), gzipped("i")), 200, "hi"},
		{"exactly the limit", on, "gzip", gzipped(long), 200, long},
		{"one byte more", on, "gzip", gzipped(long + "x"), 413, ""},
		{"a bomb", on, "gzip", gzipped(strings.Repeat("x", 8<<20)), 413, ""},
		{"a bomb in zlib", on, "deflate", zlibbed(strings.Repeat("x", 8<<20)), 413, ""},
		{"many members that hold nothing", on, "gzip", bytes.Repeat(gzipped(""), 10_000), 413, ""},
		{"junk behind the end", on, "gzip", join(gzipped("hi"), []byte("junk")), 400, ""},
		{"zeros behind the end", on, "gzip", join(gzipped("hi"), make([]byte, 10)), 400, ""},
		{"junk behind the end of zlib", on, "deflate", join(zlibbed("hi"), []byte("junk")), 400, ""},
		{"a stream that ends early", on, "gzip", gzipped("hello")[:20], 400, ""},
		{"a checksum that is wrong", on, "gzip", broken(gzipped("hello"), -8), 400, ""},
		{"not compressed at all", on, "gzip", []byte("hello"), 400, ""},
		{"nothing", on, "gzip", nil, 400, ""},
		{"a decoder of one's own", rot13, "rot13", []byte("uv"), 200, "hi"},
		{"does not switch the others on", rot13, "gzip", gzipped("hi"), 415, ""},
	} {
		for _, declared := range []bool{true, false} {
			r := httptest.NewRequest("POST", "/", bytes.NewReader(test.body))
			r.Header.Set("Content-Encoding", test.coding)
			if !declared {
				r.ContentLength = -1
			}
			b, err := bodyparser.Parse(nil, r, test.cfg)
			if statusOf(err) != test.status {
				t.Errorf("%s: %v, want %d", test.why, err, test.status)
				continue
			}
			if errors.Is(err, bodyparser.ErrAborted) {
				t.Errorf("%s: looks like a client that has gone: %v", test.why, err)
			}
			if err == nil && b.Text() != test.want {
				t.Errorf("%s: %.20q, want %.20q", test.why, b.Text(), test.want)
			}
		}
	}

	// A client that leaves in the middle differs from a stream that ends there.
	r := post("", "")
	r.Header.Set("Content-Encoding", "gzip")
	r.Body, r.ContentLength = &failing{string(gzipped("hello")[:20]), io.ErrUnexpectedEOF}, -1
	if _, err := bodyparser.Parse(nil, r, on); !errors.Is(err, bodyparser.ErrAborted) {
		t.Errorf("a client that leaves: %v", err)
	}
}

func broken(b []byte, at int) []byte {
	b[len(b)+at] ^= 0xff
	return b
}

type rot13Reader struct{ io.Reader }

func (r rot13Reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	for i, c := range p[:n] {
		p[i] = 'a' + (c-'a'+13)%26
	}
	return n, err
}

// A second reader of the body must not decompress it again.
func TestInflateChangesTheHeader(t *testing.T) {
	h := bodyparser.New(bodyparser.Config{Inflate: true})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || string(text) != "hi" || r.ContentLength != 2 || r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%q, %v, length %d, header %v", text, err, r.ContentLength, r.Header)
		}
		if _, ok := bodyparser.From(r); !ok {
			t.Error("no body")
		}
	}))
	r := httptest.NewRequest("POST", "/", bytes.NewReader(gzipped("hi")))
	r.Header.Set("Content-Encoding", "gzip")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if r.Header.Get("Content-Encoding") != "gzip" {
		t.Error("the header of the request that came in has changed")
	}
}

func TestInflateAcceptEncoding(t *testing.T) {
	for want, cfg := range map[string]bodyparser.Config{
		"identity":                {},
		"deflate, gzip, identity": {Inflate: true},
		"br, deflate, gzip, identity": {Inflate: true, Decoders: map[string]func(io.Reader) (io.ReadCloser, error){
			"br": func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(r), nil },
		}},
	} {
		r := post("", "x")
		r.Header.Set("Content-Encoding", "zstd")
		w := httptest.NewRecorder()
		bodyparser.New(cfg)(answerText).ServeHTTP(w, r)
		if got := w.Header().Get("Accept-Encoding"); w.Code != 415 || got != want {
			t.Errorf("%d, Accept-Encoding %q, want %q", w.Code, got, want)
		}
	}
}

func TestConfigValidateDecoders(t *testing.T) {
	none := func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(r), nil }
	for _, cfg := range []bodyparser.Config{
		{Decoders: map[string]func(io.Reader) (io.ReadCloser, error){"br": nil}},
		{Decoders: map[string]func(io.Reader) (io.ReadCloser, error){"BR": none}},
		{Decoders: map[string]func(io.Reader) (io.ReadCloser, error){"identity": none}},
		{Decoders: map[string]func(io.Reader) (io.ReadCloser, error){"gzip, br": none}},
		{Decoders: map[string]func(io.Reader) (io.ReadCloser, error){"": none}},
		{Decoders: map[string]func(io.Reader) (io.ReadCloser, error){"br": none}, Limit: bytesize.Unlimited},
		{Inflate: true, Limit: bytesize.Unlimited},
	} {
		if cfg.Validate() == nil {
			t.Errorf("%+v is valid", cfg)
		}
	}
}
