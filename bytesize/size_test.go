package bytesize_test

import (
	"encoding/json"
	"errors"
	"flag"
	"math"
	"testing"

	"github.com/apiece/apiece/bytesize"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want bytesize.Size
		why  string
	}{
		{"unlimited", bytesize.Unlimited, "the word for no limit"},
		{"Unlimited", bytesize.Unlimited, "words, like units, in either case"},
		{"+0", 0, "a plus sign is part of the grammar"},
		{"1   kB", bytesize.KB, "any number of spaces"},
		{"3Gb", 3 * bytesize.GB, "either case"},
		{"1.0kb", bytesize.KB, "a fraction of nothing"},
		{"1.9999999999999999999999kb", 2047, "floating point would round this up to 2048"},
		{"0.99999999999999999999pb", bytesize.PB - 1, "and this to a whole petabyte"},
		{"0.1mb", 104857, "104857.6, rounded down"},
		{"7.999999999999999999pb", 8*bytesize.PB - 1, "2^53-1, reached by a fraction"},
		{"00000000000000000000000000001kb", bytesize.KB, "leading zeros do not overflow"},
		{"9007199254740992b", 1 << 53, "above 2^53-1 to the byte"},
		{"9223372036854775807 B", math.MaxInt64, "the largest size"},
	}
	for _, tt := range tests {
		if got, err := bytesize.Parse(tt.text); err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %d, %v; want %d: %s", tt.text, got, err, tt.want, tt.why)
		}
	}
}

// TestSyntaxError pins the messages that users see.
func TestSyntaxError(t *testing.T) {
	tests := []struct {
		text   string
		offset int
		reason string
		hint   string
	}{
		{"500k", 3, `unknown unit "k"`, `write "500kb" or "500b"; Next.js reads "500b"`},
		{"1.5K", 3, `unknown unit "K"`, `write "1.5kb"; Next.js reads "1b"`},
		{"1MiB", 1, `unknown unit "MiB"`, `write "1mb" or "1b"; Next.js reads "1b"`},
		{"10 gigabytes", 3, `unknown unit "gigabytes"`, `write "10gb" or "10b"; Next.js reads "10b"`},
		{"1\u212ab", 1, "unknown unit \"\u212ab\"", `the units are b, kb, mb, gb, tb and pb; Next.js reads "1b"`},
		{" 1mb", 0, "space before the number", `remove it; Next.js reads "1b"`},
		{"1mb ", 3, "text after the size", `write "1mb"; Next.js reads "1b"`},
		{"1 ", 1, "space after the size", `remove it; Next.js reads "1b"`},
		{"1\tmb", 1, `'\t' after the number`, `use plain spaces, and only before a unit; Next.js reads "1b"`},
		{"1,000kb", 1, `',' in the number`, `write the digits without separators; Next.js reads "1b"`},
		{"1e3kb", 1, `unknown unit "e"`, `write the number in decimal digits; Next.js reads "1b"`},
		{"0x10", 1, `unknown unit "x"`, `write the number in decimal digits; Next.js reads "0b"`},
		{"1.5", 1, "fraction of a byte", `write whole bytes, or a larger unit; Next.js reads "1b"`},
		{"+1.5b", 2, "fraction of a byte", `write whole bytes, or a larger unit; Next.js reads "1b"`},
		{".5mb", 0, "no digit before the point", `write "0.5mb"; Next.js reads no number, and applies no limit`},
		{"1.mb", 2, "no digit after the point", `write a size such as "1.5mb" or "500b"; Next.js reads "1b"`},
		{"1/2mb", 1, `'/' after the number`, `write a size such as "1.5mb" or "500b"; Next.js reads "1b"`},
		{"mb", 0, "no number", `write a size such as "1.5mb" or "500b", or "unlimited"; Next.js reads no number, and applies no limit`},
		{"+", 1, "no number", `write a size such as "1.5mb" or "500b", or "unlimited"; Next.js reads no number, and applies no limit`},
		{"", 0, "no size", `write a size such as "1.5mb" or "500b", or leave it out for the default, which is how Next.js reads it`},
		{"-1", 0, "negative size", `write "unlimited" for no limit; a negative limit lets nothing pass in Next.js`},
		{"8pb", 0, "more than 2^53-1 bytes", `write "unlimited" for no limit; Next.js goes on with a rounded number`},
		{"9007199254740992", 0, "more than 2^53-1 bytes", `write "unlimited" for no limit; Next.js goes on with a rounded number`},
		{"+9223372036854775808b", 1, "more than 2^53-1 bytes", `write "unlimited" for no limit; Next.js goes on with a rounded number`},
	}
	for _, tt := range tests {
		_, err := bytesize.Parse(tt.text)
		got, ok := errors.AsType[*bytesize.SyntaxError](err)
		if !ok {
			t.Errorf("Parse(%q): error %v, want a *SyntaxError", tt.text, err)
			continue
		}
		if want := (bytesize.SyntaxError{tt.text, tt.offset, tt.reason, tt.hint}); *got != want {
			t.Errorf("Parse(%q):\n got %+v\nwant %+v", tt.text, *got, want)
		}
	}
	_, err := bytesize.Parse("500k")
	const want = `bytesize: "500k": unknown unit "k" at offset 3: write "500kb" or "500b"; Next.js reads "500b"`
	if err.Error() != want {
		t.Errorf("\n got %s\nwant %s", err, want)
	}
}

func TestSizeString(t *testing.T) {
	tests := []struct {
		size bytesize.Size
		want string
		why  string
	}{
		{0, "0b", "no bytes"},
		{1, "1b", ""},
		{512, "512b", "not 0.5kb: a unit is never larger than the size"},
		{1000, "1000b", ""},
		{bytesize.KB, "1kb", ""},
		{bytesize.KB + 1, "1025b", "1.0009765625kb is more than three decimals"},
		{1152, "1.125kb", "three decimals"},
		{1088, "1088b", "1.0625kb is four"},
		{1536, "1.5kb", "no trailing zeros"},
		{2176, "2.125kb", "Next.js rounds to 2.13KB"},
		{bytesize.MB, "1mb", ""},
		{bytesize.MB - 128, "1023.875kb", "still less than a megabyte"},
		{1234567, "1234567b", ""},
		{4*bytesize.MB + bytesize.MB/2, "4.5mb", ""},
		{bytesize.GB + bytesize.MB, "1025mb", "1.0009765625gb is not exact in three decimals"},
		{bytesize.TB, "1tb", ""},
		{7 * bytesize.PB, "7pb", "the largest whole number of petabytes with a unit"},
		{1<<53 - 1, "9007199254740991b", ""},
		{1 << 53, "9007199254740992b", "no unit from here on"},
		{math.MaxInt64, "9223372036854775807b", ""},
		{bytesize.Unlimited, "unlimited", ""},
		{-2, "unlimited", "every negative size turns a limit off"},
		{math.MinInt64, "unlimited", ""},
	}
	for _, tt := range tests {
		if got := tt.size.String(); got != tt.want {
			t.Errorf("Size(%d).String() = %q, want %q %s", int64(tt.size), got, tt.want, tt.why)
		}
		checkRoundTrip(t, tt.size)
	}
}

// TestSizeRoundTrip tests around every size where the text changes its unit, its
// decimals or its rules.
func TestSizeRoundTrip(t *testing.T) {
	for shift := range 63 {
		for _, eighths := range []bytesize.Size{8, 9, 12, 15} {
			for delta := range bytesize.Size(5) {
				checkRoundTrip(t, (1<<shift)/8*eighths+delta-2)
			}
		}
	}
}

// checkRoundTrip asserts that text and JSON hold the size exactly. Negative
// sizes all become Unlimited.
func checkRoundTrip(t *testing.T, s bytesize.Size) {
	t.Helper()
	want := max(s, bytesize.Unlimited)
	if got, err := bytesize.Parse(s.String()); err != nil || got != want {
		t.Errorf("Parse(%q) = %d, %v; want %d", s.String(), got, err, want)
	}
	text, err := s.MarshalText()
	if err != nil || string(text) != s.String() {
		t.Errorf("Size(%d).MarshalText() = %q, %v; want %q", int64(s), text, err, s.String())
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Errorf("json.Marshal(%d): %v", int64(s), err)
	}
	got := bytesize.Size(42)
	if err := json.Unmarshal(data, &got); err != nil || got != want {
		t.Errorf("json.Unmarshal(%s) = %d, %v; want %d", data, got, err, want)
	}
}

func TestSizeJSON(t *testing.T) {
	const before = 42
	tests := []struct {
		json string
		want bytesize.Size // 0 with ok false
		ok   bool
		why  string
	}{
		{`4194304`, 4 * bytesize.MB, true, "a number is bytes"},
		{`0`, 0, true, "the default"},
		{`"4mb"`, 4 * bytesize.MB, true, "the text form"},
		{`"\u0034mb"`, 4 * bytesize.MB, true, "JSON escapes are JSON's"},
		{`"unlimited"`, bytesize.Unlimited, true, "the word"},
		{`false`, bytesize.Unlimited, true, "responseLimit: false"},
		{`null`, before, true, "nothing is said, nothing changes"},
		{`true`, 0, false, "Next.js reads true as the default of the moment; leave the setting out"},
		{`1.5`, 0, false, "a fraction of a byte"},
		{`1.0`, 0, false, "no fractions at all, as for Go's integers"},
		{`1e6`, 0, false, "no exponents either"},
		{`-1`, 0, false, "false is the word for no limit"},
		{`-0`, 0, false, ""},
		{`9007199254740993`, 0, false, "JavaScript would read another number"},
		{`"500k"`, 0, false, "the trap is one in JSON too"},
		{`""`, 0, false, "no size"},
		{`"false"`, 0, false, "false is not a string"},
		{`"-1"`, 0, false, ""},
		{`{}`, 0, false, ""},
		{`["1mb"]`, 0, false, ""},
	}
	for _, tt := range tests {
		s := bytesize.Size(before)
		err := json.Unmarshal([]byte(tt.json), &s)
		if tt.ok {
			if err != nil || s != tt.want {
				t.Errorf("%s = %d, %v; want %d: %s", tt.json, s, err, tt.want, tt.why)
			}
			continue
		}
		syntax, ok := errors.AsType[*bytesize.SyntaxError](err)
		if !ok || syntax.Hint == "" {
			t.Errorf("%s: error %v, want a *SyntaxError with a hint: %s", tt.json, err, tt.why)
		}
		if s != before {
			t.Errorf("%s: the size became %d in spite of the error", tt.json, s)
		}
	}
}

// TestSizeUnmarshalJSON calls the method with input that encoding/json
// never passes to it.
func TestSizeUnmarshalJSON(t *testing.T) {
	for _, data := range []string{"", `"`, `"1mb`, "unlimited", "+1", " 1", "nul"} {
		s := bytesize.Size(42)
		if err := s.UnmarshalJSON([]byte(data)); err == nil || s != 42 {
			t.Errorf("UnmarshalJSON(%q) = %d, %v; want an error, and 42 as before", data, s, err)
		}
	}
}

func TestSizeFlag(t *testing.T) {
	var limit bytesize.Size
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(t.Output())
	flags.TextVar(&limit, "limit", 4*bytesize.MB, "largest body")
	if got := flags.Lookup("limit").DefValue; got != "4mb" {
		t.Errorf("default %q, want 4mb", got)
	}
	if err := flags.Parse([]string{"-limit=500kb"}); err != nil || limit != 500*bytesize.KB {
		t.Errorf("-limit=500kb: %d, %v", limit, err)
	}
	if err := flags.Parse([]string{"-limit=500k"}); err == nil {
		t.Error("-limit=500k: no error")
	}
}

func TestParseAllocs(t *testing.T) {
	for _, text := range []string{"1048576", "4mb", "1.15 MB", "unlimited"} {
		if n := testing.AllocsPerRun(100, func() { bytesize.Parse(text) }); n != 0 {
			t.Errorf("Parse(%q): %v allocations, want 0", text, n)
		}
	}
	size := 4*bytesize.MB + bytesize.MB/2
	if n := testing.AllocsPerRun(100, func() { _ = size.String() }); n > 1 {
		t.Errorf("String: %v allocations, want 1", n)
	}
}
