// Package bodyparser_test measures package bodyparser and its bind beside what
// Go services use to turn a request body into a checked value.
package bodyparser_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	report = flag.Bool("report", false, "measure, and print the tables of ratios")
	rounds = flag.Int("rounds", 25, "rounds of the report")
)

const limit = 4 << 20

// order is the document that all decode and check. Gin reads its own tag.
type order struct {
	ID       string   `json:"id" validate:"required" binding:"required"`
	Email    string   `json:"email" validate:"required,email" binding:"required,email"`
	Age      int      `json:"age" validate:"gte=18,lte=130" binding:"gte=18,lte=130"`
	Tags     []string `json:"tags" validate:"max=20" binding:"max=20"`
	Address  address  `json:"address"`
	Items    []item   `json:"items" validate:"dive" binding:"dive"`
	Comments string   `json:"comments"`
}

type address struct {
	Street string `json:"street" validate:"required,max=200" binding:"required,max=200"`
	City   string `json:"city" validate:"required" binding:"required"`
	Zip    string `json:"zip" validate:"required,min=4,max=10" binding:"required,min=4,max=10"`
}

type item struct {
	SKU   string  `json:"sku" validate:"required" binding:"required"`
	Qty   int     `json:"qty" validate:"gte=1,lte=1000" binding:"gte=1,lte=1000"`
	Price float64 `json:"price" validate:"gte=0" binding:"gte=0"`
	Gift  bool    `json:"gift"`
	Note  string  `json:"note,omitempty"`
}

// document returns an order of n bytes.
func document(n int) []byte {
	o := order{
		ID: "ord_7f3a", Email: "ada@example.org", Age: 36, Tags: []string{"a", "new"},
		Address: address{Street: "1 Long Road", City: "Oslo", Zip: "0150"},
	}
	for i := 0; ; i++ {
		text, err := json.Marshal(o)
		if err != nil {
			panic(err)
		}
		if missing := n - len(text); missing < 150 {
			o.Comments = strings.Repeat("x", max(0, missing))
			text, _ = json.Marshal(o)
			return text
		}
		o.Items = append(o.Items, item{
			SKU: fmt.Sprintf("sku-%06d", i), Qty: 1 + i%900, Price: float64(i)*1.25 + 0.5, Gift: i%2 == 0,
			Note: `plain text with a "quote" and é`,
		})
	}
}

var sizes = []int{200, 2 << 10, 100 << 10}

// A rival turns one body after another into a value, or only reads it.
type rival struct {
	name  string
	serve func(body []byte) // one request
}

// over makes a rival of a handler.
func over(name string, h http.Handler) rival {
	ctx, cancel := context.WithCancel(context.Background())
	_ = cancel // that of net/http can be cancelled, which is what it costs
	template := httptest.NewRequest("POST", "/", nil).WithContext(ctx)
	template.Header.Set("Content-Type", "application/json")
	w, r, body := &null{header: http.Header{}}, new(http.Request), &stream{}
	return rival{name, func(text []byte) {
		*r = *template
		body.Reset(text)
		r.Body, r.ContentLength = body, int64(len(text))
		clear(w.header)
		w.status = 0
		h.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			panic(fmt.Sprintf("%s: status %d", name, w.status))
		}
	}}
}

type stream struct{ bytes.Reader }

func (*stream) Close() error { return nil }

// null is a ResponseWriter that can all that the one of net/http can, and does
// nothing.
type null struct {
	header http.Header
	status int
}

func (w *null) Header() http.Header                          { return w.header }
func (w *null) WriteHeader(status int)                       { w.status = status }
func (w *null) Write(p []byte) (int, error)                  { return len(p), nil }
func (w *null) WriteString(s string) (int, error)            { return len(s), nil }
func (w *null) ReadFrom(r io.Reader) (int64, error)          { return io.Copy(io.Discard, r) }
func (w *null) Flush()                                       {}
func (w *null) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrNotSupported }
func (w *null) SetReadDeadline(time.Time) error              { return nil }
func (w *null) SetWriteDeadline(time.Time) error             { return nil }

var okBody = []byte("ok")

func ok(w http.ResponseWriter) {
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(okBody)
}

// answer is how the rivals without an answer of their own say that they failed.
func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ok(w)
}

func BenchmarkRead(b *testing.B) { bench(b, readers()) }
func BenchmarkBind(b *testing.B) { bench(b, binders()) }

func bench(b *testing.B, rivals []rival) {
	for _, n := range sizes {
		text := document(n)
		for _, r := range rivals {
			b.Run(fmt.Sprintf("%d/%s", n, r.name), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					r.serve(text)
				}
			})
		}
	}
}

// TestReport prints what one run measures. Rivals take turns, so that what else
// the machine does falls on all of them, and the quicker rounds count.
// Without -report it runs each of them once.
//
//	go test ./bodyparser -run Report -report -v
func TestReport(t *testing.T) {
	out := tabwriter.NewWriter(io.Discard, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	turn := time.Duration(0)
	if *report {
		turn = 2 * time.Millisecond
		out = tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	} else {
		*rounds = 1
	}
	defer out.Flush()
	for _, n := range sizes {
		table(out, fmt.Sprintf("read, %d bytes", n), readers(), document(n), turn)
	}
	for _, n := range sizes {
		table(out, fmt.Sprintf("decode and check, %d bytes", n), binders(), document(n), turn)
	}
}

func table(out io.Writer, title string, rivals []rival, text []byte, turn time.Duration) {
	times := make([][]float64, len(rivals))
	for round := range *rounds {
		for i := range rivals {
			i = (i + round) % len(rivals)
			r, n := rivals[i], 0
			start := time.Now()
			for n == 0 || time.Since(start) < turn {
				for range 8 {
					r.serve(text)
				}
				n += 8
			}
			times[i] = append(times[i], float64(time.Since(start).Nanoseconds())/float64(n))
		}
	}
	first := quick(times[0])
	fmt.Fprintf(out, "\n%s\tns\tx %s\tallocs\tbytes\t\n", title, rivals[0].name)
	for i, r := range rivals {
		allocs, size := cost(func() { r.serve(text) })
		fmt.Fprintf(out, "%s\t%.0f\t%.2f\t%d\t%d\t\n", r.name, quick(times[i]), quick(times[i])/first, allocs, size)
	}
}

// cost returns what one call allocates, on average.
func cost(f func()) (allocs, size uint64) {
	const loops = 50
	var before, after runtime.MemStats
	f()
	runtime.ReadMemStats(&before)
	for range loops {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / loops, (after.TotalAlloc - before.TotalAlloc) / loops
}

// quick returns the time of the quicker rounds: what else the machine does can
// only add to it.
func quick(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/5]
}
