package reply

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// textTag is the entity tag that Next.js gives a text: FNV-1a over its UTF-16
// code units, folded to 52 bits, and the number of units, both in base 36
// (packages/next/src/server/lib/etag.ts). It hashes the same in every process,
// which a tag must that is compared by whichever replica answers.
func textTag(text string, body []byte) string {
	var state uint64
	var units int64
	if body != nil {
		state, units = fnv(body)
	} else {
		state, units = fnv(text)
	}
	tag := make([]byte, 0, 32)
	tag = append(tag, '"')
	tag = strconv.AppendUint(tag, fold(state), 36)
	tag = strconv.AppendInt(tag, units, 36)
	tag = append(tag, '"')
	return string(tag)
}

const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x00000100000001b3
)

// fnv returns the hash of a text and its length in UTF-16 units. Each unit has
// to wait for the multiplication of the one before it, so nothing else may
// stand between the two: the hash is a variable, which stays in a register, and
// a run of ASCII has a loop of its own.
func fnv[T string | []byte](s T) (state uint64, units int64) {
	state = fnvOffset
	for i := 0; ; {
		run := i
		for i < len(s) && s[i] < utf8.RuneSelf {
			state = (state ^ uint64(s[i])) * fnvPrime
			i++
		}
		units += int64(i - run)
		if i == len(s) {
			return state, units
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		i += size
		if r >= 0x10000 {
			r -= 0x10000
			state = (state ^ uint64(0xd800+r>>10)) * fnvPrime
			units++
			r = 0xdc00 + r&0x3ff
		}
		state = (state ^ uint64(r)) * fnvPrime
		units++
	}
}

// fold keeps 52 bits, the ones a JavaScript number can hold besides the twelve
// it xors in.
func fold(state uint64) uint64 { return state&(1<<52-1) ^ state>>52 }

// bytesTag is the tag of bytes that are not text.
func bytesTag(_ string, body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// fresh reports whether the client has the representation that tag stands for:
// whether a 200 to this request may be a 304 (RFC 9110, section 13.1.2). A
// request that says no-cache wants the body whatever it has.
func fresh(r *http.Request, tag string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	fields := r.Header["If-None-Match"]
	if len(fields) == 0 {
		return false
	}
	for _, field := range r.Header["Cache-Control"] {
		for directive := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(directive), "no-cache") {
				return false
			}
		}
	}
	tag = strings.TrimPrefix(tag, "W/")
	for _, field := range fields {
		if strings.TrimSpace(field) == "*" || lists(field, tag) {
			return true
		}
	}
	return false
}

// lists reports whether the tag is in a list of tags, which may be weak, and
// may hold commas between their quotes. It stops at what is no tag.
func lists(field, tag string) bool {
	for {
		field = strings.TrimLeft(field, ", \t")
		field = strings.TrimPrefix(field, "W/")
		if !strings.HasPrefix(field, `"`) {
			return false
		}
		end := strings.IndexByte(field[1:], '"')
		if end < 0 {
			return false
		}
		if field[:end+2] == tag {
			return true
		}
		field = field[end+2:]
	}
}
