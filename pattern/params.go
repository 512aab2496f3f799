package pattern

import (
	"iter"
	"math"
	"strings"
	"unicode/utf8"
)

// Params are the parameters of a path that a pattern matched. The zero Params
// has none. The values are cut out of the path and percent-decoded on each
// call: a Params keeps the path in memory, and reading a value twice does the
// work twice.
type Params struct {
	c      *compiled
	path   string  // without a trailing slash
	starts offsets // of its last segments
}

// Lookup returns the values of a parameter: one for [x], all segments for a
// catch-all. It reports false for an unknown name, and for an optional
// catch-all that took nothing.
func (p Params) Lookup(name string) (values []string, ok bool) {
	raw, kind, ok := p.raw(name)
	if !ok {
		return nil, false
	}
	return p.list(raw, kind), true
}

// Get returns the value of a parameter, that of a catch-all joined by slashes
// as in r.PathValue. It returns "" for a name without a value.
func (p Params) Get(name string) string {
	raw, kind, _ := p.raw(name)
	return p.join(raw, kind)
}

// All iterates over the names and values that Lookup finds, in path order.
func (p Params) All() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for q, raw := range p.each() {
			if !yield(q.name, p.list(raw, q.kind)) {
				return
			}
		}
	}
}

// each iterates over the parameters and their raw text. It walks the path once,
// where start would start again for every parameter.
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

// withoutValue returns the parameter that took nothing, if there is one: an
// optional catch-all, which is the last.
func (p Params) withoutValue() *param {
	if p.c == nil || len(p.c.params) == 0 {
		return nil
	}
	q := &p.c.params[len(p.c.params)-1]
	if q.kind == optional && p.absent(q, p.start(q.seg)) {
		return q
	}
	return nil
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
// then can its place be after the end of the path.
func (p Params) absent(q *param, i int) bool {
	return q.kind == optional && i >= len(p.path) && (i > len(p.path) || len(p.path) == 1)
}

func (p Params) cut(kind kind, i int) string {
	if kind == single {
		return p.path[i:segmentEnd(p.path, i)]
	}
	return p.path[i:]
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
	if !p.starts.encoded() || kind == single {
		return p.decode(raw)
	}
	return strings.Join(p.list(raw, kind), "/")
}

func (p Params) decode(raw string) string {
	if !p.starts.encoded() {
		return raw
	}
	v, _ := unescape(raw) // check has passed
	return v
}

// check reports a value that cannot be decoded. Static text is UTF-8, so a
// decoded path may be checked as a whole. In an encoded one, bytes may be half
// of a character whose rest is encoded.
func (p Params) check() error {
	valid := true
	if !p.starts.encoded() {
		valid = utf8.ValidString(p.path)
	} else {
		for _, raw := range p.each() {
			for v := range strings.SplitSeq(raw, "/") {
				_, ok := unescape(v)
				valid = valid && ok
			}
		}
	}
	if !valid {
		return &DecodeError{p.c.text, p.path}
	}
	return nil
}

// Offsets are where the last segments of a path start, one byte each, the last
// one lowest, so that a parameter is read without another walk along the path.
// They are a word rather than an array because a struct of more than four words
// does not fit in registers, and every match returns a Params by value.
//
// They need a path with as many segments as the pattern, so they do not work
// for a catch-all, nor for encoded paths, for paths longer than a byte can
// hold, and after seven segments. In these cases the path is walked.
type offsets uint64

const (
	encodedPath offsets = 1 << 63 // the values are percent-encoded
	suspectPath offsets = 1 << 62 // a value may not be UTF-8, or not clean
	maxOffsets          = 7
)

// add adds the start of the next segment. The oldest one is dropped.
func (o offsets) add(start int) offsets { return o<<8 | offsets(start) }

// withFlags ends the walk along a path: the offsets make room for the flags. A
// non-ASCII byte in seen makes the path suspect.
func (o offsets) withFlags(seen uint64) offsets {
	o &= 1<<(8*maxOffsets) - 1
	if seen&highs != 0 {
		o |= suspectPath
	}
	return o
}

func (o offsets) encoded() bool { return o&encodedPath != 0 }

// start returns the start of a segment of the path.
func (p Params) start(seg int) int {
	back := len(p.c.segs) - 1 - seg
	if back < maxOffsets && len(p.path) <= math.MaxUint8 && !p.c.catchAll() && !p.starts.encoded() {
		return int(p.starts >> (back * 8) & math.MaxUint8)
	}
	i := 1
	for ; seg > 0 && i <= len(p.path); seg-- {
		i = segmentEnd(p.path, i) + 1
	}
	return i
}
