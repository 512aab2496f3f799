package service

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/apiece/apiece/stream"
)

// A request is one that is measured, or only compared.
type request struct {
	metric    string // "" if nothing is measured
	share     int    // of the requests of a turn: one in so many
	text      string // as it is sent
	status    int
	mediaType string
	want      string // the body that is expected, in the form that plain gives
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n" }

func postJSON(body string) string {
	return fmt.Sprintf("POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

const newPostText = `{"title":"A title of the usual length","text":"A post of a few lines, as people write them: with a word here and \"another\" there, and an é.","email":"ada@example.org","tags":["news","go","http"]}`

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

const eventsOfStream = 10

// measured are the measured requests.
func measured() []request {
	var in newPost
	if err := json.Unmarshal([]byte(newPostText), &in); err != nil {
		panic(err)
	}
	one, _ := find("1")
	return []request{
		{"JSON POST with validation", 1, postJSON(newPostText), 201, "application/json", jsonOf(accept(in))},
		{"GET with a path parameter", 1, get("/api/posts/1"), 200, "application/json", jsonOf(one)},
		{"4 KB page", 1, get("/page"), 200, "text/html", page},
		{"SSE, 10 events", eventsOfStream, get(fmt.Sprint("/api/events/", eventsOfStream)), 200, "text/event-stream",
			strings.Repeat("post "+event+"\n", eventsOfStream)},
	}
}

// Metrics returns the names of what is measured per request.
func Metrics() (names []string) {
	for _, r := range measured() {
		names = append(names, r.metric)
	}
	return names
}

// verify sends a request and compares the response with the expected one. It returns
// the raw body, including chunks, for the load to compare with.
func (r request) verify(addr string) (raw string, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, r.text); err != nil {
		return "", err
	}
	return r.check(conn)
}

// check does so with the answer as it is read.
func (r request) check(from io.Reader) (raw string, err error) {
	var all bytes.Buffer
	resp, err := http.ReadResponse(bufio.NewReader(io.TeeReader(from, &all)), nil)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if got := plain(mediaType, string(body)); resp.StatusCode != r.status || mediaType != r.mediaType || got != r.want {
		return "", fmt.Errorf("%.60q is answered with %d %s %q, want %d %s %q",
			r.text, resp.StatusCode, mediaType, got, r.status, r.mediaType, r.want)
	}
	_, raw, _ = strings.Cut(all.String(), "\r\n\r\n")
	return raw, nil
}

// plain normalizes a body: it removes the line break after JSON, and the optional
// spaces of an event stream.
func plain(mediaType, body string) string {
	switch mediaType {
	case "application/json":
		return strings.TrimSuffix(body, "\n")
	case "text/event-stream":
		var events strings.Builder
		for e, err := range stream.NewReader(strings.NewReader(body)).All() {
			if err != nil {
				return err.Error()
			}
			fmt.Fprintf(&events, "%s %s\n", e.Name, e.Data)
		}
		return events.String()
	}
	return body
}
