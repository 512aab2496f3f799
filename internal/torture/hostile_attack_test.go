package torture_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An attack is a case in progress.
type attack struct {
	*process
	mu     sync.Mutex
	found  []finding
	failed int // responses of 500 and above
}

func (a *attack) find(kind, format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	same := 0
	for _, f := range a.found {
		if f.kind == kind {
			same++
		}
	}
	if same < 5 { // a few of hundreds of clients are enough
		a.found = append(a.found, finding{kind, fmt.Sprintf(format, args...)})
	}
}

// dial connects, or returns a connection that behaves as if it had ended.
func (a *attack) dial() *client {
	c, err := dial(a.process)
	if err != nil {
		a.find(dead, "%v", err)
		return &client{new(net.TCPConn), bufio.NewReader(strings.NewReader(""))}
	}
	return c
}

// judge checks a response with a verdict.
func (a *attack) judge(got *answer, want verdict) {
	if got.status >= 500 && got.whole() {
		a.mu.Lock()
		a.failed++
		a.mu.Unlock()
	}
	if got.err != nil && strings.Contains(got.err.Error(), "malformed answer") {
		a.find(misfit, "%v", got)
	} else if err := want(got); err != nil {
		a.find(misfit, "%v; got %v", err, got)
	}
}

// all calls do that many times concurrently, and waits.
func (a *attack) all(times int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range times {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// exchange sends one request on a separate connection, for a script.
func (a *attack) exchange(send request) answer {
	c := a.dial()
	defer c.Close()
	go send.write(c.TCPConn)
	return c.answer(send.verb())
}

// until waits for a state of the process.
func (a *attack) until(what string, state func(report) bool) {
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		now, err := a.ask("stats")
		if err != nil {
			a.find(dead, "%v", err)
			return
		}
		if state(now) {
			return
		}
		if time.Since(begin) > a.patience {
			stacks, _ := a.ask("stacks")
			a.find(goroutines, "never: %s\n%s", what, stacks.Stacks)
			return
		}
	}
}

// A measure is the cost of a case.
type measure struct {
	growth int64         // of the peak of the memory in use
	bound  int64         // limit of growth
	back   time.Duration // until all resources were free
}

// carryOut attacks the service, over HTTP/1.1 or 2, and checks its state afterwards.
func (c *hostileCase) carryOut(p *process, protocol int) (found []finding, m measure) {
	a := &attack{process: p}
	before, err := p.ask("collect")
	if err != nil {
		return []finding{{dead, err.Error() + "\n" + p.log.said()}}, m
	}
	switch {
	case c.run != nil:
		c.run(a)
	case protocol == 2:
		want := c.want
		if c.two != nil {
			want = c.two
		}
		a.all(max(c.times, 1), func(int) { a.overTwo(&c.send, want) })
	default:
		a.all(max(c.times, 1), func(int) { a.overOne(c) })
	}

	peak, err := p.ask("peak")
	if err != nil {
		return append(a.found, finding{dead, err.Error() + "\n" + p.log.said()}), m
	}
	m.growth, m.bound = int64(peak.Heap-before.Heap), 12<<20+3*int64(max(c.times, 1))*max(c.limit, 1<<20)
	if m.growth > m.bound {
		a.find(memory, "the memory grew by %.1f MB, want at most %.1f MB", mega(m.growth), mega(m.bound))
	}
	if f := honest(p); f != nil {
		a.find(f.kind, "%s", f.text)
	}
	a.settle(&m)

	after, err := p.ask("stats")
	if err != nil {
		a.find(dead, "%v\n%s", err, p.log.said())
		return a.found, m
	}
	n, want := after.Records-before.Records, c.records
	if want == 0 {
		want = a.failed
	}
	if want != unsaid && n != want {
		a.find(records, "%d of them, want %d\n%s", n, want, p.log.said())
	}
	if after.Panics != before.Panics {
		a.find(panicked, "a panic reached net/http\n%s", p.log.said())
	}
	if after.Superfluous != before.Superfluous {
		a.find(records, "net/http complains\n%s", p.log.said())
	}
	if after.Smuggled != before.Smuggled {
		a.find(smuggled, "what was in a body was served as a request")
	}
	return a.found, m
}

func mega(n int64) float64 { return float64(n) / (1 << 20) }

// settle waits until goroutines, descriptors and files are gone.
func (a *attack) settle(m *measure) {
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		m.back = time.Since(begin)
		now, err := a.ask("stats")
		if err != nil {
			a.find(dead, "%v\n%s", err, a.log.said())
			return
		}
		open, files := a.open(), a.files()
		if now.Goroutines <= a.rest.Goroutines && len(open) <= len(a.opened) && len(files) == 0 {
			return
		}
		if m.back < a.patience/3 {
			continue
		}
		if now.Goroutines > a.rest.Goroutines {
			stacks, _ := a.ask("stacks")
			a.find(goroutines, "%d goroutines, %d at rest\n%s", now.Goroutines, a.rest.Goroutines, stacks.Stacks)
			a.rest.Goroutines = now.Goroutines // once is enough
		}
		if len(open) > len(a.opened) {
			a.find(descriptors, "open are %q, and at rest %q", open, a.opened)
			a.opened = open
		}
		if len(files) > 0 {
			a.find(leftFiles, "%v", files)
		}
		return
	}
}

var nonces atomic.Int64

// honest sends an honest request, on a separate connection.
func honest(p *process) *finding {
	c, err := dial(p)
	if err != nil {
		return &finding{dead, fmt.Sprintf("%v\n%s", err, p.log.said())}
	}
	defer c.Close()
	if err := c.honest(); err != nil {
		return &finding{dead, fmt.Sprintf("an honest client: %v\n%s", err, p.log.said())}
	}
	return p.useNext()
}

// steady are the pieces whose response does not depend on how busy the machine is, and
// that leave no record, by their route.
func steady() map[string]*piece {
	all := make(map[string]*piece)
	for i, p := range those(func(p *piece) bool { return !p.stops && p.records == 0 }) {
		all[fmt.Sprintf("/pieces/%d", i)] = p
	}
	return all
}

// useNext sends its request to one piece after the other: an attack on one must not
// affect another.
func (p *process) useNext() *finding {
	n := int(p.used.Add(1)) % len(p.pieces)
	at := fmt.Sprintf("/pieces/%d", n)
	next := *p.pieces[at]
	next.path = at + next.path
	text, _ := next.raw(false)
	c, err := dial(p)
	if err != nil {
		return &finding{dead, err.Error()}
	}
	defer c.Close()
	go c.Write(text)
	a := c.answer(next.method)
	if f, odd := next.fateOf(a, 0); odd != nil {
		return &finding{odd.kind, next.name + ": " + odd.text}
	} else if f&(whole|ended) == 0 {
		return &finding{harmed, fmt.Sprintf("%s: %v: %v", next.name, f, a)}
	}
	return nil
}

// honest sends an honest request and expects its response, and the end.
func (c *client) honest() error {
	nonce := fmt.Sprint("n", nonces.Add(1))
	fmt.Fprintf(c, "GET /api/honest/%s HTTP/1.1\r\nHost: kit.test\r\nConnection: close\r\n\r\n", nonce)
	a := c.answer("GET")
	if err := is(200, nonce)(&a); err != nil {
		return fmt.Errorf("%w; got %v", err, &a)
	}
	return c.ends()
}

// overOne sends the case over HTTP/1.1, reads the response, and checks whether the
// connection still works, or is closed: the next request must begin where the response
// to a rejected one ends.
func (a *attack) overOne(c *hostileCase) {
	conn := a.dial()
	defer conn.Close()
	method := c.send.verb()
	if c.raw != "" {
		method, _, _ = strings.Cut(c.raw, " ")
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if c.raw != "" {
			io.WriteString(conn, c.raw)
		} else {
			c.send.write(conn.TCPConn)
		}
	}()
	got := conn.answer(method)
	a.judge(&got, c.want)
	if !got.whole() {
		conn.Close()
		<-sent
		return
	}
	if got.last || c.send.early {
		if err := conn.ends(); err != nil {
			a.find(harmed, "%v, after %v", err, &got)
		}
	} else if c.raw == "" && !c.send.stay {
		<-sent
		if err := conn.honest(); err != nil && !closed(err) {
			a.find(harmed, "%v, after %v", err, &got)
		}
	}
	conn.Close()
	<-sent
}

// closed reports whether there was no response, because the connection is closed.
func closed(err error) bool {
	return strings.Contains(err.Error(), "got 0, 0 bytes") && !strings.Contains(err.Error(), "i/o timeout")
}

// write sends the request. The other side may already have closed the connection.
func (r *request) write(conn *net.TCPConn) {
	const piece = 64 << 10
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\n", r.verb(), r.target)
	if !slices.ContainsFunc(r.fields, func(f string) bool { return strings.HasPrefix(f, "Host:") }) {
		head.WriteString("Host: kit.test\r\n")
	}
	for _, f := range r.fields {
		head.WriteString(f + "\r\n")
	}
	switch {
	case r.chunked:
		head.WriteString("Transfer-Encoding: chunked\r\n")
	case r.verb() != "GET" && r.verb() != "HEAD" || r.length() > 0:
		fmt.Fprintf(&head, "Content-Length: %d\r\n", r.length())
	}
	head.WriteString("\r\n")
	if _, err := io.WriteString(conn, head.String()); err != nil {
		return
	}
	body := r.body
	size := piece
	if r.pause > 0 {
		size = 1
	}
	for body != "" {
		n := min(size, len(body))
		text := body[:n]
		if r.chunked {
			text = fmt.Sprintf("%x\r\n%s\r\n", n, text)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
		body = body[n:]
		time.Sleep(r.pause)
	}
	if r.chunked && !r.early && !r.stay {
		io.WriteString(conn, "0\r\n\r\n")
	}
	if r.early {
		conn.CloseWrite()
	}
}
