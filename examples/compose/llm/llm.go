// Package llm proxies a paid API, such as that of a language model or of payments, so
// that the API key stays on the server.
//
//	key, err := llm.KeyFromEnv("LLM_API_KEY")
//	client := llm.New(llm.Config{Base: "https://api.example.com", Model: "small", Key: key})
//	mux.Handle("POST /api/ask", chain.Then(client.Result()))
//	mux.Handle("POST /api/ask/text", chain.Then(client.Text()))
//	mux.Handle("POST /api/ask/events", chain.Then(client.Events()))
//
// net/http makes the request with the context of the client's request, so a client
// that disconnects ends it. The kit does the rest. Package bind limits and validates
// the prompt; stream.Reader reads the events of the API and stream.SSE writes those
// for the client; the errors of a reply.Handler have a status and a message for the
// client and a cause for the log.
//
// Each request to these routes costs money: put packages ratelimit and auth in front,
// and with a login cookie package csrf too, since a form on any site can send a
// prompt.
//
// The order in a handler is: prompt, API, response. The first token opens the stream,
// so that an earlier error still has a status; if the token takes long, a heartbeat
// opens it, since proxies time out on a response that does not start. A later error
// cuts the stream.
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

// maxAnswer is how much of a response of the API is read, in bytes.
const maxAnswer = 1 << 20

// Config has the URL and the key of the API.
type Config struct {
	Base  string // "https://api.example.com"
	Model string
	Key   Key

	// Heartbeat is how long an event stream may be silent, including before the first
	// token. It must be shorter than the timeouts of proxies, such as 60 seconds for
	// nginx. 0 is 2 seconds, negative disables it.
	Heartbeat time.Duration

	// Transport sends the requests. Nil is http.DefaultTransport with a
	// ResponseHeaderTimeout of two minutes, since a heartbeat lifts the deadline of a
	// Timeout around the handler.
	Transport http.RoundTripper
}

// A Client returns the handlers. It uses the chat completions protocol.
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
		// A redirect would leak the key.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// The part of the API's protocol that is used.
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

// ask sends the prompt to the API. The response has status 200, and its body is limited.
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
	// The body of an error is not read: some APIs repeat the key in it.
	resp.Body.Close()
	err = fmt.Errorf("llm: the API answered %d", resp.StatusCode)
	if resp.StatusCode == http.StatusTooManyRequests {
		// This service sends too many requests, which is not a client error.
		return nil, reply.NewError(http.StatusServiceUnavailable, "Please try again later").
			WithHeader("Retry-After", cmp.Or(resp.Header.Get("Retry-After"), "10")).WithCause(err)
	}
	return nil, failed(err)
}

// failed returns the error for a failed request to the API: 504 for a timeout, else 502.
func failed(err error) error {
	var slow interface{ Timeout() bool }
	if errors.As(err, &slow) && slow.Timeout() {
		return reply.NewError(http.StatusGatewayTimeout, "").WithCause(err)
	}
	return reply.NewError(http.StatusBadGateway, "").WithCause(err)
}

// result reads the text of a response.
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

// deltas reads the pieces of a streamed response. It ends with an error if the end
// marker is missing.
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
