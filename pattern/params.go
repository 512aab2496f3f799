package pattern

import (
	"iter"
	"math"
	"strings"
	"unicode/utf8"
)

// Params are the parameters that a path gave to a pattern. The zero Params
// has none. The values are pieces of the path, cut out and percent-decoded
// when they are asked for: a Params holds on to the path it came from, and
// reading the same value twice does the work twice.
type Params struct {
	c    *compiled
	path string // without a trailing slash
	at   spans
}

// Lookup returns the values of a parameter: one for [x], all segments for a
// catch-all. It reports false for a name that the pattern does not have, and
// for an optional catch-all that took nothing.
func (p Params) Lookup(name string) (values []string, ok bool) {
	raw, kind, ok := p.raw(name)
	if !ok {
		return nil, false
	}
	return p.list(raw, kind), true
}

// Get returns the value of a parameter, that of a catch-all joined by slashes
// as r.PathValue gives it. It returns "" for a name without a value.
func (p Params) Get(name string) string {
	raw, kind, _ := p.raw(name)
	return p.join(raw, kind)
}

// All iterates over the names and values that Lookup finds, in the order of
// the path.
func (p Params) All() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for q, raw := range p.each() {
			if !yield(q.name, p.list(raw, q.kind)) {
				return
			}
		}
	}
}

// each iterates over the parameters and their raw text. It goes along the
// path once, where start would begin anew for every parameter.
func (p Params) each() iter.Seq2[*param, string] {
	return func(yield func(*param, string) bool) {
		if p.c == nil {
			return
		}
		seg, i := 0, 1
		for k := range p.c.params {
			q := &p.c.params[k]
			for ; seg < q.seg; seg++ {
				i = segmentEnd(p.path, i) + 1
			}
			if p.absent(q, i) || !yield(q, p.cut(q.kind, i)) {
				return
			}
		}
	}
}

func (p Params) raw(name string) (string, kind, bool) {
	if p.c == nil {
		return "", static, false
	}
	for k := range p.c.params {
		if q := &p.c.params[k]; q.name == name {
			i := p.start(q.seg)
			if p.absent(q, i) {
				return "", static, false
			}
			return p.cut(q.kind, i), q.kind, true
		}
	}
	return "", static, false
}

// absent reports whether q is an optional catch-all that took nothing: only
// then can its place lie beyond the end of the path.
func (p Params) absent(q *param, i int) bool {
	return q.kind == optional && i >= len(p.path) && (i > len(p.path) || len(p.path) == 1)
}

func (p Params) cut(kind kind, i int) string {
	if kind == single {
		return p.path[i:segmentEnd(p.path, i)]
	}
	return p.path[i:]
}

// start returns where a segment of the path starts.
func (p Params) start(seg int) int {
	i, from := p.at.nearest(seg)
	for ; from < seg && i <= len(p.path); from++ {
		i = segmentEnd(p.path, i) + 1
	}
	return i
}

func (p Params) list(raw string, kind kind) []string {
	if kind == single {
		return []string{p.decode(raw)}
	}
	values := strings.Split(raw, "/")
	for i, v := range values {
		values[i] = p.decode(v)
	}
	return values
}

func (p Params) join(raw string, kind kind) string {
	if !p.at.encoded() || kind == single {
		return p.decode(raw)
	}
	return strings.Join(p.list(raw, kind), "/")
}

func (p Params) decode(raw string) string {
	if !p.at.encoded() {
		return raw
	}
	v, _ := unescape(raw) // check has been here before
	return v
}

// check reports a value that cannot be decoded.
func (p Params) check() error {
	if len(p.c.params) == 0 {
		return nil
	}
	if !p.at.encoded() {
		i := p.start(p.c.params[0].seg)
		if i < len(p.path) && !utf8.ValidString(p.path[i:]) {
			return &DecodeError{p.c.text, p.path}
		}
		return nil
	}
	for _, raw := range p.each() {
		for v := range strings.SplitSeq(raw, "/") {
			if _, ok := unescape(v); !ok {
				return &DecodeError{p.c.text, p.path}
			}
		}
	}
	return nil
}

// Spans record where the first segments of a path start, sixteen bits each,
// so that a parameter is read without another walk along the path. They are
// two words rather than an array because the compiler keeps words in
// registers, and a match is returned by value.
//
// Nothing is recorded beyond the seventh segment, of a path longer than
// sixteen bits can tell, or of an encoded path: there the walk is made.
type spans struct{ lo, hi uint64 }

const (
	numSpans  = 7
	spanBits  = 16
	noSpans   = 1 << 62
	isEncoded = 1 << 63
)

var encodedSpans = spans{hi: isEncoded | noSpans}

func newSpans(path string) (s spans) {
	if len(path) > math.MaxUint16 {
		s.hi = noSpans
	}
	return s
}

func (s *spans) record(seg, start int) {
	switch {
	case seg < 4:
		s.lo |= uint64(start) << (seg * spanBits & 63)
	case seg < numSpans && s.hi < noSpans:
		s.hi |= uint64(start) << ((seg - 4) * spanBits & 63)
	}
}

// nearest returns the start of the segment, or of the last one before it that
// was recorded, and which one that is.
func (s spans) nearest(seg int) (start, from int) {
	if s.hi < noSpans {
		from = min(seg, numSpans-1)
		if from < 4 {
			start = int(uint16(s.lo >> (from * spanBits & 63)))
		} else {
			start = int(uint16(s.hi >> ((from - 4) * spanBits & 63)))
		}
		if start > 0 {
			return start, from
		}
	}
	return 1, 0
}

func (s spans) encoded() bool { return s.hi >= isEncoded }
