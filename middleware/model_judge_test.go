package middleware_test

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// patience is for a client that has waited for 5 s: why does it have nothing yet?
func (p *play) patience() {
	switch f := p.f; {
	case time.Now().Before(p.h.due.Add(time.Second)):
		// It may still wait.
	case p.server == "panics" || p.server == "broken":
		// Its deadlines cannot be moved, and nothing can be flushed.
	case p.server == "plain" && strings.Contains(p.program, "S"):
		// A write that is stuck has no deadline.
	case f.foreign || f.reset || f.fin:
		// The client sees the end.
	case p.server == "2" || p.server == "plain":
		p.fault("the stream is still open, 1 s after the deadline")
	case f.declared < 0 && f.status != 204 || f.flushed < f.declared:
		p.fault("no whole response, 1 s after the deadline")
	}
}

// panics reports whether the program, not this module, makes the handler panic.
func (p *play) panics() bool {
	return strings.ContainsAny(p.program, "!g") || p.server == "broken" ||
		p.server == "panics" && strings.ContainsAny(p.program, "FJD")
}

// judge says what is wrong with the final result of the client.
func (p *play) judge() {
	if !p.ended {
		return
	}
	f, h := p.f, p.h
	got := f.receive(p.panicked)
	inTime := p.settled == strings.Count(strings.ToLower(p.layers), "t")
	refused := strings.Contains(p.layers, "L") && h.tried > 15
	switch {
	case f.foreign:
		if f.reset || f.fin {
			p.fault("the handler's connection was closed")
		}
		return
	case !got.whole:
		p.judgeCut(got, inTime, refused)
	case got.status == 504:
		if inTime || time.Now().Before(h.due) {
			p.fault("504 in time")
		}
		if got.body != "late\n" && got.body != `{"title":"Gateway Timeout","status":504}` {
			p.fault("504 with %.40q", got.body)
		}
		if got.header.Get("X-Handler")+got.header.Get("X-Hook") != "" {
			p.fault("504 with the header of the handler")
		}
	case got.status == 500 && got.body == "refused\n":
		if !refused {
			p.fault("a refusal, and nothing was too large")
		}
	case got.status == 500:
		if !p.panics() || !strings.Contains(p.layers, "R") {
			p.fault("500 with %.40q", got.body)
		}
	default:
		p.judgeOwn(got)
	}
	if got.whole && got.header.Get("X-Base") == "" {
		p.fault("%d without the header of the layers outside", got.status)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if got.reused && (ours(f.read) || ours(f.write)) {
		p.fault("%d on a connection whose deadline is harmed", got.status)
	}
	p.judgeRecords(got)
}

// ours reports whether a deadline is one that this module sets.
func ours(deadline time.Time) bool {
	return !deadline.IsZero() && time.Until(deadline) < 10*time.Minute
}

func (p *play) judgeCut(got reception, inTime, refused bool) {
	h := p.h
	switch {
	case p.panics():
		return
	case h.whole && !p.f.failed:
		p.fault("a whole response was cut")
	case p.f.failed:
	case refused && h.passed && h.tried > 2048:
	case refused && h.passed:
	case inTime:
		p.fault("cut in time")
	case !h.passed:
		p.fault("cut, and nothing was on the wire")
	}
}

// judgeOwn judges a response that seems to be the handler's own.
func (p *play) judgeOwn(got reception) {
	h := p.h
	if p.f.http10 && p.panics() && (!strings.Contains(p.layers, "R") || strings.Contains(p.program, "g")) {
		return // net/http closes the connection, with or without this module
	}
	if h.err == io.ErrShortWrite {
		return // it was told
	}
	if !h.whole && !h.done {
		p.fault("%d, whole, of a handler that did not end or was refused (%v)", got.status, h.err)
	}
	if !strings.HasPrefix(h.wrote.String(), got.body) || h.err == nil && got.body != h.wrote.String() {
		p.fault("%d with %d bytes, the handler has written %d", got.status, len(got.body), h.wrote.Len())
	}
	if p.server == "broken" {
		return // only net/http decides
	}
	if h.status != 0 && got.status != h.status || h.status == 0 && got.status != http.StatusOK {
		p.fault("%d, the handler has said %d", got.status, h.status)
	}
	if (got.header.Get("X-Handler") != "") != h.early {
		p.fault("the field of the handler is %q", got.header.Get("X-Handler"))
	}
	if h.hooked && got.header.Get("X-Hook") == "" {
		p.fault("the field of the hook is lost")
	}
}

// judgeRecords counts what was logged, where a handler does not panic.
func (p *play) judgeRecords(got reception) {
	if p.left || p.panics() || !got.whole {
		return
	}
	// A hook may have panicked for a response that was taken from it.
	if got.status < 500 && p.records+p.hooks > 0 || got.status >= 500 && p.records != 1 && (p.records != 0 || p.hooks != 1) {
		p.fault("%d records and %d of hooks for %d", p.records, p.hooks, got.status)
	}
}
