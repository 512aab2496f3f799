package bytesize

// The units are powers of 1024, as in Next.js.
const (
	B  Size = 1         // one byte
	KB      = 1024 * B  // 1,024 bytes
	MB      = 1024 * KB // 1,048,576 bytes
	GB      = 1024 * MB // 1,073,741,824 bytes
	TB      = 1024 * GB // 2^40 bytes
	PB      = 1024 * TB // 2^50 bytes
)

// unitLetters are the first letters of the units above the byte. The unit at
// index i is 1 << (10*(i+1)) bytes.
const unitLetters = "kmgtp"

// parseUnit returns the size of a unit, in either case. No unit means bytes.
func parseUnit(word string) (Size, bool) {
	switch {
	case word == "":
		return B, true
	case lower(word[len(word)-1]) != 'b' || len(word) > 2:
		return 0, false
	case len(word) == 1:
		return B, true
	}
	for i := range len(unitLetters) {
		if lower(word[0]) == unitLetters[i] {
			return KB << (10 * i), true
		}
	}
	return 0, false
}
