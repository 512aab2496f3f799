package bodyparser_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/schema"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
)

// cart is what hostile forms fill.
type cart struct {
	Items []struct {
		SKU   string
		Notes []struct{ Text string }
	}
}

// TestMemory prints how much the memory of the process grows while hostile
// requests are served at once. It needs -report, and Linux.
func TestMemory(t *testing.T) {
	if !*report {
		t.Skip("needs -report")
	}
	if peak() == 0 {
		t.Skip("needs /proc/self/status")
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	defer out.Flush()

	inflating := bodyparser.Config{Limit: limit, Inflate: true}
	kit := bind.HandlerWith(bind.Config{Parser: inflating}, func(w http.ResponseWriter, r *http.Request, _ order) error {
		ok(w)
		return nil
	})
	gin.SetMode(gin.ReleaseMode)
	kitParsed := bodyparser.New(inflating)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ok(w) }))
	kitForm := bind.HandlerWith(bind.Config{Parser: inflating}, func(w http.ResponseWriter, r *http.Request, _ cart) error {
		ok(w)
		return nil
	})
	inflate := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(http.MaxBytesReader(w, r.Body, limit))
		if err == nil {
			_, err = io.ReadAll(z)
		}
		answer(w, err)
	})
	decoder := schema.NewDecoder()
	decoder.IgnoreUnknownKeys(true)
	gorilla := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		err := r.ParseForm()
		if err == nil {
			err = decoder.Decode(new(cart), r.PostForm)
		}
		answer(w, err)
	})
	ginForm := gin.New()
	ginForm.POST("/", func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, limit)
		answer(c.Writer, c.ShouldBind(new(cart)))
	})

	keys := make(url.Values)
	for i := range 170_000 {
		keys.Set("k"+strconv.Itoa(i), "1")
	}
	sparse := make(url.Values)
	for i := range 200 {
		sparse.Set(fmt.Sprintf("Items.%d.Notes.15000.Text", i), "x")
	}
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name        string
		contentType string
		coding      string
		body        []byte
		count       int
		rivals      map[string]http.Handler
	}{
		{"32 x 1 MiB of JSON", "application/json", "", document(1 << 20), 32, map[string]http.Handler{
			"kit, bind": kit, "kit, parsed only": kitParsed, "gin": ginEngine(), "huma": humaAPI(limit)}},
		{"20 bombs of 100 KB, 100 MB inflated", "", "gzip", bomb(100 << 20), 20, map[string]http.Handler{
			"kit": kitParsed, "gzip over MaxBytesReader": inflate}},
		{"170,000 keys of a form", form, "", []byte(keys.Encode()), 1, map[string]http.Handler{
			"kit": kitForm, "gin": ginForm, "gorilla/schema": gorilla}},
		{"200 sparse indexes, 7 KB", form, "", []byte(sparse.Encode()), 1, map[string]http.Handler{
			"kit": kitForm, "gorilla/schema": gorilla}},
	} {
		fmt.Fprintf(out, "\n%s\tstatus\tpeak MB\tallocated MB\t\n", c.name)
		for _, name := range slices.Sorted(maps.Keys(c.rivals)) {
			debug.FreeOSMemory()
			resetPeak()
			before := peak()
			var start, end runtime.MemStats
			runtime.ReadMemStats(&start)
			var all sync.WaitGroup
			status := 0
			for i := range c.count {
				all.Go(func() {
					r := httptest.NewRequest("POST", "/", bytes.NewReader(c.body))
					r.Header.Set("Content-Type", c.contentType)
					if c.contentType == "" {
						r.Header.Del("Content-Type")
					}
					if c.coding != "" {
						r.Header.Set("Content-Encoding", c.coding)
					}
					w := &null{header: http.Header{}}
					c.rivals[name].ServeHTTP(w, r)
					if i == 0 {
						status = w.status
					}
				})
			}
			all.Wait()
			runtime.ReadMemStats(&end)
			fmt.Fprintf(out, "%s\t%d\t%d\t%d\t\n", name, status, (peak()-before)>>10, (end.TotalAlloc-start.TotalAlloc)>>20)
		}
	}
}

func bomb(size int) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	block := make([]byte, 1<<20)
	for range size >> 20 {
		_, _ = z.Write(block)
	}
	_ = z.Close()
	return b.Bytes()
}

// peak returns the most memory that the process has had resident, in KB.
func peak() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	n, _ := strconv.Atoi(strings.Fields(line)[0])
	return n
}

// resetPeak makes the present the peak.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
