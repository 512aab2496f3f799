package bytesize

import (
	"encoding/json"
	"strconv"
)

// A Size is a number of bytes. The zero Size is zero bytes, which in the
// settings of this module means the default; see the package documentation.
type Size int64

// Unlimited disables a limit. It is written "unlimited" in text and false in
// JSON, as in responseLimit: false of Next.js.
const Unlimited Size = -1

const unlimited = "unlimited"

// maxPortable is the largest integer that JavaScript holds exactly. The text of
// a larger size is in bytes.
const maxPortable = 1<<53 - 1

// String returns the size in lower case, in the largest unit that leaves at
// most three decimals and is not larger than the size: "1mb", "1.5kb",
// "1234567b". It is exact: [Parse] returns the same size. Sizes above 2^53-1
// are always written in bytes.
//
// Every negative size disables a limit, so it is written as "unlimited", and is
// read back as [Unlimited].
func (s Size) String() string {
	if s < 0 {
		return unlimited
	}
	return string(s.append(make([]byte, 0, 20)))
}

var eighthDecimals = [8]string{"", ".125", ".25", ".375", ".5", ".625", ".75", ".875"}

func (s Size) append(dst []byte) []byte {
	if s < 0 {
		return append(dst, unlimited...)
	}
	if s <= maxPortable {
		for i := len(unitLetters) - 1; i >= 0; i-- {
			// A unit is a power of two, and 1000 is 8 times an odd number:
			// three decimals are exact only for the eighths of the unit.
			unit := KB << (10 * i)
			if eighth := unit / 8; s >= unit && s%eighth == 0 {
				dst = strconv.AppendInt(dst, int64(s/unit), 10)
				dst = append(dst, eighthDecimals[s%unit/eighth]...)
				return append(dst, unitLetters[i], 'b')
			}
		}
	}
	dst = strconv.AppendInt(dst, int64(s), 10)
	return append(dst, 'b')
}

// MarshalText returns the text of [Size.String]. It never fails.
func (s Size) MarshalText() ([]byte, error) {
	return s.append(nil), nil
}

// UnmarshalText sets the size to the result of [Parse]. An error leaves it
// unchanged.
func (s *Size) UnmarshalText(text []byte) error {
	v, err := Parse(string(text))
	if err == nil {
		*s = v
	}
	return err
}

// MarshalJSON returns false for [Unlimited] and every other negative size, else
// the text of [Size.String] in quotes. It never fails.
func (s Size) MarshalJSON() ([]byte, error) {
	if s < 0 {
		return []byte("false"), nil
	}
	return append(s.append([]byte{'"'}), '"'), nil
}

// UnmarshalJSON accepts false, which is [Unlimited]; a whole number of bytes;
// and a string that [Parse] accepts. As in encoding/json, null leaves the size
// unchanged. Anything else, such as true or a fraction, is a [*SyntaxError] and
// also leaves the size unchanged.
func (s *Size) UnmarshalJSON(data []byte) error {
	switch text := string(data); {
	case text == "null":
		return nil
	case text == "false":
		*s = Unlimited
		return nil
	case text != "" && text[0] == '"':
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		return s.UnmarshalText([]byte(text))
	case text != "" && (text[0] == '-' || skipDigits(text, 0) > 0):
		return s.UnmarshalText(data)
	default:
		return &SyntaxError{text, 0, "not a size",
			`write a number of bytes, a string such as "1mb", or false for no limit`}
	}
}
