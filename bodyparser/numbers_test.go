package bodyparser_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/internal/testkit"
)

// TestDecodeKeepsDigits: anywhere a number is decoded without its own
// type, whatever value was there before.
func TestDecodeKeepsDigits(t *testing.T) {
	type open struct {
		ID   int64
		Meta any
		Data map[string]any
		List []any
		Deep []map[string]struct{ V *any }
		Next *open
		Raw  json.RawMessage
	}
	type document map[string]any
	const digits = "9007199254740993"
	n := json.Number(digits)
	var boxed any = n
	for _, test := range []struct {
		why  string
		text string
		dst  any
		want any
	}{
		{"any", digits, new(any), n},
		{"a map", `{"a":` + digits + `}`, new(map[string]any), map[string]any{"a": n}},
		{"a map of a type", `{"a":[` + digits + `]}`, new(document), document{"a": []any{n}}},
		{"a list", `[` + digits + `,{"a":` + digits + `}]`, new([]any), []any{n, map[string]any{"a": n}}},
		{"a list of maps", `[{"a":` + digits + `}]`, new([]map[string]any), []map[string]any{{"a": n}}},
		{"a map of lists", `{"a":[` + digits + `]}`, new(map[string][]any), map[string][]any{"a": {n}}},
		{"fields", ` {"id":` + digits + `,"META":` + digits + `,"data":{"a":` + digits + `},"list":[` + digits + `],
			"deep":[{"x":{"v":` + digits + `}}],"next":{"meta":[` + digits + `]},"raw":1} `, new(open),
			open{ID: 9007199254740993, Meta: n, Data: map[string]any{"a": n}, List: []any{n},
				Deep: []map[string]struct{ V *any }{{"x": {&boxed}}}, Next: &open{Meta: []any{n}}, Raw: json.RawMessage("1")}},
		{"a map that has something", `{"b":` + digits + `}`, &map[string]any{"a": 1}, map[string]any{"a": 1, "b": n}},
		{"null for a map", `null`, &map[string]any{"a": 1}, map[string]any(nil)},
		{"null for any", ` null`, new(any), nil},
		{"an any that leads to a type", `{"id":7}`, func() *any { var v any = new(open); return &v }(), &open{ID: 7}},
	} {
		if err := parse(t, jsonType, test.text).Decode(test.dst); err != nil {
			t.Errorf("%s: %v", test.why, err)
		}
		got := reflect.ValueOf(test.dst).Elem().Interface()
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %#v, want %#v", test.why, got, test.want)
		}
	}

	for why, dst := range map[string]any{"any": new(any), "a field": new(open), "a list of maps": new([]map[string]any)} {
		for _, text := range []string{`{"meta":1e999}`, `[{"meta":-1e999}]`} {
			if err := parse(t, jsonType, text).Decode(dst); statusOf(err) != 400 {
				t.Errorf("%s of %s: %v, want 400", why, text, err)
			}
		}
	}
	var exact struct{ Price json.Number }
	if err := parse(t, jsonType, `{"price":1e999}`).Decode(&exact); err != nil || exact.Price != "1e999" {
		t.Errorf("a type that holds any number: %v, %v", exact, err)
	}
}

// TestDecodeAgain: the state that one text leaves in a decoder does not affect
// the next.
func TestDecodeAgain(t *testing.T) {
	type open struct{ Meta any }
	for range 3 {
		for text, status := range map[string]int{
			`{"meta":1}` + "  \n": 200, `{"meta":[1]}`: 200, `[1]`: 400, `{"meta":`: 400, `{} x`: 400, `{"meta":"` + strings.Repeat("x", 300<<10) + `"}`: 200,
		} {
			var dst open
			err := parsePooled(nil, post(jsonType, text), bodyparser.Config{}, func(b *bodyparser.Body) error { return b.Decode(&dst) })
			if statusOf(err) != status {
				t.Errorf("%.20s: %v, want %d", text, err, status)
			}
		}
	}
}

// A destination that cannot be decoded into is a fault of the service.
func TestDecodeDestination(t *testing.T) {
	for _, dst := range []any{nil, (*any)(nil), (*struct{})(nil), struct{}{}, map[string]any{}} {
		err := parse(t, jsonType, `{}`).Decode(dst)
		if _, hasStatus := err.(interface{ StatusCode() int }); err == nil || hasStatus {
			t.Errorf("Decode(%T): %v, want an error without a status", dst, err)
		}
	}
}

// TestBodyValueMemory: a value that keeps its digits takes no more memory than one
// that is read and decoded by the standard library.
func TestBodyValueMemory(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	document := func(size int) string {
		var b strings.Builder
		b.WriteString(`{"items":[`)
		for i := 0; b.Len() < size-100 || i == 0; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			item, _ := json.Marshal(map[string]any{"sku": "sku-" + strings.Repeat("7", i%9), "qty": i % 900, "price": float64(i)*1.25 + 0.5, "gift": i%2 == 0, "note": `a "quote" and é`})
			b.Write(item)
		}
		return b.String() + `]}`
	}
	floats := func(size int) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			text, _ := json.Marshal(float64(i) * 1.37)
			b.WriteByte(',')
			b.Write(text)
		}
		return "[" + b.String()[1:] + "]"
	}
	for why, text := range map[string]string{
		"200 bytes": document(200), "2 KB": document(2 << 10), "200 KB": document(200 << 10), "1 MB": document(1<<20 - 300),
		"300 bytes of numbers": floats(300), "1 MB of numbers": floats(1<<20 - 30), "200 KB of zeros": "[" + strings.Repeat("0,", 50_000) + "0]",
	} {
		cfg := bodyparser.Config{MaxValues: -1}
		read := func(r *http.Request) (v any, err error) {
			text, err := io.ReadAll(r.Body)
			if err == nil {
				err = json.Unmarshal(text, &v)
			}
			return v, err
		}
		value := func(r *http.Request) (any, error) {
			b, err := bodyparser.Parse(nil, r, cfg)
			if err != nil {
				return nil, err
			}
			return b.Value()
		}
		decode := func(r *http.Request) (v any, err error) {
			b, err := bodyparser.Parse(nil, r, cfg)
			if err == nil {
				err = b.Decode(&v)
			}
			return v, err
		}
		most := memoryOf(t, text, read)
		for how, fn := range map[string]func(*http.Request) (any, error){"Value": value, "Decode": decode} {
			if got := memoryOf(t, text, fn); got > most {
				t.Errorf("%s: %s allocates %d bytes, io.ReadAll and json.Unmarshal %d", why, how, got, most)
			} else {
				t.Logf("%s: %s allocates %d bytes, io.ReadAll and json.Unmarshal %d", why, how, got, most)
			}
		}
	}
}

// memoryOf returns how many bytes fn allocates for a request with the text.
func memoryOf(t *testing.T, text string, fn func(*http.Request) (any, error)) uint64 {
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Content-Type", jsonType)
	body, data := new(bytes.Reader), []byte(text)
	run := func() {
		body.Reset(data)
		r.Body, r.ContentLength = io.NopCloser(body), int64(len(text))
		if _, err := fn(r); err != nil {
			t.Fatal(err)
		}
	}
	runs := uint64(max(1, min(20, 400_000/len(text))))
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a GC would empty the pools
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))  // each has a pool of its own
	run()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		run()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}
