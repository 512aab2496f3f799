package faults_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
)

// A fate is what can become of a request, as far as it matters: to the client,
// and to whoever reads the log.
type fate uint

const (
	whole      fate = 1 << iota // the answer of the piece, all of it
	wholeNoted                  // the same, and one record of what happened behind it
	refused                     // a whole answer of 400 to 499, no record
	failed                      // a whole answer of 500 to 599, one record
	dropped                     // no whole answer, no record
	noted                       // no whole answer, one record
	ended                       // a stream that has begun, and ended in good order before its last event
)

func (f fate) String() string {
	var names []string
	for i, name := range []string{"whole", "whole with a record", "refused", "failed", "dropped", "dropped with a record", "ended"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// A finding is something that must not be. Its kind is what is wrong, for the
// test that each kind can be found.
type finding struct{ kind, text string }

const (
	partial  = "looks whole and is not"
	misfit   = "another fate"
	records  = "records"
	panicked = "a panic in net/http"
	late     = "written late"
	harmed   = "the next request"
	leaked   = "goroutines"
)

// fateOf sorts what came of a request into the fates, or says why it is none
// of them.
func (p *piece) fateOf(a answer, logged int) (fate, *finding) {
	pick := func(none, one fate) (fate, *finding) {
		switch {
		case logged == 0 && none != 0:
			return none, nil
		case logged == 1 && one != 0:
			return one, nil
		}
		return 0, &finding{records, fmt.Sprintf("%d of them, for %v", logged, a)}
	}
	switch {
	case a.err != nil:
		return pick(dropped, noted)
	case a.status == p.status && (unnumbered(a.body) == p.want || p.blank && a.header.Get("Location") == p.want):
		if logged == p.records {
			return whole, nil
		}
		return pick(0, wholeNoted)
	case p.open && a.header.Get("Content-Type") == "text/event-stream" && strings.HasPrefix(p.want, unnumbered(a.body)):
		return pick(ended, 0)
	case a.status >= 500:
		return pick(0, failed)
	case a.status >= 400:
		return pick(refused, 0)
	}
	return 0, &finding{partial, a.String()}
}

func (a answer) String() string {
	if a.err != nil {
		return fmt.Sprintf("%d %.60q, then %v", a.status, a.body, a.err)
	}
	return fmt.Sprintf("%d, %d bytes: %.60q", a.status, len(a.body), a.body)
}

// numbers are what a hub puts into its streams that is different each time.
var numbers = regexp.MustCompile(`(?m)^(id|retry): .*\n`)

func unnumbered(body string) string {
	if !strings.Contains(body, "\nid: ") { // which is much faster to see
		return body
	}
	return numbers.ReplaceAllString(body, "")
}

// judge says what must not be about an answer, given the fates that are right
// for it, and closes the site. With passes a panic may reach the server.
func (t *site) judge(a answer, right fate, passes bool) (found []finding) {
	found = t.judgeOpen(a, right, passes)
	t.close()
	for _, stack := range t.left() {
		found = append(found, finding{leaked, "left behind:\n" + stack})
	}
	t.watch.mu.Lock()
	defer t.watch.mu.Unlock()
	for _, call := range t.watch.late {
		found = append(found, finding{late, call})
	}
	return found
}

// judgeOpen is the part of judge that needs the server.
func (t *site) judgeOpen(a answer, right fate, passes bool) (found []finding) {
	if !t.sockets {
		synctest.Wait()
	}
	before := t.failures()
	switch f, odd := t.piece.fateOf(a, before); {
	case odd != nil:
		found = append(found, *odd)
	case f&right == 0:
		found = append(found, finding{misfit, fmt.Sprintf("%v: %v; want %v", f, a, right)})
	}
	next := t.send(nil, true)
	if !t.sockets {
		synctest.Wait()
	}
	if f, odd := t.piece.fateOf(next, t.failures()-before); odd != nil || f != whole {
		found = append(found, finding{harmed, fmt.Sprintf("%v %v", next, odd)})
	}
	t.watch.mu.Lock()
	defer t.watch.mu.Unlock()
	for _, v := range t.watch.panics {
		if v != http.ErrAbortHandler && !passes {
			found = append(found, finding{panicked, fmt.Sprintf("%T", v)})
		}
	}
	return found
}

// trial is one piece with one fault, in a bubble if that is possible.
func trial(t *testing.T, name string, p *piece, s setting, right fate, passes bool, send func(*site) answer) {
	t.Helper()
	run := func(f func()) { f() }
	if !s.sockets {
		run = func(f func()) { bubble(t, f) }
	}
	run(func() {
		site, err := open(p, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range site.judge(send(site), right, passes) {
			t.Errorf("%s, %s, %v: %s: %s", p.name, name, s, f.kind, f.text)
		}
	})
}

func bubble(t *testing.T, f func()) {
	t.Helper()
	synctest.Test(t, func(*testing.T) { f() })
}
