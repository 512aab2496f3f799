package response

import (
	"net/http"
	"strings"
)

// CopyTrailers copies the fields that are sent after the body: those that the Trailer
// field of src declares, and those with http.TrailerPrefix.
func CopyTrailers(dst, src http.Header) {
	declared := src["Trailer"]
	for name, values := range src {
		if strings.HasPrefix(name, http.TrailerPrefix) || declares(declared, name) {
			dst[name] = values
		}
	}
}

// DeleteTrailers deletes the fields that are sent after the body.
func DeleteTrailers(h http.Header) {
	declared := h["Trailer"]
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) || declares(declared, name) {
			delete(h, name)
		}
	}
	delete(h, "Trailer")
}

func declares(trailers []string, name string) bool {
	for _, line := range trailers {
		for field := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(field), name) {
				return true
			}
		}
	}
	return false
}
