package nats_test

import (
	"testing"
	"time"

	"github.com/apiece/apiece/adapters/nats"
	"github.com/apiece/apiece/stream"
)

func FuzzEvent(f *testing.F) {
	f.Add("t", "name", "comment", "data\nline", int64(time.Second), []byte("\x01\x00\x01t\x00\x00\x00"))
	f.Add("", "", "", "", int64(-1), []byte{})
	f.Add("\xff", "", "", "\x00", int64(1)<<62, []byte("\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, topic, name, comment, data string, retry int64, wild []byte) {
		want := stream.Event{Name: name, Comment: comment, Data: data, Retry: time.Duration(retry)}
		encoded := nats.EncodeEvent(topic, want)
		if gotTopic, got, ok := nats.DecodeEvent(encoded); !ok || gotTopic != topic || got != want {
			t.Errorf("%q %+v came out as %q %+v, %t", topic, want, gotTopic, got, ok)
		}
		for i := range encoded {
			if _, _, ok := nats.DecodeEvent(encoded[:i]); ok {
				t.Errorf("the first %d of %d bytes pass for a whole event", i, len(encoded))
			}
		}
		if topic, e, ok := nats.DecodeEvent(wild); ok {
			if again, e2, ok := nats.DecodeEvent(nats.EncodeEvent(topic, e)); !ok || again != topic || e2 != e {
				t.Errorf("%q is read as %q %+v, which is written as something else", wild, topic, e)
			}
		}
	})
}

// Processes of several versions read the encoding: this is what the first version wrote.
func TestEventFormat(t *testing.T) {
	const event = "\x01" + "\x04" + "\x01t" + "\x02na" + "\x00" + "\x04data"
	if got := nats.EncodeEvent("t", stream.Event{Name: "na", Data: "data", Retry: 2}); string(got) != event {
		t.Errorf("an event is written as %q, not %q: that takes another format number", got, event)
	}
	if _, e, ok := nats.DecodeEvent([]byte("\x02" + event[1:])); ok {
		t.Errorf("another format is read as %+v", e)
	}
}
