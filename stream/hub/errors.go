package hub

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/apiece/apiece/internal/flush"
)

// ErrClosed is returned by [Hub.Publish] after [Hub.Shutdown], unless there is a
// [Backplane]. It is a 503: the event comes too late for every subscriber of this process.
var ErrClosed error = closedError{}

type closedError struct{}

func (closedError) Error() string       { return "hub: hub is shut down" }
func (closedError) StatusCode() int     { return http.StatusServiceUnavailable }
func (closedError) Header() http.Header { return http.Header{"Retry-After": {"5"}} }

var errNothing = errors.New("hub: a published event has nothing to send")

// fullError refuses a subscriber for lack of room.
type fullError struct {
	reason     string
	retryAfter time.Duration
}

func (h *Hub) full(reason string) error {
	h.stats.refused.Add(1)
	// Jittered, like Retry, so that clients refused at the same time do not retry at the
	// same time.
	return &fullError{reason, 5*time.Second + rand.N(10*time.Second)}
}

func (e *fullError) Error() string   { return "hub: " + e.reason }
func (e *fullError) StatusCode() int { return http.StatusServiceUnavailable }
func (e *fullError) Header() http.Header {
	seconds := strconv.Itoa(int(e.retryAfter / time.Second))
	return http.Header{"Retry-After": {seconds}}
}

// unavailableError refuses a subscriber while the log cannot be read.
type unavailableError struct{}

func (*unavailableError) Error() string       { return "hub: the backplane has not answered yet" }
func (*unavailableError) StatusCode() int     { return http.StatusServiceUnavailable }
func (*unavailableError) Header() http.Header { return http.Header{"Retry-After": {"5"}} }

// topicsError refuses a subscription to too many topics, usually named by the client.
type topicsError struct{ topics, most int }

func (e *topicsError) Error() string {
	return fmt.Sprintf("hub: %d topics in a subscription, the most is %d", e.topics, e.most)
}
func (e *topicsError) StatusCode() int       { return http.StatusBadRequest }
func (e *topicsError) PublicMessage() string { return fmt.Sprintf("at most %d topics", e.most) }

// errTooSlow ends the stream of a subscriber whose Overflow is Disconnect.
var errTooSlow = flush.ClientGone(errors.New("too slow for the history of the hub"))
