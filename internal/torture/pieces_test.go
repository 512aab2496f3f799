package torture_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A host is what a service provides for its pieces.
type host struct {
	logger *slog.Logger
	ending context.Context // ends when the server begins to shut down
	atEnd  []func()        // closes the resources of pieces
}

func (h *host) Logger() *slog.Logger { return h.logger }

// end closes these resources.
func (h *host) end() {
	for _, f := range h.atEnd {
		f()
	}
}

// A piece is a handler that uses one part of this module, and a request with its
// response.
type piece struct {
	name string
	make func(*host) http.Handler

	method, path string
	fields       map[string]string
	body         string

	status  int
	want    string
	records int // that the response leaves in the log

	// over wraps a handler with the piece, if it is a layer.
	over func(*host) func(http.Handler) http.Handler

	reads    bool // all of the body, before it responds
	streams  bool // in steps
	stops    bool // handlers that take longer than limit
	recovers bool // from panics
	byHand   bool // the handler reads the body itself, without a time limit
	open     bool // an event stream, which ends in good order when its client or its context does
	blank    bool // a response in which only the header matters
}

// longText is a body that net/http sends in several writes.
var longText = strings.Repeat("0123456789abcdef", 500)

// getting and posting set the common parts of a piece.
func getting(p piece) piece {
	p.method, p.path = "GET", "/things/7"
	if p.status == 0 {
		p.status, p.want = 200, longText
	}
	return p
}

func posting(contentType, body string, p piece) piece {
	p.method, p.path, p.body, p.reads = "POST", "/things/7", body, true
	p.fields = map[string]string{"Content-Type": contentType}
	if p.status == 0 {
		p.status = 200
	}
	return p
}

// pieces returns all of them.
func pieces() (all []piece) {
	all = append(all, readers()...)
	all = append(all, answers()...)
	all = append(all, layers()...)
	return append(all, streams()...)
}

func those(ok func(*piece) bool) (some []*piece) {
	for _, p := range pieces() {
		if ok(&p) {
			some = append(some, &p)
		}
	}
	return some
}

func called(name string) *piece {
	return those(func(p *piece) bool { return p.name == name })[0]
}

// answering makes a piece of a function that returns an error.
func answering(fn reply.HandlerFunc) func(*host) http.Handler {
	return func(*host) http.Handler { return fn }
}

// plainly is for functions that do not fail, without a layer around them.
func plainly(fn http.HandlerFunc) func(*host) http.Handler {
	return func(*host) http.Handler { return fn }
}

type thing struct {
	Text string `json:"text"`
}

// answers are the pieces that write a response.
func answers() []piece {
	json := func(p piece) piece {
		p.status, p.want = 200, `{"text":"`+longText+`"}`
		return getting(p)
	}
	redirected := func(p piece) piece {
		p.want, p.blank = "/elsewhere", true
		return getting(p)
	}
	return []piece{
		json(piece{name: "reply.JSON", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			return reply.JSON(w, r, 200, thing{longText})
		})}),
		getting(piece{name: "reply.Send, string", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, 200, longText)
		})}),
		getting(piece{name: "reply.Send, bytes", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, 200, []byte(longText))
		})}),
		getting(piece{name: "reply.Send, reader", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, 200, io.MultiReader(strings.NewReader(longText[:4000]), strings.NewReader(longText[4000:])))
		})}),
		getting(piece{name: "reply.Problem", status: 404, want: `{"title":"Not Found","status":404,"detail":"` + longText + `"}`,
			make: plainly(func(w http.ResponseWriter, r *http.Request) { reply.Problem(w, r, reply.NewError(404, longText)) })}),
		getting(piece{name: "reply.PlainError", status: 404, want: longText,
			make: plainly(func(w http.ResponseWriter, r *http.Request) { reply.PlainError(w, r, reply.NewError(404, longText)) })}),
		getting(piece{name: "reply.HandlerFunc, error", status: 503, records: 1, want: `{"title":"Service Unavailable","status":503,"detail":"Later"}`,
			make: answering(func(http.ResponseWriter, *http.Request) error { return reply.NewError(503, "Later") })}),

		redirected(piece{name: "redirect.To", status: 307, make: answering(func(w http.ResponseWriter, r *http.Request) error {
			return redirect.To(w, r, "/elsewhere")
		})}),
		redirected(piece{name: "redirect.Local", status: 307, make: answering(func(w http.ResponseWriter, r *http.Request) error {
			return redirect.Local(w, r, "//evil.test", "/elsewhere")
		})}),
		getting(piece{name: "redirect.AllowList", status: 307, want: "https://partner.test/", blank: true, make: answering(func(w http.ResponseWriter, r *http.Request) error {
			return redirect.NewAllowList("https://partner.test").To(w, r, "https://partner.test/")
		})}),
		getting(piece{name: "cookies.Set", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			if err := cookies.Set(w, &http.Cookie{Name: "a", Value: "b c", Path: "/"}); err != nil {
				return err
			}
			return reply.Send(w, r, 200, longText)
		})}),
		getting(piece{name: "cookies.Signer", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			signer := cookies.NewSigner([]byte(strings.Repeat("k", 32)))
			if err := signer.Set(w, &http.Cookie{Name: "a", Value: "b", Path: "/"}); err != nil {
				return err
			}
			return reply.Send(w, r, 200, longText)
		})}),
		getting(piece{name: "pattern.NewHandler, no route", status: 404, want: `{"title":"Not Found","status":404}`,
			make: func(*host) http.Handler {
				return routes("/others/[id]", http.NotFoundHandler())
			}}),
	}
}

func routes(name string, h http.Handler) http.Handler {
	table, err := pattern.NewHandler(map[string]http.Handler{name: h}, pattern.HandlerConfig{})
	if err != nil {
		panic(err)
	}
	return table
}

// streams are the pieces that respond in steps.
func streams() []piece {
	const n = 20
	var events, lines strings.Builder
	for i := range n {
		fmt.Fprintf(&events, "data: %s\n\n", line(i))
		fmt.Fprintf(&lines, "%q\n", line(i))
	}
	streaming := func(want string, p piece) piece {
		p.status, p.want, p.streams = 200, want, true
		return getting(p)
	}
	return []piece{
		streaming(events.String(), piece{name: "stream.SSE", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			s, err := stream.SSE(w, r, stream.Config{})
			for i := 0; i < n && err == nil; i++ {
				err = s.Send(stream.Event{Data: line(i)})
			}
			return err
		})}),
		streaming(lines.String(), piece{name: "stream.NDJSON", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			l, err := stream.NDJSON(w, r, stream.Config{})
			for i := 0; i < n && err == nil; i++ {
				err = l.Send(line(i))
			}
			return err
		})}),
		streaming(events.String(), piece{name: "stream.Handler", open: true, make: func(t *host) http.Handler {
			return stream.Handler(stream.Config{Logger: t.Logger(), Until: t.ending}, func(s *stream.Stream) error {
				for i := range n {
					if err := s.Send(stream.Event{Data: line(i)}); err != nil {
						return err
					}
				}
				return nil
			})
		}}),
		streaming(events.String(), piece{name: "stream.Stream.Relay", open: true, make: func(t *host) http.Handler {
			return stream.Handler(stream.Config{Logger: t.Logger(), Until: t.ending}, func(s *stream.Stream) error {
				return s.Relay(&http.Response{
					StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(strings.NewReader(events.String())),
				}, stream.RelayConfig{})
			})
		}}),
		streaming(events.String(), piece{name: "hub.Hub.Serve", open: true, make: func(t *host) http.Handler {
			h := hub.New(hub.Config{MaxAge: 20 * time.Millisecond, Logger: t.Logger()})
			start := h.LastEventID()
			for i := range n {
				if _, err := h.Publish(context.Background(), "news", stream.Event{Data: line(i)}); err != nil {
					panic(err)
				}
			}
			t.atEnd = append(t.atEnd, func() { _ = h.Shutdown(context.Background()) })
			return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				return h.Serve(w, r, hub.Subscription{Topics: []string{"news"}, LastEventID: start})
			})
		}}),
	}
}

func line(i int) string { return fmt.Sprintf("%03d %s", i, longText[:300]) }

// form is a body of form values.
func form() string { return url.Values{"text": {longText}, "more": {"a", "b", "c"}}.Encode() }
