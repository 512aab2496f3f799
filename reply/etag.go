package reply

import (
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// tagAndLength returns the entity tag of the body, and its Content-Length: two parts
// of one string, which is one allocation.
//
// The tag is XXH64, in base 32: the same in every process, so that any replica
// can compare it, and the same for text and bytes.
func (a *reply) tagAndLength() (tag, length string) {
	var hash uint64
	if a.isText {
		hash = xxhash.Sum64String(a.text)
	} else {
		hash = xxhash.Sum64(a.body)
	}
	both := make([]byte, 0, 40)
	both = append(both, '"')
	both = strconv.AppendUint(both, hash, 32)
	both = append(both, '"')
	end := len(both)
	s := string(strconv.AppendInt(both, int64(a.size()), 10))
	return s[:end], s[end:]
}
