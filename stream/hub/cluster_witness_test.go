package hub_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apiece/apiece/stream"
)

// TestClusterWitness: the witnesses of TestCluster detect wrong hubs.
func TestClusterWitness(t *testing.T) {
	for _, tt := range []struct {
		sent string // numbers of entries, gN for a gap after N, G for one of another log
		want string // part of the fault, "" for none
	}{
		{"1 3 5", ""},
		{"1 3 g3", ""},
		{"1 g1 5", ""},
		{"g1 3 5", "1 of a is missing"},
		{"1 5", "3 of a is missing"},
		{"1 3", "5 of a is missing"},
		{"", "5 of a is missing"},
		{"1 3 3 5", "-3 is sent twice"},
		{"1 5 3", "-3 is sent after"},
		{"1 2 3 5", "which is"},
		{"1 3 G 5", ""},
		{"1 3 G 1 3 5", ""},
		{"1 3 g9 5", "is of nothing in the log"},
	} {
		log := newClusterLog()
		var ids []string
		for i := range 5 {
			at, err := log.Append(t.Context(), string("ab"[i%2]), stream.Event{Data: fmt.Sprint("x", i+1)})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, at.String())
		}
		epoch, _, _ := strings.Cut(ids[0], "-")
		c := newWitness(log, []string{"a"}, false)
		c.from = -1
		for word := range strings.FieldsSeq(tt.sent) {
			number := strings.Trim(word, "gG")
			id := epoch + "-" + number
			switch {
			case word == "G":
				c.receive([]byte("id: " + c.lastID + "\nevent: gap\ndata: {\"after\":\"\"}\n\n"))
			case word[0] == 'g':
				c.receive([]byte("id: " + id + "\nevent: gap\ndata: {\"after\":\"" + id + "\"}\n\n"))
			default:
				c.receive([]byte("id: " + id + "\ndata: x" + number + "\n\n"))
			}
		}
		text := strings.Join(c.judge(log.len()), "; ")
		if tt.want == "" && text != "" || !strings.Contains(text, tt.want) {
			t.Errorf("sent %q, the witness says %q, want %q", tt.sent, text, tt.want)
		}
	}
}
