package bytesize_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
)

type vector struct {
	ID    string
	Input struct {
		Op    string
		Value any
	}
	Expected struct {
		Next any    `json:"next_bundled"` // what the copy of npm's bytes in Next.js returns
		Kit  string // accept or reject
		Size int64  `json:"kit_value"`
		Why  string `json:"kit_reason"`
	}
}

// TestParseVectors compares Parse with the results recorded for npm's bytes: every
// text that it reads as a whole is the same size here, and every other text is
// an error which says what Next.js makes of it.
func TestParseVectors(t *testing.T) {
	accepted, rejected, numbers := 0, 0, 0
	for _, v := range testkit.Vectors[vector](t, "bytes.json", "kit") {
		switch c := v.Case; c.Input.Op + " " + c.Expected.Kit {
		case "parse accept":
			accepted++
			testAccepted(t, v.ID, c.Input.Value.(string), bytesize.Size(c.Expected.Size))
		case "parse reject":
			rejected++
			testRejected(t, c, c.Input.Value.(string))
		case "parse_number ":
			numbers++
			testNumber(t, c)
		case "format ":
			v.Leave("formats, which npm rounds") // ours are exact
			continue
		default:
			t.Errorf("%s: operation %q, verdict %q", v.ID, c.Input.Op, c.Expected.Kit)
		}
		v.Settle(nil)
	}
	t.Logf("%d accepted, %d rejected, %d numbers", accepted, rejected, numbers)
	if accepted == 0 || rejected == 0 || numbers == 0 {
		t.Error("vectors are missing")
	}
}

func testAccepted(t *testing.T, id, text string, want bytesize.Size) {
	t.Helper()
	got, err := bytesize.Parse(text)
	if err != nil || got != want {
		t.Errorf("%s: Parse(%q) = %d, %v; want %d", id, text, got, err, want)
	}
	var s bytesize.Size
	if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
		t.Errorf("%s: UnmarshalText(%q) = %d, %v; want %d", id, text, s, err, want)
	}
	if again, err := bytesize.Parse(got.String()); err != nil || again != got {
		t.Errorf("%s: Parse(%q) = %d, %v; want %d", id, got, again, err, got)
	}
}

func testRejected(t *testing.T, v vector, text string) {
	t.Helper()
	_, err := bytesize.Parse(text)
	syntax, ok := errors.AsType[*bytesize.SyntaxError](err)
	if !ok {
		t.Errorf("%s: Parse(%q): error %v, want a *SyntaxError (%s)", v.ID, text, err, v.Expected.Why)
		return
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("offset %d", syntax.Offset)) {
		t.Errorf("%s: %q does not say its offset", v.ID, err)
	}
	s := bytesize.Size(42)
	if err := s.UnmarshalText([]byte(text)); err == nil || s != 42 {
		t.Errorf("%s: UnmarshalText(%q) = %d, %v; want an error, and 42 as before", v.ID, text, s, err)
	}
	if !panics(func() { bytesize.MustParse(text) }) {
		t.Errorf("%s: MustParse(%q) did not panic", v.ID, text)
	}

	// If Next.js continues with some number, the error has to say so.
	want := "Next.js"
	if n, ok := v.Expected.Next.(float64); ok && n >= 0 && n < 1<<53 && text[0] != '-' {
		want = fmt.Sprintf(`Next.js reads "%.0fb"`, n)
	}
	if !strings.Contains(syntax.Hint, want) {
		t.Errorf("%s: hint %q does not contain %q", v.ID, syntax.Hint, want)
	}
}

// testNumber compares the results of JSON numbers. npm passes every number
// through; a limit has to be a whole number and not negative.
func testNumber(t *testing.T, v vector) {
	t.Helper()
	n := v.Input.Value.(float64)
	text, _ := json.Marshal(int64(n))
	if float64(int64(n)) != n {
		text, _ = json.Marshal(n)
	}
	var s bytesize.Size
	err := json.Unmarshal(text, &s)
	if n >= 0 && float64(int64(n)) == n {
		if err != nil || float64(s) != v.Expected.Next {
			t.Errorf("%s: %s = %d, %v; want %v", v.ID, text, s, err, v.Expected.Next)
		}
	} else if err == nil {
		t.Errorf("%s: %s = %d, want an error", v.ID, text, s)
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}
