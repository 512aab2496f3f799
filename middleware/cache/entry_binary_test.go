package cache_test

import (
	"bytes"
	"encoding"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

var (
	_ encoding.BinaryAppender    = (*cache.Entry)(nil)
	_ encoding.BinaryMarshaler   = (*cache.Entry)(nil)
	_ encoding.BinaryUnmarshaler = (*cache.Entry)(nil)
)

// encode fails the test if the entry has no encoding.
func encode(t testing.TB, e *cache.Entry) []byte {
	t.Helper()
	encoded, err := e.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// TestEntryFormat: releases of one major version read what the others wrote. If this test
// has to change, so has the first byte.
func TestEntryFormat(t *testing.T) {
	const encoded = "\x02" + "\x01k" + "\x09" + "\x01\x01t" + "\x00" + "\xc8\x01" + "\x02\x01A\x02\x011\x00\x01B\x00" + "\x01b" +
		"\x02\x03" + "\x06\x00\x01\x01"
	e := &cache.Entry{
		Key: "k", Number: 9, Tags: []string{"t"}, Status: 200, Header: http.Header{"B": nil, "A": {"1", ""}},
		Body: []byte("b"), Created: time.Unix(1, 3), Lifetime: cache.Lifetime{TTL: 3, StaleIfError: -1, Public: true},
	}
	if got := encode(t, e); string(got) != encoded {
		t.Errorf("%+v is written as\n%q, want\n%q", e, got, encoded)
	}
	var got cache.Entry
	if err := got.UnmarshalBinary([]byte(encoded)); err != nil || !reflect.DeepEqual(&got, e) {
		t.Errorf("%q is read as %+v, %v; want %+v", encoded, got, err, e)
	}
	if got, err := e.AppendBinary([]byte("before")); err != nil || string(got) != "before"+encoded {
		t.Errorf("%q, %v after %q", got, err, "before")
	}
}

func TestEntryBinaryKeepsEachField(t *testing.T) {
	full := cache.Entry{
		Key: "key\x00\xff", Number: math.MaxUint64, Tags: []string{"", "a"}, Vary: []string{"Accept"}, Status: 999,
		Header: http.Header{"A": {"1", "2"}}, Body: []byte("body\x00"), Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.Local),
		Lifetime: cache.Lifetime{TTL: math.MaxInt64, StaleWhileRevalidate: math.MinInt64, StaleIfError: -1, Public: true},
	}
	empty := cache.Entry{Created: time.Unix(0, 0)}
	for name, e := range map[string]cache.Entry{
		"all":         full,
		"none":        empty,
		"key":         {Created: empty.Created, Key: full.Key},
		"number":      {Created: empty.Created, Number: full.Number},
		"tags":        {Created: empty.Created, Tags: full.Tags},
		"vary":        {Created: empty.Created, Vary: full.Vary},
		"status":      {Created: empty.Created, Status: full.Status},
		"header":      {Created: empty.Created, Header: full.Header},
		"body":        {Created: empty.Created, Body: full.Body},
		"created":     {Created: full.Created},
		"before 1678": {Created: time.Unix(-1<<40, 999_999_999)},
		"lifetime":    {Created: empty.Created, Lifetime: full.Lifetime},
	} {
		encoded := encode(t, &e)
		got := full
		if err := got.UnmarshalBinary(encoded); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, e)
		}
		for i := range encoded {
			encoded[i] = 'x'
		}
		if !reflect.DeepEqual(got, e) {
			t.Errorf("%s: %+v shares memory with what it was read from", name, got)
		}
	}
	if e := new(cache.Entry); e.UnmarshalBinary(encode(t, e)) != nil || !e.Created.IsZero() {
		t.Errorf("the zero time is read as %v", e.Created)
	}
	for _, status := range []int{-1, 1000} {
		if _, err := (&cache.Entry{Status: status}).MarshalBinary(); err == nil {
			t.Errorf("an entry with the status %d is written", status)
		}
	}
}

// TestUnmarshalBinaryRefuses: data that is not an entry is an error, leaves the entry as
// it was, and takes memory in proportion to its length, whatever it claims.
func TestUnmarshalBinaryRefuses(t *testing.T) {
	const huge = "\xff\xff\xff\xff\xff\xff\xff\xff\x7f" // 2^63-1
	const most = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
	valid := string(encode(t, &cache.Entry{Header: http.Header{"A": {"1"}, "B": {"2"}}, Created: time.Unix(1, 1)}))
	zeros := strings.Repeat("\x00", 100_000)
	var fields strings.Builder // of a header, in order
	for i := range 20_000 {
		fmt.Fprintf(&fields, "\x05%05d\x00", i)
	}
	for name, data := range map[string]string{
		"nothing":             "",
		"format alone":        "\x02",
		"no format":           "\x00" + valid[1:],
		"format before":       "\x01" + valid[1:],
		"format after":        "\x03" + valid[1:],
		"text":                "HTTP/1.1 200 OK\r\n\r\n",
		"more":                valid + "\x00",
		"twice":               valid + valid,
		"huge key":            "\x02" + huge + zeros,
		"larger key":          "\x02" + most + zeros,
		"too long a number":   "\x02\x00" + strings.Repeat("\xff", 11) + zeros,
		"tags":                "\x02\x00\x00" + huge + zeros,
		"as many tags":        "\x02\x00\x00" + "\x9f\x8d\x06" + zeros[:99_999] + "\x01",
		"status":              "\x02\x00\x00\x00\x00\xe8\x07" + zeros[:9],
		"fields":              "\x02\x00\x00\x00\x00\x00" + huge + zeros,
		"as many fields":      "\x02\x00\x00\x00\x00\x00" + "\xa0\x8d\x06" + fields.String(),
		"the same field":      strings.Replace(valid, "\x01B", "\x01A", 1),
		"fields out of order": strings.Replace(strings.Replace(valid, "\x01A", "\x01C", 1), "\x01B", "\x01A", 1),
		"body":                "\x02\x00\x00\x00\x00\x00\x00" + huge + zeros,
		"nanoseconds":         "\x02\x00\x00\x00\x00\x00\x00\x00\x00\x80\x94\xeb\xdc\x03" + "\x00\x00\x00\x00",
		"public":              "\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02",
	} {
		got := cache.Entry{Key: "before"}
		var err error
		if used := allocated(func() { err = got.UnmarshalBinary([]byte(data)) }); used > memoryFor(len(data)) {
			t.Errorf("%s: %d bytes of memory for %d", name, used, len(data))
		}
		if err == nil || !reflect.DeepEqual(got, cache.Entry{Key: "before"}) {
			t.Errorf("%s: %.100q is read as %+v, %v", name, data, got, err)
		}
	}
	for i := range valid {
		if new(cache.Entry).UnmarshalBinary([]byte(valid[:i])) == nil {
			t.Errorf("the first %d of %d bytes pass for a whole entry", i, len(valid))
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// memoryFor is how much memory the decoder may take for data of a length. The most is for
// a header of many short names; other goroutines allocate a little too.
func memoryFor(length int) uint64 { return 1<<16 + 128*uint64(length) }

// FuzzEntry: what is written is read as it was, any other data is refused, or is read as
// an entry that is written so that it is read the same, and memory is bounded.
func FuzzEntry(f *testing.F) {
	f.Add("key", uint64(1)<<50, "tag", "Accept", "name", "value", []byte("body"), int64(1), int64(2), int64(time.Hour), true, []byte("\x02"))
	f.Add("", uint64(0), "", "", "", "", []byte(nil), int64(-1)<<60, int64(0), int64(-1), false, []byte("\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	whole := encode(f, &cache.Entry{
		Key: "key", Number: 1 << 50, Tags: []string{"a", ""}, Vary: []string{"Accept"}, Status: 200,
		Header: http.Header{"A": {"1", "2"}, "B": nil}, Body: []byte("body"), Created: time.Unix(1, 2),
		Lifetime: cache.Lifetime{TTL: time.Hour, StaleIfError: -1, Public: true},
	})
	f.Add("", uint64(0), "", "", "", "", []byte(nil), int64(0), int64(0), int64(0), false, whole)
	f.Add("", uint64(0), "", "", "", "", []byte(nil), int64(0), int64(0), int64(0), false, whole[:20])
	f.Fuzz(func(t *testing.T, key string, number uint64, tag, vary, name, value string, body []byte, sec, nsec, ttl int64, public bool, wild []byte) {
		want := &cache.Entry{
			Key: key, Number: number, Tags: []string{tag, ""}, Vary: []string{vary}, Status: int(number % 1000),
			Header: http.Header{name: {value, ""}, name + "2": {value}}, Body: body, Created: time.Unix(sec, nsec),
			Lifetime: cache.Lifetime{TTL: time.Duration(ttl), StaleWhileRevalidate: time.Duration(-ttl), Public: public},
		}
		if len(body) == 0 {
			want.Body = nil
		}
		encoded := encode(t, want)
		if got := new(cache.Entry); got.UnmarshalBinary(encoded) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v is read as %+v", want, got)
		}
		if again := encode(t, want); !bytes.Equal(again, encoded) {
			t.Errorf("%+v is written as %q and as %q", want, encoded, again)
		}
		for i := range min(len(encoded), 200) {
			if new(cache.Entry).UnmarshalBinary(encoded[:i]) == nil {
				t.Errorf("the first %d of %d bytes pass for a whole entry", i, len(encoded))
			}
		}
		if new(cache.Entry).UnmarshalBinary(append(encoded, 0)) == nil {
			t.Errorf("more than an entry passes for one: %q", encoded)
		}
		got := new(cache.Entry)
		var err error
		if used := allocated(func() { err = got.UnmarshalBinary(wild) }); used > memoryFor(len(wild))+1<<20 {
			t.Errorf("%d bytes of memory for %d", used, len(wild))
		}
		if err != nil {
			return
		}
		again := new(cache.Entry)
		if err := again.UnmarshalBinary(encode(t, got)); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%q is read as %+v, which is written as %+v, %v", wild, got, again, err)
		}
	})
}
