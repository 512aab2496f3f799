package llm

import (
	"io"
	"net/http"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/stream"
)

// A prompt is what clients may send. Its bound is what a client may cost.
type prompt struct {
	Prompt string `json:"prompt" validate:"required,max=4000"`
}

type completion struct {
	Result string `json:"result"`
}

// Result returns the handler that answers {"result": "..."} when all is there.
func (c *Client) Result() http.Handler {
	return bind.Func(func(r *http.Request, in prompt) (out completion, err error) {
		resp, err := c.ask(r.Context(), in.Prompt, false)
		if err != nil {
			return out, err
		}
		out.Result, err = result(resp)
		return out, err
	})
}

// Text returns the handler that sends the text as it comes: what a page reads
// with fetch and a reader of the body. Nothing ends it but its end, so the
// deadlines in front are lifted, that of a Timeout and that of the server.
func (c *Client) Text() http.Handler {
	return bind.Handler(func(w http.ResponseWriter, r *http.Request, in prompt) error {
		resp, err := c.ask(r.Context(), in.Prompt, true)
		if err != nil {
			return err
		}
		_ = middleware.Extend(r, -1) // an error says that there is none
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff") // a model may write HTML
		w.Header().Set("X-Accel-Buffering", "no")           // nginx
		for delta, err := range deltas(resp) {
			if err != nil {
				return err // the connection is cut if a part is out
			}
			if err := send(w, delta); err != nil {
				return err
			}
		}
		return nil
	})
}

// send writes a piece of text and sends it off. A client that does not read it
// is waited for as long as packages do that send events, ten seconds; between
// the pieces there is no deadline, which would reset a stream of HTTP/2.
func send(w http.ResponseWriter, text string) error {
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_ = out.SetWriteDeadline(time.Time{})
	return nil
}

// Events returns the handler that sends each piece as an event, {"delta":
// "..."}, and {"done": true} at the end. To pass the events of an API on as they
// are, Stream.Relay is enough.
func (c *Client) Events() http.Handler {
	return bind.Handler(func(w http.ResponseWriter, r *http.Request, in prompt) error {
		s, err := stream.SSE(w, r, stream.Config{Heartbeat: c.cfg.Heartbeat})
		if err != nil {
			return err
		}
		defer s.Close() // it has heartbeats
		resp, err := c.ask(r.Context(), in.Prompt, true)
		if err != nil {
			return err // cuts the stream off if a heartbeat has opened it
		}
		for delta, err := range deltas(resp) {
			if err != nil {
				return err
			}
			if err := s.SendJSON(map[string]string{"delta": delta}); err != nil {
				return err
			}
		}
		return s.SendJSON(map[string]bool{"done": true})
	})
}
