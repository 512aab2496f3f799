package upload_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/internal/testkit"
)

// TestPartsAllocs: the allocations for a part do not depend on its content.
func TestPartsAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	took := func(parts, size int) float64 {
		body := strings.Repeat(file("f", "a.txt", strings.Repeat("x", size)), parts) + end
		return testing.AllocsPerRun(10, func() {
			r := request(body)
			for p, err := range upload.Parts(httptest.NewRecorder(), r, upload.Config{Limit: -1, FileLimit: -1, MaxFiles: parts}) {
				if err == nil {
					_, err = io.Copy(io.Discard, p)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	base := took(1, 1)
	if large := took(1, 1<<20); large > base+5 {
		t.Errorf("a file of 1 MB: %v allocations, one byte %v", large, base)
	}
	const most = 20
	if each := (took(21, 1) - base) / 20; each > most {
		t.Errorf("%v allocations for each part, want %d at most", each, most)
	} else {
		t.Logf("%v allocations for each part", each)
	}
}
