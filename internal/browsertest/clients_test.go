package browsertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/apiece/apiece/stream"
)

// A client is a program that uses a third-party client library.
type client struct {
	name string
	// own is the maximum number of messages without name and data that the library adds
	// for each reconnection.
	own int
	// start prepares the client, or skips the test.
	start func(t *testing.T) listener
}

// A listener listens until the context ends, and gives each message to got.
type listener func(ctx context.Context, url string, got func(message)) error

const drops = 20

// TestClients: however its connections break, a client passes each published message to
// its program, once and in order, and no others.
func TestClients(t *testing.T) {
	sources := map[string]func() source{"hub": newHubSource, "stream.Handler": newHandlerSource}
	var (
		running sync.WaitGroup // in parallel: most of the time they wait
		mu      sync.Mutex
		scores  []*score
	)
	for _, c := range slices.Concat([]client{eventSource}, nodeClients, goClients, pythonClients) {
		running.Go(func() {
			t.Run(c.name, func(t *testing.T) {
				listen := c.start(t)
				var both sync.WaitGroup
				for name, from := range sources {
					s := &score{client: c, source: name, inOrder: true}
					mu.Lock()
					scores = append(scores, s)
					mu.Unlock()
					both.Go(func() {
						t.Run(name, func(t *testing.T) {
							err := s.follow(newOrigin(from()), listen)
							if err != nil && c.own == 0 {
								t.Error(err)
							}
							s.check(t)
						})
					})
				}
				both.Wait()
			})
		})
	}
	running.Wait()
	t.Logf("%d forced reconnections each:\n%s", drops, table(scores))
}

// follow publishes while it cuts the client off repeatedly.
func (s *score) follow(o *origin, listen listener) (err error) {
	defer o.close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	ended := make(chan error, 1)
	delivered := make(chan message, 10_000)
	go func() {
		ended <- listen(ctx, o.URL+"/events", func(m message) { delivered <- m })
		cancel() // one that gives up is not waited for
	}()
	defer func() {
		cancel()
		if why := <-ended; err != nil {
			err = fmt.Errorf("%w; the client: %v", err, why)
		}
	}()

	publish := func(n int) step {
		return func(context.Context) error {
			for range n {
				e := stream.Event{Data: fmt.Sprintf("{\n  \"n\": %d\n}", len(s.published))}
				if len(s.published)%3 == 2 {
					e.Name = "tick"
				}
				m, err := o.publish(e)
				if err != nil {
					return err
				}
				s.published = append(s.published, m)
			}
			return nil
		}
	}
	round := []step{
		o.accept,
		publish(3),
		o.idle, o.idle,
		o.aside,
		o.idle, o.idle, // which may show how far the client is
		publish(3),
		o.drop, // before, while or after these are sent
		publish(2),
	}
	end := []step{o.accept, publish(1), s.await(delivered), o.idle, o.idle, o.idle, s.drain(delivered)}
	for _, step := range slices.Concat(slices.Repeat(round, drops), end) {
		if err := step(ctx); err != nil {
			s.drain(delivered)(ctx)
			return err
		}
	}
	return nil
}

type step func(context.Context) error

// await counts until all messages have arrived.
func (s *score) await(delivered <-chan message) step {
	return func(ctx context.Context) error {
		for s.missing() > 0 {
			select {
			case m := <-delivered:
				s.count(m)
			case <-ctx.Done():
				return errors.New("messages are missing")
			}
		}
		return nil
	}
}

// drain counts the messages that have arrived.
func (s *score) drain(delivered <-chan message) step {
	return func(context.Context) error {
		for len(delivered) > 0 {
			s.count(<-delivered)
		}
		return nil
	}
}

// A score is the outcome of the published messages.
type score struct {
	client client
	source string

	published        []message
	delivered, twice int
	extra            []message
	inOrder          bool
	seen             []bool // by index in published
	last             int    // the index of the latest delivered message
}

func (s *score) count(m message) {
	i := slices.Index(s.published, m)
	if i < 0 {
		s.extra = append(s.extra, m)
		return
	}
	s.seen = append(s.seen, make([]bool, len(s.published)-len(s.seen))...)
	if s.seen[i] {
		s.twice++
		return
	}
	s.seen[i] = true
	s.delivered++
	s.inOrder = s.inOrder && i >= s.last
	s.last = i
}

func (s *score) missing() int { return len(s.published) - s.delivered }

func (s *score) check(t *testing.T) {
	lost := 0
	if s.client.own > 0 {
		// Such a client takes the part of an event before a cut for the whole event, and
		// comes back with its id.
		lost = len(s.extra)
	}
	if s.missing() > lost || s.twice > 0 || !s.inOrder || len(s.extra) > s.client.own*drops {
		t.Errorf("%d published, %d delivered, %d missing, %d twice, in order %v, %d extra: %.300q",
			len(s.published), s.delivered, s.missing(), s.twice, s.inOrder, len(s.extra), s.extra)
	}
	for _, m := range s.extra {
		if m.Data != "" || m.Type != "message" {
			t.Errorf("received %q, which was not published", m)
		}
	}
}

func table(scores []*score) string {
	slices.SortFunc(scores, func(x, y *score) int { return strings.Compare(x.source+x.client.name, y.source+y.client.name) })
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "from\tclient\tpublished\tdelivered\textra\tmissing\ttwice")
	for _, s := range scores {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n",
			s.source, s.client.name, len(s.published), s.delivered, len(s.extra), s.missing(), s.twice)
	}
	w.Flush()
	return text.String()
}
