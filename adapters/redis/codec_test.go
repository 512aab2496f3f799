package redis_test

import (
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

// Processes of several versions read the encoding: this is what the first version wrote.
func TestEventFormat(t *testing.T) {
	const event = "\x00\x00\x00\x00\x00\x00\x00\x07" + "\x01" + "\x02t" + "\x04na" + "\x00" + "\x08data" + "\x04"
	want := stream.Event{Name: "na", Data: "data", Retry: 2}
	if got := redis.EncodeEvent(7, "t", want); string(got) != event {
		t.Errorf("an event is written as %q, not %q: that takes another format number", got, event)
	}
	if _, e, ok := redis.DecodeEvent(event[:8] + "\x02" + event[9:]); ok {
		t.Errorf("another format is read as %+v", e)
	}
}

// An entry is its number in 20 digits, which a script reads, and then what cache.Entry
// writes.
func TestEntryFormat(t *testing.T) {
	e := &cache.Entry{Key: "k", Number: 9, Tags: []string{"t"}, Status: 200, Header: http.Header{"A": {"1"}}, Body: []byte("b"), Created: time.Unix(1, 2)}
	binary, err := e.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	want := "00000000000000000009" + string(binary)
	encoded, err := redis.EncodeEntry(e)
	if string(encoded) != want || err != nil {
		t.Errorf("an entry is written as %q, %v; want %q", encoded, err, want)
	}
	if got := redis.DecodeEntry(encoded); !reflect.DeepEqual(got, e) {
		t.Errorf("it is read as %+v", got)
	}
	for _, other := range []string{"", want[:19], want[:20], want[:len(want)-1], want + "x", want[:20] + "\x01" + want[21:]} {
		if got := redis.DecodeEntry([]byte(other)); got != nil {
			t.Errorf("%q is read as %+v", other, got)
		}
	}
	if _, err := redis.EncodeEntry(&cache.Entry{Status: -1}); err == nil {
		t.Error("an entry that cache.Entry does not write is written")
	}
}
