// Package bodyparser compares packages bodyparser and bind with what Go services use
// to decode and validate a request body.
package bodyparser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/null"
)

// limit is the body limit of all.
const limit = 16 << 20

// order is the document that all decode and validate. Gin reads its own tag.
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

// document returns an order of n bytes, for a buyer of that age.
func document(n, age int) []byte {
	o := order{
		ID: "ord_7f3a", Email: "ada@example.org", Age: age, Tags: []string{"a", "new"},
		Address: address{Street: "1 Long Road", City: "Oslo", Zip: "0150"},
	}
	missing := n - len(marshal(o))
	for i := 0; missing >= 200; i++ {
		o.Items = append(o.Items, item{
			SKU: fmt.Sprintf("sku-%06d", i), Qty: 1 + i%900, Price: float64(i)*1.25 + 0.5, Gift: i%2 == 0,
			Note: `plain text with a "quote" and é`,
		})
		missing -= len(marshal(o.Items[i])) + len(",")
	}
	o.Comments = strings.Repeat("x", max(0, n-len(marshal(o))))
	return marshal(o)
}

func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// The last decoded value, while a test records it.
var (
	asking  bool
	decoded string
)

// got receives the value from all handlers.
func got[T any](v *T) {
	if asking {
		decoded = string(marshal(*v))
	}
}

var okBody = []byte("ok")

func ok(w http.ResponseWriter) {
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(okBody)
}

// answer is the error response of rivals that do not send their own.
func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ok(w)
}

// A rival decodes bodies into a value, or only reads them.
type rival struct {
	name   string
	module string
	role   compare.Role
	start  func() (send func(body []byte) (status int))
}

// over returns a rival for a handler.
func over(name, module string, handler func() http.Handler) rival {
	return rival{name: name, module: module, start: func() func([]byte) int {
		h := handler()
		w, requests := null.NewWriter(), null.NewRequest("POST", "/", "Content-Type", "application/json")
		return func(body []byte) int {
			w.Reset()
			h.ServeHTTP(w, requests.Fresh(body))
			return w.Status
		}
	}}
}

// kit returns a rival of the kit.
func kit(name string, handler func() http.Handler) rival {
	r := over(name, "", handler)
	r.role = compare.Kit
	return r
}

func readers() []rival { return append(append(kitReaders(), copied), stdlibReaders()...) }

func binders() []rival {
	all := append(kitBinders(), unmarshalled, ginBinder)
	all = append(all, stdlibBinders()...)
	return append(all, echoBinder, chiBinder, fiberBinder, humaBinder, httpinBinder)
}

// compared lets the rivals read a document. If it is bound, and not only read, they
// also have to reject an invalid one.
func compared(name, growth string, size int, bound bool, rivals []rival) compare.Comparison {
	text := sync.OnceValue(func() []byte { return document(size, 36) })
	c := compare.Comparison{
		Name: fmt.Sprintf("%s%s", name, human(size)), Unit: "request", Want: "the document", Growth: growth, Size: float64(size), Heavy: size > 1<<20 || bound && size == 1<<20,
	}
	for _, r := range rivals {
		c.Contenders = append(c.Contenders, compare.Contender{Name: r.name, Module: r.module, Role: r.role, Start: func(run *compare.Run) func() {
			text, send := text(), r.start()
			if r.role != compare.Floor {
				run.Answer(func() string {
					asking = true
					defer func() { asking = false }()
					status := send(text)
					if status != http.StatusOK || decoded != string(text) {
						return fmt.Sprintf("%d %s", status, decoded)
					}
					if bound && send(document(200, 3)) == http.StatusOK {
						return "the invalid too"
					}
					return "the document"
				})
			}
			return func() {
				if status := send(text); status != http.StatusOK {
					panic(fmt.Sprintf("%s: status %d", r.name, status))
				}
			}
		}})
	}
	return c
}

func human(size int) string {
	switch {
	case size >= 1<<20:
		return fmt.Sprintf("%dMB", size>>20)
	case size >= 1<<10:
		return fmt.Sprintf("%dKB", size>>10)
	}
	return fmt.Sprintf("%dB", size)
}

// Suite has the comparisons of package bodyparser.
func Suite() compare.Suite {
	s := compare.Suite{
		Name: "body",
		Text: "An order in JSON, in memory already, is read (`Read`), or decoded into the same struct and checked by the same rules (`Bind`): " +
			"validator for all but huma, which has tags of its own. All have a limit of 16 MB. Gin, stdlib and httpin get theirs from http.MaxBytesReader. " +
			"Before it is timed, each has to decode the order without loss, and to refuse one that breaks a rule. " +
			"`kit` reads and binds in one step; `kit, lent` is how it reads for that. " +
			"Fiber is not net/http: it has the body in memory when a handler begins, and what it took to read it is not in its figure.",
		Findings: []compare.Finding{limits, memory},
	}
	for _, size := range []int{200, 2 << 10, 20 << 10, 100 << 10, 1 << 20, 10 << 20} {
		s.Comparisons = append(s.Comparisons, compared("Read", "read", size, false, readers()))
	}
	for _, size := range []int{200, 2 << 10, 20 << 10, 100 << 10, 1 << 20, 10 << 20} {
		s.Comparisons = append(s.Comparisons, compared("Bind", "bind", size, true, binders()))
	}
	for _, size := range []int{200, 2 << 10, 200 << 10, 1 << 20} {
		s.Comparisons = append(s.Comparisons, valued(size))
	}
	s.Comparisons = append(s.Comparisons, refused(200), refused(2<<10))
	return s
}
