package bytesize

import "math"

// Parse parses a size: "500kb", "4.5mb", "1048576", "unlimited". The package
// documentation has the grammar. The whole text must be a size; the error is a
// [*SyntaxError].
//
// Parse does not allocate when it succeeds.
func Parse(text string) (Size, error) {
	if isUnlimited(text) {
		return Unlimited, nil
	}
	start := 0
	if text != "" && text[0] == '+' {
		start = 1
	}
	end := skipDigits(text, start)
	if end == start {
		return 0, notANumber(text, start)
	}
	whole, fraction := text[start:end], ""
	if end < len(text) && text[end] == '.' {
		point := end
		end = skipDigits(text, point+1)
		fraction = text[point+1 : end]
		if fraction == "" {
			return 0, syntaxError(text, end, "no digit after the point", example)
		}
	}

	word := end
	for word < len(text) && text[word] == ' ' {
		word++
	}
	unit, ok := parseUnit(text[word:])
	if !ok {
		return 0, notAUnit(text, end, word)
	}
	if word == len(text) && word > end {
		return 0, syntaxError(text, end, "space after the size", "remove it")
	}
	if unit == B && fraction != "" {
		return 0, syntaxError(text, start+len(whole), "fraction of a byte", "write whole bytes, or a larger unit")
	}

	limit := Size(maxPortable)
	if unit == B && word < len(text) {
		limit = math.MaxInt64
	}
	size, ok := multiply(whole, fraction, unit)
	if !ok || size > limit {
		return 0, tooLarge(text, start)
	}
	return size, nil
}

// MustParse is [Parse] for constants: it panics where Parse returns an error.
func MustParse(text string) Size {
	size, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return size
}

// multiply returns whole.fraction times the unit, rounded down, and false if
// that does not fit in a Size. Both strings consist of digits.
//
// It processes the fraction from its last digit. If r is the value in bytes of
// the digits to the right of a digit d, then d and those digits are worth
// (d*unit + r) / 10. Since d*unit is a whole number, rounding r down first does
// not change the rounded quotient. So one small integer is exact for a fraction
// of any length.
func multiply(whole, fraction string, unit Size) (Size, bool) {
	var n Size
	for i := range len(whole) {
		d := Size(whole[i] - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if n > math.MaxInt64/unit {
		return 0, false
	}
	var r Size
	for i := len(fraction) - 1; i >= 0; i-- {
		r = (Size(fraction[i]-'0')*unit + r) / 10
	}
	// The unit divides 2^63 and r is less than the unit: the sum fits.
	return n*unit + r, true
}

func isUnlimited(text string) bool {
	if len(text) != len(unlimited) {
		return false
	}
	for i := range len(text) {
		if lower(text[i]) != unlimited[i] {
			return false
		}
	}
	return true
}

func skipDigits(text string, i int) int {
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	return i
}

// lower folds ASCII only: the Kelvin sign is not a k.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
