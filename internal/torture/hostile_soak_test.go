package torture_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/apiece/apiece/stream"
)

var soak = flag.Duration("soak", 0, "how long TestSoak takes")

const (
	soakClients  = 64
	soakStreams  = 100
	soakSegments = 10 // calm and attacked alternate, so that drift is in both
	soakHostile  = 16 // attacks at a time
)

// TestSoak serves honest clients for a while; during half of the time a hundredth of
// the requests are attacks. Every honest response must be right, and no resource may
// grow.
func TestSoak(t *testing.T) {
	if *soak <= 0 {
		t.Skip("it takes minutes, and says how many with -soak")
	}
	p := start(t, "busy kit", "GOMEMLIMIT=128MiB")
	s := &soaking{process: p, t: t, attacks: make(chan struct{}, soakHostile)}
	for _, class := range classes() {
		for _, c := range class.cases {
			if c.run == nil { // scripts check the whole process, which is busy
				s.cases = append(s.cases, c)
			}
		}
	}
	stop := make(chan struct{})
	var background, clients sync.WaitGroup
	background.Go(func() { s.publish(stop) })
	background.Go(func() { s.sample(stop) })
	for i := range soakClients {
		clients.Go(func() { s.client(rand.New(rand.NewPCG(uint64(i), 1)), stop) })
	}
	for i := range soakSegments {
		s.attacked.Store(i%2 == 1)
		time.Sleep(*soak / soakSegments)
	}
	close(stop)
	clients.Wait()
	s.hostile.Wait()
	s.closeStreams(0)
	s.readers.Wait()
	background.Wait()

	a := &attack{process: p}
	var m measure
	a.settle(&m)
	for _, f := range a.found {
		t.Errorf("at the end: %s: %s", f.kind, f.text)
	}
	s.report(m)
	if p.log.raced() {
		t.Errorf("the race detector has spoken:\n%s", p.log.said())
	}
}

// soaking is the shared state of the clients of a soak.
type soaking struct {
	*process
	t        *testing.T
	cases    []hostileCase
	attacked atomic.Bool
	attacks  chan struct{}
	hostile  sync.WaitGroup
	readers  sync.WaitGroup

	mu       sync.Mutex
	times    [2]map[string][]time.Duration // calm and attacked, by kind of request
	streams  []*client
	samples  []sample
	carried  int // attacks
	mistaken int // attacks with an unexpected response
	wrong    int // honest requests with one
	events   int
}

type sample struct {
	heap, goroutines, descriptors, files int
}

// honestKinds are the requests of honest clients, with percentages.
var honestKinds = []struct {
	name  string
	share int
	send  func(n int) (request, verdict)
}{
	{"GET", 70, func(n int) (request, verdict) {
		id := strconv.Itoa(n)
		return get("/api/query/" + id + "?sort=asc&page=2"), is(200, `"id":["`+id+`"]`, `"sort":["asc"]`)
	}},
	{"JSON 1 KB", 15, func(n int) (request, verdict) {
		name := fmt.Sprint("order ", n)
		return post("/api/order", typeJSON, fmt.Sprintf(`{"name":%q,"count":%d,"extra":{"note":"%s"}}`, name, n, xs(900))), is(200, name, fmt.Sprintf(`"count":%d`, n))
	}},
	{"JSON 200 KB", 5, func(n int) (request, verdict) {
		body := fmt.Sprintf(`{"n":%d,"rows":[%s{}]}`, n, strings.Repeat(`{"id":12345,"name":"somebody","email":"somebody@example.com"},`, 3300))
		return post("/api/echo", typeJSON, body), is(200, fmt.Sprintf(`"bytes":%d`, len(body)))
	}},
	{"form", 5, func(n int) (request, verdict) {
		return post("/api/form", typeForm, fmt.Sprintf("name=Ada&message=%d&message=hello", n)), is(200, fmt.Sprintf(`"message":["%d","hello"]`, n))
	}},
	{"stream", 3, nil},
	{"upload 5 MiB", 1, func(n int) (request, verdict) {
		name := fmt.Sprintf("photo-%d.jpg", n)
		return post("/api/upload", multipartType, filePart("photo", name, xs(fileLimit))+lastBoundary), is(200, name, strconv.Itoa(fileLimit))
	}},
}

// client sends one request after the other until it is stopped.
func (s *soaking) client(random *rand.Rand, stop <-chan struct{}) {
	var conn *client
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		phase := 0
		if s.attacked.Load() {
			phase = 1
			if random.IntN(100) == 0 {
				s.attack(random)
				continue
			}
		}
		kind := 0
		for share := random.IntN(99); share >= honestKinds[kind].share; kind++ {
			share -= honestKinds[kind].share
		}
		begin := time.Now()
		var err error
		if honestKinds[kind].send == nil {
			err = s.openStream()
		} else {
			conn, err = s.exchange(conn, kind, random.IntN(1_000_000))
		}
		s.mu.Lock()
		if s.times[phase] == nil {
			s.times[phase] = make(map[string][]time.Duration)
		}
		name := honestKinds[kind].name
		s.times[phase][name] = append(s.times[phase][name], time.Since(begin))
		if err != nil {
			s.complain("%s: %v", name, err)
		}
		s.mu.Unlock()
	}
}

// complain is called with the lock held.
func (s *soaking) complain(format string, args ...any) {
	if s.wrong++; s.wrong <= 20 {
		s.t.Errorf(format, args...)
	}
}

// exchange sends an honest request, on the connection if there is one, and returns the
// connection if it can be reused.
func (s *soaking) exchange(conn *client, kind, n int) (*client, error) {
	if conn == nil {
		var err error
		if conn, err = dial(s.process); err != nil {
			return nil, err
		}
	}
	conn.SetDeadline(time.Now().Add(s.patience))
	send, want := honestKinds[kind].send(n)
	send.write(conn.TCPConn)
	got := conn.answer(send.verb())
	if err := want(&got); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w; got %v", err, &got)
	}
	if got.last {
		conn.Close()
		return nil, nil
	}
	return conn, nil
}

// openStream subscribes, and closes the oldest stream if there are enough.
func (s *soaking) openStream() error {
	conn, err := dial(s.process)
	if err != nil {
		return err
	}
	conn.SetDeadline(time.Time{})
	io.WriteString(conn, "GET /api/topic HTTP/1.1\r\nHost: kit.test\r\n\r\n")
	var a answer
	if err := conn.head(&a); err != nil || a.status != 200 {
		conn.Close()
		return fmt.Errorf("a stream: %v, %w", &a, err)
	}
	s.mu.Lock()
	s.streams = append(s.streams, conn)
	s.mu.Unlock()
	s.readers.Go(func() { s.readStream(conn) })
	s.closeStreams(soakStreams)
	return nil
}

func (s *soaking) closeStreams(but int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.streams) > but {
		s.streams[0].Close()
		s.streams = s.streams[1:]
	}
}

// readStream expects the numbers that publish sends, in order.
func (s *soaking) readStream(conn *client) {
	r, w := io.Pipe()
	defer r.Close()
	go func() {
		for { // the chunks
			line, err := conn.line()
			if err != nil {
				w.CloseWithError(err)
				return
			}
			size, err := strconv.ParseUint(line, 16, 31)
			if err == nil {
				_, err = io.CopyN(w, conn.in, int64(size))
			}
			if err == nil {
				_, err = conn.line()
			}
			if err != nil {
				w.CloseWithError(err)
				return
			}
		}
	}()
	last := 0
	for event, err := range stream.NewReader(r).All() {
		if err != nil {
			return // it was closed
		}
		n, err := strconv.Atoi(event.Data)
		s.mu.Lock()
		s.events++
		if err != nil || last != 0 && n != last+1 {
			s.complain("a stream: %q after %d", event.Data, last)
		}
		s.mu.Unlock()
		last = n
	}
}

// publish sends a number to all streams, ten times a second.
func (s *soaking) publish(stop <-chan struct{}) {
	conn, err := dial(s.process)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
		conn.SetDeadline(time.Now().Add(s.patience))
		fmt.Fprintf(conn, "GET /api/publish?data=%d HTTP/1.1\r\nHost: kit.test\r\n\r\n", n)
		if got := conn.answer("GET"); got.status != 200 {
			s.t.Errorf("publishing: %v", &got)
			return
		}
	}
}

// attack carries out one of the cases, in the background, unless too many are in
// progress.
func (s *soaking) attack(random *rand.Rand) {
	c := &s.cases[random.IntN(len(s.cases))]
	select {
	case s.attacks <- struct{}{}:
	default:
		return
	}
	s.hostile.Go(func() {
		defer func() { <-s.attacks }()
		a := &attack{process: s.process}
		a.overOne(c)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.carried++
		if len(a.found) > 0 {
			// On a busy machine some responses are late.
			if s.mistaken++; s.mistaken <= 10 {
				s.t.Logf("under load: %s: %s: %.300s", c.why, a.found[0].kind, a.found[0].text)
			}
		}
	})
}

// sample records the state of the process.
func (s *soaking) sample(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(max(*soak/150, 100*time.Millisecond)):
		}
		now, err := s.ask("stats")
		if err != nil {
			s.t.Errorf("%v\n%s", err, s.log.said())
			return
		}
		s.mu.Lock()
		s.samples = append(s.samples, sample{int(now.Heap >> 10), now.Goroutines, len(s.open()), len(s.files())})
		s.mu.Unlock()
	}
}

// report prints the measurements, and fails the test for growth.
func (s *soaking) report(m measure) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "request\tcalm/s\tattacked/s\tratio\tcalm p50\tp99\tattacked p50\tp99\tratio\t\n")
	all := [2][]time.Duration{}
	line := func(name string, times [2][]time.Duration) {
		half := soak.Seconds() / 2
		calm, attacked := float64(len(times[0]))/half, float64(len(times[1]))/half
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f\t%v\t%v\t%v\t%v\t%.2f\t\n", name, calm, attacked, attacked/calm,
			quantile(times[0], 50), quantile(times[0], 99), quantile(times[1], 50), quantile(times[1], 99),
			float64(quantile(times[1], 99))/float64(max(quantile(times[0], 99), 1)))
	}
	for _, kind := range honestKinds {
		times := [2][]time.Duration{s.times[0][kind.name], s.times[1][kind.name]}
		for i := range times {
			all[i] = append(all[i], times[i]...)
		}
		line(kind.name, times)
	}
	line("all", all)
	w.Flush()

	third := len(s.samples) / 3
	fmt.Fprintf(&b, "\n%d attacks, %d of them answered otherwise under load; %d events received; all back after %v\n", s.carried, s.mistaken, s.events, m.back)
	for _, of := range []struct {
		what  string
		value func(sample) int
		slack int
	}{
		{"heap, KB", func(s sample) int { return s.heap }, 8 << 10},
		{"goroutines", func(s sample) int { return s.goroutines }, 40},
		{"descriptors", func(s sample) int { return s.descriptors }, 40},
		{"files under way", func(s sample) int { return s.files }, 10},
	} {
		var thirds [3]int
		for i := range thirds {
			thirds[i] = mean(s.samples[i*third:(i+1)*third], of.value)
		}
		most := 0
		for _, sample := range s.samples {
			most = max(most, of.value(sample))
		}
		fmt.Fprintf(&b, "%s: %d, %d, %d in the thirds, at most %d\n", of.what, thirds[0], thirds[1], thirds[2], most)
		if thirds[2] > thirds[1]*5/4+of.slack {
			s.t.Errorf("%s grow: %v", of.what, thirds)
		}
	}
	if end, err := s.ask("collect"); err == nil {
		fmt.Fprintf(&b, "heap: %d KB at rest, %d KB at the end\n", s.rest.Heap>>10, end.Heap>>10)
		// Cached responses and events are kept on purpose.
		if grown := int64(end.Heap) - int64(s.rest.Heap); grown > 16<<20 {
			s.t.Errorf("the heap has grown by %.1f MB", mega(grown))
		}
		if end.Panics+end.Smuggled+end.Superfluous > 0 {
			s.t.Error(errors.New(s.log.said()))
		}
	}
	s.t.Logf("%v with %d clients, on %d processors:\n%s", *soak, soakClients, runtime.NumCPU(), b.String())
}

func quantile(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)*percent/100].Round(10 * time.Microsecond)
}

func mean(samples []sample, value func(sample) int) (sum int) {
	for _, s := range samples {
		sum += value(s)
	}
	return sum / max(len(samples), 1)
}
