package shadow

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// steps are the parts of a JSON pointer.
type steps []string

func parsePointer(p string) steps {
	if p == "" {
		return nil
	}
	all := strings.Split(p[1:], "/")
	for i, s := range all {
		all[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
	}
	return all
}

func (p steps) String() string {
	var b strings.Builder
	for _, s := range p {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
	}
	return b.String()
}

// matches reports whether one of the patterns matches the path.
func matches(patterns []steps, path steps) bool {
	return slices.ContainsFunc(patterns, func(p steps) bool {
		return slices.EqualFunc(p, path, func(want, is string) bool { return want == "*" || want == is })
	})
}

// compareJSON compares two JSON texts. Texts that are not JSON, whatever their
// Content-Type, are compared byte by byte.
func (r *rules) compareJSON(f *found, a, b []byte) {
	x, errX := decode(a)
	y, errY := decode(b)
	if errX != nil || errY != nil {
		bytesDiffer(f, &recording{body: a, size: int64(len(a))}, &recording{body: b, size: int64(len(b))})
		return
	}
	r.values(f, nil, x, y)
}

func decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("shadow: more than one value")
	}
	return v, nil
}

// absent stands for a missing value.
type absent struct{}

func (r *rules) values(f *found, path steps, a, b any) {
	if len(f.values) >= maxValues || matches(r.ignored, path) {
		return
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			names := slices.Collect(maps.Keys(x))
			for name := range y {
				if _, ok := x[name]; !ok {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			for _, name := range names {
				r.values(f, append(path[:len(path):len(path)], name), member(x, name), member(y, name))
			}
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			if matches(r.unordered, path) {
				x, _ = r.ordered(path, x)
				y, _ = r.ordered(path, y)
			}
			for i := range max(len(x), len(y)) {
				r.values(f, append(path[:len(path):len(path)], strconv.Itoa(i)), element(x, i), element(y, i))
			}
			return
		}
	case json.Number:
		if y, ok := b.(json.Number); ok && sameNumber(string(x), string(y)) {
			return
		}
	default:
		if a == b {
			return
		}
	}
	f.add("json "+path.String(), text(a), text(b))
}

func member(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return absent{}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return absent{}
}

// text formats a value for a report.
func text(v any) string {
	if v == (absent{}) {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// ordered returns a list in an order that depends only on its content, and the
// canonical forms of its values in the same order.
func (r *rules) ordered(path steps, list []any) (values, canonical []any) {
	type element struct {
		key              string
		value, canonical any
	}
	all := make([]element, len(list))
	for i, v := range list {
		c := r.canonical(append(path[:len(path):len(path)], strconv.Itoa(i)), v)
		all[i] = element{text(c), v, c}
	}
	slices.SortStableFunc(all, func(a, b element) int { return strings.Compare(a.key, b.key) })
	values, canonical = make([]any, len(all)), make([]any, len(all))
	for i, e := range all {
		values[i], canonical[i] = e.value, e.canonical
	}
	return values, canonical
}

// canonical returns a value without the ignored parts, with normalized numbers, and
// with sorted lists where their order does not matter.
func (r *rules) canonical(path steps, v any) any {
	if matches(r.ignored, path) {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			if at := append(path[:len(path):len(path)], name); !matches(r.ignored, at) {
				out[name] = r.canonical(at, value)
			}
		}
		return out
	case []any:
		if matches(r.unordered, path) {
			_, canonical := r.ordered(path, v)
			return canonical
		}
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = r.canonical(append(path[:len(path):len(path)], strconv.Itoa(i)), value)
		}
		return out
	case json.Number:
		negative, digits, exponent := decimal(string(v))
		return []any{negative, digits, exponent}
	}
	return v
}

// sameNumber reports whether two JSON numbers have the same value, as 1.0, 1 and 10e-1
// have. It loses no digit, and a large exponent costs nothing.
func sameNumber(a, b string) bool {
	n, d, e := decimal(a)
	m, c, f := decimal(b)
	return n == m && d == c && e == f
}

// decimal splits a number into its sign, its digits without leading and trailing zeros,
// and the power of ten that multiplies them. An exponent of more than 18 digits stays
// in the digits.
func decimal(s string) (negative bool, digits string, exponent int64) {
	s, negative = strings.CutPrefix(s, "-")
	mantissa, exp := s, "0"
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exp = s[:i], s[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return false, "0", 0 // -0 too
	}
	exponent, err := strconv.ParseInt(strings.TrimPrefix(exp, "+"), 10, 64)
	if err != nil || exponent > 1e18 || exponent < -1e18 {
		return negative, s, 0
	}
	trimmed := strings.TrimRight(digits, "0")
	return negative, trimmed, exponent - int64(len(fraction)) + int64(len(digits)-len(trimmed))
}
