package cache

import (
	"net/http"
	"net/textproto"
	"strings"
)

// notModified reports whether the client has the response already (RFC 9110, section
// 13.2.2). The handler does not evaluate the condition: its response is for every client.
func notModified(h, request http.Header) bool {
	if none := request["If-None-Match"]; none != nil {
		return matches(none, h.Get("Etag"))
	}
	if request["If-Modified-Since"] == nil || h["Last-Modified"] == nil {
		return false
	}
	since, err := http.ParseTime(request.Get("If-Modified-Since"))
	if err != nil {
		return false
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	return err == nil && !modified.After(since)
}

// matches reports whether one of the listed tags matches etag, by weak comparison.
func matches(lines []string, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for _, line := range lines {
		for line = textproto.TrimString(line); line != ""; line = strings.TrimLeft(line, " \t,") {
			if line == "*" {
				return true
			}
			line = strings.TrimPrefix(line, "W/")
			if line == "" || line[0] != '"' {
				break // not a list of tags
			}
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				break
			}
			if tag := line[:end+2]; tag == etag {
				return true
			}
			line = line[end+2:]
		}
	}
	return false
}

func answerNotModified(w http.ResponseWriter) {
	h := w.Header()
	delete(h, "Content-Type")
	delete(h, "Content-Length")
	delete(h, "Content-Encoding")
	if h["Etag"] != nil {
		delete(h, "Last-Modified")
	}
	w.WriteHeader(http.StatusNotModified)
}
