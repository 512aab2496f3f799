package llm

import (
	"io"
	"net/http"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/stream"
)

// A prompt is the body of a request. Its limit bounds the cost per request.
type prompt struct {
	Prompt string `json:"prompt" validate:"required,max=4000"`
}

type completion struct {
	Result string `json:"result"`
}

// Result returns the handler that sends the complete text as {"result": "..."}.
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

// Text returns the handler that streams the text, which a page reads with fetch and a
// body reader. It lifts the deadlines of a Timeout and of the server, since the
// stream may take any time.
func (c *Client) Text() http.Handler {
	return bind.Handler(func(w http.ResponseWriter, r *http.Request, in prompt) error {
		resp, err := c.ask(r.Context(), in.Prompt, true)
		if err != nil {
			return err
		}
		_ = middleware.Extend(r, -1) // an error means that there is no Timeout
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff") // a model may write HTML
		w.Header().Set("X-Accel-Buffering", "no")           // nginx
		for delta, err := range deltas(resp) {
			if err != nil {
				return err // cuts the connection if a part was sent
			}
			if err := send(w, delta); err != nil {
				return err
			}
		}
		return nil
	})
}

// send writes and flushes a piece of text. The write deadline is ten seconds, as in
// package stream. Between the pieces there is no deadline, since it would reset an
// HTTP/2 stream.
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

// Events returns the handler that sends each piece as an event, {"delta": "..."}, and
// {"done": true} at the end. To pass on the events of an API unchanged, use
// Stream.Relay.
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
