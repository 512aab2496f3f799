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
	var h hash
	if body != nil {
		h.sum(body)
	} else {
		h.sumString(text)
	}
	tag := make([]byte, 0, 32)
	tag = append(tag, '"')
	tag = strconv.AppendUint(tag, h.fold(), 36)
	tag = strconv.AppendInt(tag, h.units, 36)
	tag = append(tag, '"')
	return string(tag)
}

const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x00000100000001b3
)

type hash struct {
	state uint64
	units int64
}

func (h *hash) sum(b []byte) {
	h.state = fnvOffset
	for len(b) > 0 {
		if c := b[0]; c < utf8.RuneSelf {
			h.unit(uint16(c))
			b = b[1:]
			continue
		}
		r, size := utf8.DecodeRune(b)
		h.rune(r)
		b = b[size:]
	}
}

func (h *hash) sumString(s string) {
	h.state = fnvOffset
	for _, r := range s {
		h.rune(r)
	}
}

func (h *hash) rune(r rune) {
	if r < 0x10000 {
		h.unit(uint16(r))
		return
	}
	r -= 0x10000
	h.unit(uint16(0xd800 + r>>10))
	h.unit(uint16(0xdc00 + r&0x3ff))
}

func (h *hash) unit(u uint16) {
	h.state = (h.state ^ uint64(u)) * fnvPrime
	h.units++
}

// fold keeps 52 bits, the ones a JavaScript number can hold besides the twelve
// it xors in.
func (h *hash) fold() uint64 { return h.state&(1<<52-1) ^ h.state>>52 }

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
