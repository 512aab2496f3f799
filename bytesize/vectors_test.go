package bytesize_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/apiece/apiece/bytesize"
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

// TestVectors holds Parse to the verdicts recorded for npm's bytes: every text
// that package reads as a whole is the same size here, and every other text is
// an error which says what Next.js makes of it.
func TestVectors(t *testing.T) {
	var file struct{ Cases []vector }
	readJSON(t, "testdata/bytes.json", &file)
	var deviations map[string][]struct{ ID string }
	readJSON(t, "testdata/deviations.json", &deviations)
	if n := len(deviations["bytes.json"]); n != 0 {
		t.Fatalf("%d deviations, and this test knows none", n)
	}

	var accepted, rejected, numbers, formats int
	for _, v := range file.Cases {
		switch v.Input.Op + " " + v.Expected.Kit {
		case "parse accept":
			accepted++
			testAccepted(t, v.ID, v.Input.Value.(string), bytesize.Size(v.Expected.Size))
		case "parse reject":
			rejected++
			testRejected(t, v, v.Input.Value.(string))
		case "parse_number ":
			numbers++
			testNumber(t, v)
		case "format ":
			formats++ // npm rounds to two decimals, ours is exact: information only
		default:
			t.Errorf("%s: operation %q, verdict %q", v.ID, v.Input.Op, v.Expected.Kit)
		}
	}
	t.Logf("%d accepted, %d rejected, %d numbers; %d formats not compared", accepted, rejected, numbers, formats)
	if accepted == 0 || rejected == 0 || numbers == 0 {
		t.Error("vectors are missing")
	}
}

// TestNextVectors runs the cases recorded from the copy of npm's bytes inside
// Next.js. A case that is excepted must differ, or its exception is stale.
func TestNextVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			ID, Kind, Portability string
			Input                 struct {
				Text  string
				Bytes int64
			}
			Expected struct {
				Text  string
				Bytes any // a string if it is NaN
			}
		}
	}
	readJSON(t, "testdata/api-behaviour.json", &file)
	var deviations map[string][]struct{ ID, Why string }
	readJSON(t, "testdata/deviations.json", &deviations)
	excepted := make(map[string]string)
	for _, d := range deviations["api-behaviour.json"] {
		excepted[d.ID] = d.Why
	}

	var passed, differ, open int
	for _, v := range file.Cases {
		var problem string
		switch v.Kind {
		case "bytes-parse":
			if got, err := bytesize.Parse(v.Input.Text); err != nil || v.Expected.Bytes != float64(got) {
				problem = fmt.Sprintf("Parse(%q) = %d, %v; want %v", v.Input.Text, got, err, v.Expected.Bytes)
			}
		case "bytes-format":
			if got := bytesize.Size(v.Input.Bytes).String(); got != v.Expected.Text {
				problem = fmt.Sprintf("Size(%d).String() = %q, want %q", v.Input.Bytes, got, v.Expected.Text)
			}
		default:
			t.Errorf("%s: kind %q", v.ID, v.Kind)
		}
		why, ok := excepted[v.ID]
		delete(excepted, v.ID)
		switch {
		case ok && problem == "":
			t.Errorf("%s passes; its exception is stale: %s", v.ID, why)
		case ok:
			differ++
		case v.Portability != "core":
			open++ // what the strict grammar decides; TestVectors has the same texts
		case problem != "":
			t.Errorf("%s: %s", v.ID, problem)
		default:
			passed++
		}
	}
	for id := range excepted {
		t.Errorf("an exception for %s, which is no case", id)
	}
	t.Logf("%d passed, %d excepted, %d not core", passed, differ, open)
	if passed == 0 {
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

	// Where Next.js carries on with some number, the error has to say so.
	want := "Next.js"
	if n, ok := v.Expected.Next.(float64); ok && n >= 0 && n < 1<<53 && text[0] != '-' {
		want = fmt.Sprintf(`Next.js reads "%.0fb"`, n)
	}
	if !strings.Contains(syntax.Hint, want) {
		t.Errorf("%s: hint %q does not contain %q", v.ID, syntax.Hint, want)
	}
}

// testNumber compares what a number in JSON becomes. npm passes every number
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

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}
