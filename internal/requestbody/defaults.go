package requestbody

import (
	"math"
	"time"
)

// The defaults of bodyparser.Config. Package bind applies them to what it reads without a
// Body: queries, multipart forms, and JSON in a field of a form.
const (
	DefaultLimit       = 1 << 20 // bytes
	DefaultReadTimeout = 30 * time.Second
	DefaultMaxDepth    = 512
	DefaultMaxPairs    = 1000
)

// DefaultMaxValues returns the default of MaxValues for a limit in bytes, negative for no
// limit.
func DefaultMaxValues(limit int64) int {
	if limit < 0 {
		return -1
	}
	return int(min(max(limit/8, 10_000), math.MaxInt))
}
