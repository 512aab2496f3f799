package cookies_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/cookies"
)

// TestEnableKeepsFreshData: Enable clears preview data that do not open, but not
// those that the same response has just stored.
func TestEnableKeepsFreshData(t *testing.T) {
	d := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}})
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "__next_preview_data", Value: "of-another-key"})
	w := httptest.NewRecorder()
	if err := d.SetPreview(w, map[string]int{"revision": 7}, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Enable(w, r, 0); err != nil {
		t.Fatal(err)
	}
	next := httptest.NewRequest("GET", "/", nil)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge >= 0 && c.Value != "" {
			next.AddCookie(c)
		}
	}
	var data map[string]int
	if ok, err := d.Preview(next, &data); !ok || err != nil || data["revision"] != 7 {
		t.Errorf("%v, %t, %v: the data are gone", data, ok, err)
	}
}
