package bytesize_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/apiece/apiece/bytesize"
)

var grammar = regexp.MustCompile(`^\+?([0-9]+(?:\.[0-9]+)?)(?: *([kmgtpKMGTP]?[bB]))?$`)

// reference is Parse in a slow and obvious way: with a regular expression and
// rational numbers.
func reference(text string) (size int64, ok bool) {
	if len(text) == len("unlimited") && strings.EqualFold(text, "unlimited") {
		return -1, true
	}
	m := grammar.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	number, unit := m[1], strings.ToLower(m[2])
	factor, limit := int64(1), int64(1<<53-1)
	switch {
	case unit == "b":
		limit = 1<<63 - 1
	case unit != "":
		for range strings.Index("bkmgtp", unit[:1]) {
			factor *= 1024
		}
	}
	if factor == 1 && strings.Contains(number, ".") {
		return 0, false
	}
	exact, _ := new(big.Rat).SetString(number)
	exact.Mul(exact, new(big.Rat).SetInt64(factor))
	whole := new(big.Int).Quo(exact.Num(), exact.Denom())
	return whole.Int64(), whole.Cmp(big.NewInt(limit)) <= 0
}

// FuzzParse: Parse agrees with the reference on every text, an error says where
// and what to do, a size survives its own text, and a size with anything added
// at either end is invalid.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "0", "500kb", "500k", "1.15 MB", "+1b", "-1", "1.9999999999999999999999kb", "1..5mb", ".5mb", "1.mb",
		"1MiB", " 1mb", "1mb ", "1,000kb", "1e3kb", "0x10", "unlimited", "UNLIMITED", "9007199254740991",
		"9007199254740992", "9223372036854775807b", "9223372036854775808b", "8pb", "7.99999999999999999pb",
		"8191pb", "5\u00a0mb", "\uff11mb", "\ufeff1mb", "1\u212ab", "1\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			t.Skip("the reference is quadratic")
		}
		got, err := bytesize.Parse(text)
		want, ok := reference(text)
		if ok != (err == nil) || ok && int64(got) != want {
			t.Fatalf("Parse(%q) = %d, %v; the reference says %d, %t", text, got, err, want, ok)
		}
		if err != nil {
			syntax, ok := errors.AsType[*bytesize.SyntaxError](err)
			if !ok {
				t.Fatalf("Parse(%q): error of type %T", text, err)
			}
			if syntax.Text != text || syntax.Offset < 0 || syntax.Offset > len(text) || syntax.Reason == "" || syntax.Hint == "" {
				t.Errorf("Parse(%q): %+v", text, *syntax)
			}
			if got != 0 {
				t.Errorf("Parse(%q) = %d with an error", text, got)
			}
			return
		}
		checkRoundTrip(t, got)
		for _, garbage := range []string{" ", "\n", "\t", "\x00", "-", "!", ";", ",", "i", "\u00a0", "\ufeff", "\xff"} {
			for _, longer := range []string{garbage + text, text + garbage} {
				if s, err := bytesize.Parse(longer); err == nil {
					t.Errorf("Parse(%q) = %d, though %q is a size by itself", longer, s, text)
				}
			}
		}
	})
}

// FuzzSize: every size survives its text and its JSON.
func FuzzSize(f *testing.F) {
	for _, seed := range []int64{0, 1, -1, -2, 1023, 1024, 1536, 1 << 20, 1<<53 - 1, 1 << 53, 1<<63 - 1, -1 << 63} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		checkRoundTrip(t, bytesize.Size(n))
	})
}

// FuzzUnmarshalJSON: the method handles every JSON value, an error leaves the
// size unchanged, and an accepted size is accepted again after marshaling.
func FuzzUnmarshalJSON(f *testing.F) {
	for _, seed := range []string{`null`, `false`, `true`, `0`, `1.5`, `-1`, `1e3`, `"4mb"`, `"500k"`, `"\u0034mb"`, `{}`, `[1]`, `"unlimited"`, `"`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		direct := bytesize.Size(42)
		if err := direct.UnmarshalJSON(data); err != nil && direct != 42 {
			t.Errorf("UnmarshalJSON(%q) failed and left %d", data, direct)
		}
		s := bytesize.Size(42)
		if err := json.Unmarshal(data, &s); err != nil {
			if s != 42 {
				t.Errorf("json.Unmarshal(%q) failed and left %d", data, s)
			}
			return
		}
		if s < bytesize.Unlimited {
			t.Errorf("%q became %d", data, s)
		}
		checkRoundTrip(t, s)
	})
}
