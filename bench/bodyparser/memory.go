package bodyparser

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/null"
	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
)

// cart is the type that hostile forms fill.
type cart struct {
	Items []struct {
		SKU   string
		Notes []struct{ Text string }
	}
}

// memory measures how much the process grows.
var memory = compare.Finding{
	Name: "Memory",
	Text: "How far the memory of the process grows (Linux) while hostile requests are served at once, and how much they allocate in all.",
	Find: func(short bool) (compare.Table, error) {
		table := compare.Table{Columns: []string{"requests", "server", "status", "peak, MB", "allocated, MB"}}
		hostile := attacks()
		if short {
			hostile = hostile[:1]
		}
		for _, a := range hostile {
			body := a.body()
			for _, who := range a.servers {
				debug.FreeOSMemory()
				resetPeak()
				before := peak()
				var start, end runtime.MemStats
				runtime.ReadMemStats(&start)
				status := a.serve(who.Handler, body)
				runtime.ReadMemStats(&end)
				grown := "-"
				if before > 0 {
					grown = fmt.Sprint((peak() - before) >> 10)
				}
				table.Row(a.name, who.name, status, grown, (end.TotalAlloc-start.TotalAlloc)>>20)
			}
		}
		return table, nil
	},
}

type server struct {
	name string
	http.Handler
}

// An attack is a number of concurrent requests.
type attack struct {
	name        string
	contentType string
	coding      string
	body        func() []byte
	count       int
	servers     []server
}

func attacks() []attack {
	const max = 4 << 20
	inflating := bodyparser.Config{Limit: max, Inflate: true}
	parsed := server{"kit, parsed", bodyparser.New(inflating)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ok(w) }))}
	forms := server{"kit", bind.HandlerWith(bind.Config{Parser: inflating}, func(w http.ResponseWriter, r *http.Request, _ cart) error {
		ok(w)
		return nil
	})}
	encoded := func(values url.Values) []byte { return []byte(values.Encode()) }
	const form = "application/x-www-form-urlencoded"
	return []attack{
		{"200 sparse indexes, 7 KB", form, "", func() []byte {
			sparse := make(url.Values)
			for i := range 200 {
				sparse.Set(fmt.Sprintf("Items.%d.Notes.15000.Text", i), "x")
			}
			return encoded(sparse)
		}, 1, []server{forms, {"gorilla/schema", gorillaForm(max)}}},
		{"170,000 keys of a form", form, "", func() []byte {
			keys := make(url.Values)
			for i := range 170_000 {
				keys.Set("k"+strconv.Itoa(i), "1")
			}
			return encoded(keys)
		}, 1, []server{forms, {"gin", ginForm(max)}, {"gorilla/schema", gorillaForm(max)}}},
		{"20 bombs of 100 KB, 100 MB inflated", "", "gzip", func() []byte { return bomb(100 << 20) }, 20,
			[]server{parsed, {"gzip over MaxBytesReader", gunzipped(max)}}},
		{"32 times 1 MB of JSON", "application/json", "", func() []byte { return document(1<<20, 36) }, 32,
			[]server{{"kit", kitOrders(bind.Config{Parser: inflating})}, parsed, {"gin", ginOrders(max)}, {"huma", humaOrders(max)}}},
	}
}

// serve returns the status of one of the responses.
func (a attack) serve(h http.Handler, body []byte) (status int) {
	var all sync.WaitGroup
	for i := range a.count {
		all.Go(func() {
			r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
			if a.contentType != "" {
				r.Header.Set("Content-Type", a.contentType)
			}
			if a.coding != "" {
				r.Header.Set("Content-Encoding", a.coding)
			}
			w := null.NewWriter()
			h.ServeHTTP(w, r)
			if i == 0 {
				status = w.Status
			}
		})
	}
	all.Wait()
	return status
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

// peak returns the peak resident memory of the process, in KB.
func peak() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	n, _ := strconv.Atoi(strings.Fields(line)[0])
	return n
}

// resetPeak resets the peak to the current value.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
