// Package webhook receives GitHub webhooks: it verifies the signature, responds at
// once, and works afterwards.
//
// The kit reads the raw body up to GitHub's limit and checks its signature before
// anything is parsed (bodyparser.Parse with VerifyHMAC): an unsigned body is never
// decoded. In Next.js this is a route with bodyParser: false and its own buffer. With
// two secrets you can rotate one without losing a delivery.
//
// GitHub times out after ten seconds and does not retry, so the response is 202 and
// the work is queued. If the queue is full the response is 503, which GitHub shows in
// its list of deliveries, where you can redeliver it.
//
// Mount it without a bodyparser in front. The outer parser would win, with a limit
// for forms. Up to 25 MB are in memory before the signature is checked, so put
// package ratelimit in front, or allow only the addresses that GitHub publishes.
package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/reply"
)

const (
	limit      = 25 * bytesize.MB // of GitHub
	waiting    = 100              // deliveries, of up to limit bytes each
	remembered = 10_000           // deliveries that came before
)

// A Delivery is an event from GitHub. Only Payload is signed: ID and Event are header
// fields, which the signature does not cover.
type Delivery struct {
	ID      string // X-GitHub-Delivery, for the log
	Event   string // X-GitHub-Event: "push", "issues"
	Payload json.RawMessage
}

// A Receiver is the http.Handler of a webhook.
type Receiver struct {
	parser bodyparser.Config
	work   func(context.Context, Delivery) error
	queue  chan Delivery

	mu   sync.Mutex
	seen map[digest]int     // to their place in last
	last [remembered]digest // in the order they came, around
	next int
}

type digest [sha256.Size]byte

// New returns a Receiver that passes deliveries to work, one after the other, while
// Run runs. Deliveries may be signed with any of the secrets. New panics if there is
// no secret, or an empty one.
func New(work func(context.Context, Delivery) error, secrets ...[]byte) *Receiver {
	return &Receiver{
		parser: bodyparser.Config{
			Limit:  limit,
			Verify: bodyparser.VerifyHMAC("X-Hub-Signature-256", "sha256=", secrets...),
		},
		work:  work,
		queue: make(chan Delivery, waiting),
		seen:  map[digest]int{},
	}
}

// ServeHTTP handles a delivery. See receive.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply.HandlerFunc(rc.receive).ServeHTTP(w, r)
}

func (rc *Receiver) receive(w http.ResponseWriter, r *http.Request) error {
	body, err := bodyparser.Parse(w, r, rc.parser)
	if err != nil {
		return err
	}
	d := Delivery{ID: r.Header.Get("X-GitHub-Delivery"), Event: r.Header.Get("X-GitHub-Event")}
	if d.ID == "" || d.Event == "" {
		return reply.NewError(http.StatusBadRequest, "X-GitHub-Delivery and X-GitHub-Event are missing")
	}
	if err := body.Decode(&d.Payload); err != nil { // 415 if the hook is set to send forms
		return err
	}
	switch isNew, err := rc.accept(d); {
	case err != nil:
		return err
	case !isNew:
		return reply.Send(w, r, http.StatusOK, "seen before")
	}
	return reply.Send(w, r, http.StatusAccepted, "accepted")
}

// accept queues the delivery, unless it was queued before: GitHub sends some twice,
// and an attacker can replay one. The payload identifies it, since a replay can have
// another ID. The cost: of two events with the same payload, byte for byte, the
// second is lost.
func (rc *Receiver) accept(d Delivery) (isNew bool, err error) {
	sum := digest(sha256.Sum256(d.Payload))
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if _, ok := rc.seen[sum]; ok {
		return false, nil
	}
	select {
	case rc.queue <- d:
	default:
		return false, reply.NewError(http.StatusServiceUnavailable, "Too many deliveries are waiting").WithHeader("Retry-After", "60")
	}
	if old := rc.last[rc.next]; rc.seen[old] == rc.next {
		delete(rc.seen, old) // unless it has failed, and came again since
	}
	rc.seen[sum], rc.last[rc.next] = rc.next, sum
	rc.next = (rc.next + 1) % remembered
	return true, nil
}

// Run works until ctx is done, and then on the queued rest, with a context that is
// done. A failed delivery is forgotten, so that it can be redelivered. Deliveries
// that must survive a crash need an external queue.
func (rc *Receiver) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case d := <-rc.queue:
			rc.do(ctx, d)
		case <-ctx.Done():
		}
	}
	for {
		select {
		case d := <-rc.queue:
			rc.do(ctx, d)
		default:
			return
		}
	}
}

func (rc *Receiver) do(ctx context.Context, d Delivery) {
	err := func() (err error) {
		defer func() { // a panic here would end the process
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
		}()
		return rc.work(ctx, d)
	}()
	if err == nil {
		return
	}
	slog.ErrorContext(ctx, "webhook: delivery failed", "id", d.ID, "event", d.Event, "error", err)
	rc.mu.Lock()
	defer rc.mu.Unlock()
	delete(rc.seen, sha256.Sum256(d.Payload))
}
