// Package llm puts a route in front of a paid API, such as that of a language
// model or of payments, so that the key stays on the server.
//
//	key, err := llm.KeyFromEnv("LLM_API_KEY")
//	client := llm.New(llm.Config{Base: "https://api.example.com", Model: "small", Key: key})
//	mux.Handle("POST /api/ask", chain.Then(client.Result()))
//	mux.Handle("POST /api/ask/text", chain.Then(client.Text()))
//	mux.Handle("POST /api/ask/events", chain.Then(client.Events()))
//
// net/http makes the request, within the context of the client's: whoever gives
// up no longer costs anything. The kit does what is left of each end. Package
// bind bounds and checks the prompt; stream.Reader reads the events of the API
// and stream.SSE writes those for the client; the errors of a reply.Handler
// carry a status and a text for the client and a cause for the log.
//
// Whoever reaches these routes spends the money of the service, a prompt at a
// time: packages ratelimit and auth belong in front, and package csrf with a
// cookie for a login, since a form of any page can be a prompt.
//
// The order in a handler is: prompt, API, answer. A stream is opened by its first
// token, so that a refusal still has a status, or by a heartbeat if that takes long:
// proxies would give up on a response that does not begin. What goes wrong after
// that cuts the stream off.
package llm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// maxAnswer bounds what is read of one answer of the API, in bytes.
const maxAnswer = 1 << 20

// Config says which API, and who pays.
type Config struct {
	Base  string // "https://api.example.com"
	Model string
	Key   Key

	// Heartbeat is how long an event stream may be silent, before the first token
	// too: less than the proxies in front wait, 60 seconds for nginx. 0 is 2
	// seconds, negative is none.
	Heartbeat time.Duration

	// Transport carries the requests. Nil is http.DefaultTransport with a bound of
	// two minutes for the API to begin its answer: a heartbeat lifts that of a
	// Timeout around the handler.
	Transport http.RoundTripper
}

// A Client makes the handlers. It speaks the protocol of chat completions.
type Client struct {
	cfg  Config
	http http.Client
}

// New returns a Client.
func New(cfg Config) *Client {
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, 2*time.Second)
	if cfg.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ResponseHeaderTimeout = 2 * time.Minute
		cfg.Transport = transport
	}
	return &Client{cfg, http.Client{
		Transport: cfg.Transport,
		// A redirect would take the key along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// What passes of the protocol of the API.
type (
	message struct {
		Role    string `json:"role,omitempty"`
		Content string `json:"content"`
	}
	request struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
		Stream   bool      `json:"stream,omitempty"`
	}
	response struct {
		Choices []struct {
			Message message `json:"message"`
			Delta   message `json:"delta"`
		} `json:"choices"`
	}
)

// ask sends the prompt to the API. The answer is one of 200, and bounded.
func (c *Client) ask(ctx context.Context, prompt string, stream bool) (*http.Response, error) {
	body, err := json.Marshal(request{c.cfg.Model, []message{{"user", prompt}}, stream})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, "POST", c.cfg.Base+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if c.cfg.Key.secret != nil {
		r.Header.Set("Authorization", "Bearer "+*c.cfg.Key.secret)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, failed(err)
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	// What the API says about it stays unread: some repeat the key.
	resp.Body.Close()
	err = fmt.Errorf("llm: the API answered %d", resp.StatusCode)
	if resp.StatusCode == http.StatusTooManyRequests {
		// It is this service that asks too often, which is not for the client
		// to be blamed for.
		return nil, reply.NewError(http.StatusServiceUnavailable, "Please try again later").
			WithHeader("Retry-After", cmp.Or(resp.Header.Get("Retry-After"), "10")).WithCause(err)
	}
	return nil, failed(err)
}

// failed is the answer to what goes wrong between here and the API: 504 if it
// takes too long, else 502.
func failed(err error) error {
	var slow interface{ Timeout() bool }
	if errors.As(err, &slow) && slow.Timeout() {
		return reply.NewError(http.StatusGatewayTimeout, "").WithCause(err)
	}
	return reply.NewError(http.StatusBadGateway, "").WithCause(err)
}

// result reads the text of an answer.
func result(resp *http.Response) (string, error) {
	defer resp.Body.Close()
	var answer response
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", failed(fmt.Errorf("llm: reading the answer: %w", err))
	}
	if len(answer.Choices) == 0 {
		return "", failed(errors.New("llm: the answer is empty"))
	}
	return answer.Choices[0].Message.Content, nil
}

// deltas reads the pieces of a streamed answer. One that ends without saying so
// ends in an error.
func deltas(resp *http.Response) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		defer resp.Body.Close()
		for event, err := range stream.NewReader(resp.Body).All() {
			var answer response
			switch {
			case err != nil:
			case event.Data == "[DONE]":
				return
			default:
				err = json.Unmarshal([]byte(event.Data), &answer)
			}
			if err != nil {
				yield("", failed(fmt.Errorf("llm: reading the answer: %w", err)))
				return
			}
			if len(answer.Choices) > 0 && answer.Choices[0].Delta.Content != "" && !yield(answer.Choices[0].Delta.Content, nil) {
				return
			}
		}
		yield("", failed(errors.New("llm: the answer broke off")))
	}
}
