package bodyparser_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// TestReadTimeoutWithoutAWriter: a function with only the request limits the time
// with the writer of a layer outside.
func TestReadTimeoutWithoutAWriter(t *testing.T) {
	const timeout = 2 * time.Second
	const multipart = "multipart/form-data; boundary=b"
	cfg := bodyparser.Config{ReadTimeout: timeout}
	type in struct{ A string }
	binder := bind.New[in](bind.Config{Parser: cfg})
	type reader = func(*http.Request) error

	readers := map[string]struct {
		contentType string
		read        reader
		after       time.Duration
	}{
		"Parse": {"text/plain", func(r *http.Request) error {
			_, err := bodyparser.Parse(nil, r, cfg)
			return err
		}, timeout},
		"bind.Body": {jsonType, func(r *http.Request) error {
			_, err := bind.Body[in](r)
			return err
		}, 30 * time.Second},
		"Binder.Body": {jsonType, func(r *http.Request) error {
			_, err := binder.Body(r)
			return err
		}, timeout},
		"Binder.Body of a form with parts": {multipart, func(r *http.Request) error {
			_, err := binder.Body(r)
			return err
		}, timeout},
		"upload.Form": {multipart, func(r *http.Request) error {
			_, err := upload.Form(nil, r, upload.Config{ReadTimeout: timeout}, nil)
			return err
		}, timeout},
	}

	// Only the layer provides the writer: the handler is one of net/http.
	plain := func(read reader) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := read(r); err != nil {
				reply.Problem(w, r, err)
			}
		})
	}
	within := func(wrap func(http.Handler) http.Handler) func(reader) http.Handler {
		return func(read reader) http.Handler { return wrap(plain(read)) }
	}
	handler := func(onError func(http.ResponseWriter, *http.Request, error)) func(reader) http.Handler {
		return func(read reader) http.Handler {
			return reply.Handler(func(_ http.ResponseWriter, r *http.Request) error { return read(r) }, onError)
		}
	}
	layers := map[string]func(reader) http.Handler{
		"reply.HandlerFunc":                 handler(nil),
		"reply.Handler with an OnError":     handler(reply.PlainError),
		"Raw with a limit":                  within(bodyparser.New(bodyparser.Config{Raw: true, Limit: 1 << 20})),
		"a Timeout that is longer":          within(middleware.Timeout(time.Hour)),
		"a Config with a Logger":            within(middleware.New(middleware.Config{Logger: new(testkit.Log).Logger(), BodyParser: bodyparser.Config{Raw: true}})),
		"reply.HandlerFunc, around Recover": func(read reader) http.Handler { return middleware.Recover(nil)(handler(nil)(read)) },
		"a Timeout, in a foreign wrapper": func(read reader) http.Handler {
			return testkit.Foreign()["counting"](within(middleware.Timeout(time.Hour))(read))
		},
		"reply.HandlerFunc, and a copy of the request": func(read reader) http.Handler {
			return handler(nil)(func(r *http.Request) error {
				r = r.WithContext(r.Context())
				r.Body = io.NopCloser(r.Body) // as tracers do
				return read(r)
			})
		},
	}
	parser := within(bodyparser.New(bodyparser.Config{}))

	for readerName, reader := range readers {
		around := map[string]func(func(*http.Request) error) http.Handler{}
		for name, layer := range layers {
			around[name] = layer
		}
		if reader.contentType == multipart {
			around["a parser, which leaves it unread"] = parser
		}
		for layerName, layer := range around {
			testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
				client, url := tr.Serve(t, layer(reader.read))
				body, rest := io.Pipe()
				defer rest.Close()
				go io.WriteString(rest, "--b\r\n")
				start := time.Now()
				resp, err := client.Post(url, reader.contentType, body)
				if err != nil {
					t.Fatalf("%s in %s: %v", readerName, layerName, err)
				}
				resp.Body.Close()
				if took := time.Since(start); resp.StatusCode != 408 || took != reader.after {
					t.Errorf("%s in %s: %d after %v, want 408 after %v", readerName, layerName, resp.StatusCode, took, reader.after)
				}
			})
		}
	}
}

// A request that a handler makes itself has another body: the outer client's
// deadline does not apply to it.
func TestReadTimeoutOfAnotherRequest(t *testing.T) {
	armed := 0
	w := deadlines{func() { armed++ }}
	h := reply.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
		own := post("text/plain", "x").WithContext(r.Context())
		_, err := bodyparser.Parse(nil, own, bodyparser.Config{})
		return err
	})
	h.ServeHTTP(w, post("text/plain", "x"))
	if armed > 0 {
		t.Errorf("%d deadlines for a body in memory", armed)
	}
	h = func(_ http.ResponseWriter, r *http.Request) error {
		_, err := bodyparser.Parse(nil, r, bodyparser.Config{})
		return err
	}
	if h.ServeHTTP(w, post("text/plain", "x")); armed != 2 {
		t.Errorf("%d deadlines for the body of the request, want 2: set and cleared", armed)
	}
}

// deadlines is a writer that records read deadlines.
type deadlines struct{ set func() }

func (d deadlines) Header() http.Header             { return http.Header{} }
func (d deadlines) WriteHeader(int)                 {}
func (d deadlines) Write(p []byte) (int, error)     { return len(p), nil }
func (d deadlines) SetReadDeadline(time.Time) error { d.set(); return nil }

// The same on sockets, where the operating system has the deadline.
func TestReadTimeoutWithoutAWriterOnSockets(t *testing.T) {
	binder := bind.New[struct{ A string }](bind.Config{Parser: bodyparser.Config{ReadTimeout: 20 * time.Millisecond}})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		client, url := tr.Serve(t, reply.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
			_, err := binder.Body(r)
			return err
		}))
		body, rest := io.Pipe()
		defer rest.Close()
		go io.WriteString(rest, `{"a":`)
		resp, err := client.Post(url, jsonType, body)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != 408 {
			t.Errorf("%d %s", resp.StatusCode, testkit.Body(t, resp))
		}
	})
}
