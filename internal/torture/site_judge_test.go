package torture_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
)

// judge says what is wrong with a response, given the allowed fates, and closes the
// site. With passes a panic may reach the server.
func (t *site) judge(a answer, right fate, passes bool) (found []finding) {
	found = t.judgeOpen(a, right, passes)
	t.close()
	for _, stack := range t.left() {
		found = append(found, finding{goroutines, "left behind:\n" + stack})
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
