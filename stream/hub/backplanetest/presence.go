package backplanetest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/apiece/apiece/stream/hub"
)

// presence: hubs tell each other through the log who listens.
func (s Suite) presence(t *testing.T) {
	one := hub.New(hub.Config{Backplane: s.Open(t, t.Name()), Presence: true})
	two := hub.New(hub.Config{Backplane: s.Open(t, t.Name()), Presence: true})
	for client, h := range map[string]*hub.Hub{"ann": one, "bob": two} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = h.Serve(w, r, hub.Subscription{Topics: []string{"room"}, Client: client})
		}))
		defer server.Close()
		defer func() {
			if err := h.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		resp, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	}
	want := []string{"ann", "bob"}
	for _, h := range []*hub.Hub{one, two} {
		for start := time.Now(); !slices.Equal(h.Present("room"), want); time.Sleep(20 * time.Millisecond) {
			if time.Since(start) > patience {
				t.Fatalf("present are %q, want %q", h.Present("room"), want)
			}
		}
	}
}
