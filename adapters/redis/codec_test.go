package redis_test

import (
	"bytes"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
)

func FuzzEvent(f *testing.F) {
	f.Add("t", "name", "comment", "data\nline", int64(time.Second), []byte("12345678\x01"))
	f.Add("", "", "", "", int64(-1), []byte{})
	f.Fuzz(func(t *testing.T, topic, name, comment, data string, retry int64, wild []byte) {
		want := stream.Event{Name: name, Comment: comment, Data: data, Retry: time.Duration(retry)}
		encoded := redis.EncodeEvent(7, topic, want)
		gotTopic, got, ok := redis.DecodeEvent(string(encoded))
		if !ok || gotTopic != topic || got != want {
			t.Errorf("%q %+v came out as %q %+v, %t", topic, want, gotTopic, got, ok)
		}
		for i := range encoded {
			if _, _, ok := redis.DecodeEvent(string(encoded[:i])); ok {
				t.Errorf("the first %d of %d bytes pass for a whole event", i, len(encoded))
			}
		}
		if topic, e, ok := redis.DecodeEvent(string(wild)); ok {
			if again, e2, ok := redis.DecodeEvent(string(redis.EncodeEvent(7, topic, e))); !ok || again != topic || e2 != e {
				t.Errorf("%q is read as %q %+v, which is written as something else", wild, topic, e)
			}
		}
	})
}

func FuzzEntry(f *testing.F) {
	whole := redis.EncodeEntry(&cache.Entry{
		Key: "key", Number: 1 << 50, Tags: []string{"a", ""}, Vary: []string{"Accept"}, Status: 200,
		Header: http.Header{"A": {"1", "2"}, "B": nil}, Body: []byte("body"), Created: time.Unix(1, 2),
		Policy: cache.Policy{TTL: time.Hour, StaleIfError: -1, Public: true},
	})
	f.Add(whole)
	f.Add(whole[:20])
	f.Add([]byte("00000000000000000001\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, wild []byte) {
		e := redis.DecodeEntry(string(wild))
		if e == nil {
			return
		}
		again := redis.DecodeEntry(string(redis.EncodeEntry(e)))
		if !reflect.DeepEqual(e, again) {
			t.Errorf("%q is read as %+v, which is written as %+v", wild, e, again)
		}
		if bytes.Equal(wild, whole) && len(e.Header) != 2 {
			t.Errorf("the seed is read as %+v", e)
		}
	})
}

// Processes of several versions read the encoding: this is what the first version wrote.
func TestFormat(t *testing.T) {
	const event = "\x00\x00\x00\x00\x00\x00\x00\x07" + "\x01" + "\x02t" + "\x04na" + "\x00" + "\x08data" + "\x04"
	want := stream.Event{Name: "na", Data: "data", Retry: 2}
	if got := redis.EncodeEvent(7, "t", want); string(got) != event {
		t.Errorf("an event is written as %q, not %q: that takes another format number", got, event)
	}
	const entry = "00000000000000000009" + "\x01" + "\x02k" + "\x02\x02t" + "\x00" + "\x90\x03" + "\x02\x02A\x02\x021" + "\x02b" + "\x04" + "\x06\x00\x01\x02"
	e := &cache.Entry{
		Key: "k", Number: 9, Tags: []string{"t"}, Status: 200, Header: http.Header{"A": {"1"}},
		Body: []byte("b"), Created: time.Unix(0, 2), Policy: cache.Policy{TTL: 3, StaleIfError: -1, Public: true},
	}
	if got := redis.EncodeEntry(e); string(got) != entry {
		t.Errorf("an entry is written as %q, not %q: that takes another format number", got, entry)
	}
	if redis.DecodeEntry("00000000000000000009") != nil || redis.DecodeEntry(entry[:20]+"\x02"+entry[21:]) != nil {
		t.Error("a number alone, or another format, is read as an entry")
	}
	if _, e, ok := redis.DecodeEvent(event[:8] + "\x02" + event[9:]); ok {
		t.Errorf("another format is read as %+v", e)
	}
}
