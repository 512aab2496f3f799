package postgres_test

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/middleware/cache"
)

func FuzzEntry(f *testing.F) {
	whole := postgres.EncodeEntry(&cache.Entry{
		Key: "key", Number: 1 << 50, Tags: []string{"a", ""}, Vary: []string{"Accept"}, Status: 200,
		Header: http.Header{"A": {"1", "2"}}, Body: []byte("body"), Created: time.Unix(1, 2),
		Policy: cache.Policy{TTL: time.Hour, StaleIfError: -1, Public: true},
	})
	f.Add(whole)
	f.Add(whole[:20])
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, wild []byte) {
		e := postgres.DecodeEntry(wild)
		if e == nil {
			return
		}
		encoded := postgres.EncodeEntry(e)
		if again := postgres.DecodeEntry(encoded); !reflect.DeepEqual(e, again) {
			t.Errorf("%q is read as %+v, which is written as %+v", wild, e, again)
		}
		for i := range encoded {
			if postgres.DecodeEntry(encoded[:i]) != nil {
				t.Errorf("the first %d of %d bytes pass for a whole entry", i, len(encoded))
			}
		}
	})
}

// Processes of several versions read the encoding: this is what the first version wrote.
func TestFormat(t *testing.T) {
	const entry = "\x01" + "\x02k" + "\x12" + "\x02\x02t" + "\x00" + "\x90\x03" + "\x02\x02A\x02\x021" + "\x02b" + "\x04" + "\x06\x00\x01\x02"
	e := &cache.Entry{
		Key: "k", Number: 9, Tags: []string{"t"}, Status: 200, Header: http.Header{"A": {"1"}},
		Body: []byte("b"), Created: time.Unix(0, 2), Policy: cache.Policy{TTL: 3, StaleIfError: -1, Public: true},
	}
	if got := postgres.EncodeEntry(e); string(got) != entry {
		t.Errorf("an entry is written as %q, not %q: that takes another format number", got, entry)
	}
	if got := postgres.DecodeEntry([]byte(entry)); !reflect.DeepEqual(got, e) {
		t.Errorf("it is read as %+v, want %+v", got, e)
	}
	if postgres.DecodeEntry(nil) != nil || postgres.DecodeEntry([]byte("\x02"+entry[1:])) != nil {
		t.Error("nothing, or another format, is read as an entry")
	}
}
