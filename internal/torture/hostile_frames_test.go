package torture_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// No client library sends invalid HTTP/2, so the frames here are built by hand (RFC
// 9113, section 6), with the fields in the longest form of HPACK (RFC 7541, section
// 6.2.2).

const (
	frameData         = 0x0
	frameHeaders      = 0x1
	framePriority     = 0x2
	frameReset        = 0x3
	frameSettings     = 0x4
	framePush         = 0x5
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindow       = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagEndHeaders = 0x4
)

func frame(kind, flags byte, stream uint32, payload string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = append(head, flags)
	return string(binary.BigEndian.AppendUint32(head, stream)) + payload
}

func uint32s(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// fields encodes header fields, given as alternating names and values.
func fields(pairs ...string) string {
	var b []byte
	for i, text := range pairs {
		if i%2 == 0 {
			b = append(b, 0)
		}
		if n := len(text); n < 0x7f {
			b = append(b, byte(n))
		} else {
			b = binary.AppendUvarint(append(b, 0x7f), uint64(n-0x7f))
		}
		b = append(b, text...)
	}
	return string(b)
}

// pseudo are the fields that every request must have, and more.
func pseudo(method, path string, more ...string) string {
	return fields(append([]string{":method", method, ":scheme", "http", ":authority", "kit.test", ":path", path}, more...)...)
}

// opened is a request whose body follows, and asked is one without.
func opened(stream uint32, method, path string, more ...string) string {
	return frame(frameHeaders, flagEndHeaders, stream, pseudo(method, path, more...))
}

func asked(stream uint32, path string, more ...string) string {
	return frame(frameHeaders, flagEndHeaders|flagEndStream, stream, pseudo("GET", path, more...))
}

// heard is what the other side has sent.
type heard struct {
	text    string // all data
	headers int    // frames
	resets  int    // streams
	over    error  // why no more was received
	goAway  bool
}

// twoClient is an HTTP/2 connection.
type twoClient struct {
	*client
	sent chan struct{}
}

// speak sends frames after the preface, in the background.
func (a *attack) speak(settings string, frames ...string) *twoClient {
	c := &twoClient{a.dial(), make(chan struct{})}
	go func() {
		defer close(c.sent)
		out := bufio.NewWriterSize(c.client, 64<<10)
		io.WriteString(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+frame(frameSettings, 0, 0, settings))
		for _, f := range frames {
			if _, err := io.WriteString(out, f); err != nil {
				return
			}
		}
		out.Flush()
	}()
	return c
}

// listen reads until the given number of streams, or the connection, has ended.
func (c *twoClient) listen(streams int) (h heard) {
	for ended := make(map[uint32]bool); len(ended) < streams; {
		var head [9]byte
		if _, h.over = io.ReadFull(c.in, head[:]); h.over != nil {
			return h
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[:])>>8)
		if _, h.over = io.ReadFull(c.in, payload); h.over != nil {
			return h
		}
		stream := binary.BigEndian.Uint32(head[5:])
		switch head[3] {
		case frameData:
			h.text += string(payload)
		case frameHeaders:
			h.headers++
		case frameReset:
			if !ended[stream] {
				h.resets++
				ended[stream] = true
			}
		case frameGoAway:
			h.goAway = h.goAway || binary.BigEndian.Uint32(payload[4:]) != 0
		}
		if head[4]&flagEndStream != 0 && head[3] <= frameHeaders {
			ended[stream] = true
		}
	}
	return h
}

func (c *twoClient) end() {
	c.Close()
	<-c.sent
}

// refusedFrames wants only the response of net/http: the stream or the connection is
// ended, or the request is bad.
func refusedFrames(h *heard) error {
	switch {
	case h.text == "" && (h.resets > 0 || h.goAway || errors.Is(h.over, io.EOF) || errors.Is(h.over, syscall.ECONNRESET)):
		return nil
	case strings.HasSuffix(h.text, "is not valid in HTTP/2\n"):
		return nil
	}
	return errors.New("want no answer of a handler")
}

// problem wants problem details with the status, or no response.
func problem(status string) func(*heard) error {
	return func(h *heard) error {
		if strings.Contains(h.text, `"status":`+status) || h.text == "" && h.resets > 0 {
			return nil
		}
		return fmt.Errorf("want %s", status)
	}
}

func frameCases() (cases []hostileCase) {
	typed := []string{"content-type", "application/json"}
	ended := func(stream uint32, body string) string { return frame(frameData, flagEndStream, stream, body) }
	repeated := func(n int, f string) []string { return []string{strings.Repeat(f, n)} }
	noWindow := "\x00\x04" + uint32s(0)
	var resets, bodies, crumbs strings.Builder
	for i := range uint32(2000) {
		resets.WriteString(asked(2*i+1, "/api/late/ignores") + frame(frameReset, 0, 2*i+1, uint32s(8)))
	}
	for i := range uint32(100) {
		bodies.WriteString(opened(2*i+1, "POST", "/api/slow", "content-type", "text/plain") + frame(frameData, 0, 2*i+1, "half"))
	}
	for range 4000 {
		crumbs.WriteString(fields("cookie", "b=1"))
	}
	for _, c := range []struct {
		why      string
		settings string
		frames   []string
		streams  int // to wait for
		want     func(*heard) error
	}{
		{"two thousand requests, each taken back at once", "", []string{resets.String()}, 1, nil},
		{"a header that goes on for ever", "", append([]string{frame(frameHeaders, 0, 1, pseudo("GET", "/api/who"))}, repeated(2000, frame(frameContinuation, 0, 1, fields("x-a", xs(4000))))...), 1, refusedFrames},
		{"a header that goes on with nothing", "", append([]string{frame(frameHeaders, 0, 1, pseudo("GET", "/api/who"))}, repeated(100_000, frame(frameContinuation, 0, 1, ""))...), 1, nil},
		{"fifty thousand settings", "", repeated(50_000, frame(frameSettings, 0, 0, "")), 1, nil},
		{"fifty thousand pings", "", repeated(50_000, frame(framePing, 0, 0, "12345678")), 1, nil},
		{"a hundred thousand pieces of nothing", "", append([]string{opened(1, "POST", "/api/small", typed...)}, append(repeated(100_000, frame(frameData, 0, 1, "")), ended(1, "{}"))...), 1, nil},
		{"more than was declared", "", []string{opened(1, "POST", "/api/small", append(typed, "content-length", "2")...), ended(1, "{}GET /api/smuggled HTTP/1.1\r\n\r\n")}, 1, problem("400")},
		{"less than was declared", "", []string{opened(1, "POST", "/api/small", append(typed, "content-length", "8")...), ended(1, "{}")}, 1, problem("400")},
		{"two lengths", "", []string{opened(1, "POST", "/api/small", append(typed, "content-length", "2", "content-length", "8")...), ended(1, "{}")}, 1, nil},
		{"a length that is none", "", []string{opened(1, "POST", "/api/small", append(typed, "content-length", "-2")...), ended(1, "{}")}, 1, nil},
		{"the coding of HTTP/1.1", "", []string{opened(1, "POST", "/api/small", append(typed, "transfer-encoding", "chunked")...), ended(1, "0\r\n\r\n")}, 1, refusedFrames},
		{"a header about the connection", "", []string{asked(1, "/api/who", "connection", "close")}, 1, refusedFrames},
		{"a line break in a value", "", []string{asked(1, "/api/who", "x-a", "b\r\nX-Evil: 1")}, 1, refusedFrames},
		{"a name in upper case", "", []string{asked(1, "/api/who", "X-A", "b")}, 1, refusedFrames},
		{"a name with a colon", "", []string{asked(1, "/api/who", "x:a", "b")}, 1, refusedFrames},
		{"no method", "", []string{frame(frameHeaders, flagEndHeaders|flagEndStream, 1, fields(":scheme", "http", ":authority", "x", ":path", "/api/who"))}, 1, refusedFrames},
		{"two paths", "", []string{asked(1, "/api/who", ":path", "/api/smuggled")}, 1, refusedFrames},
		{"a path after other fields", "", []string{frame(frameHeaders, flagEndHeaders|flagEndStream, 1, fields(":method", "GET", ":scheme", "http", "x-a", "b", ":path", "/api/smuggled"))}, 1, refusedFrames},
		{"a path with a request in it", "", []string{asked(1, "/api/who HTTP/1.1\r\nHost: x\r\n\r\nGET /api/smuggled")}, 1, nil},
		{"a path that is none", "", []string{asked(1, "api/who")}, 1, refusedFrames},
		{"a method with a line break", "", []string{frame(frameHeaders, flagEndHeaders|flagEndStream, 1, pseudo("GET / HTTP/1.1\r\nX: y", "/api/who"))}, 1, nil},
		{"a push by the client", "", []string{frame(framePush, flagEndHeaders, 1, uint32s(2)+pseudo("GET", "/api/smuggled"))}, 1, refusedFrames},
		{"a stream with an even number", "", []string{asked(2, "/api/who")}, 1, refusedFrames},
		{"a stream that depends on itself", "", []string{frame(framePriority, 0, 1, uint32s(1)+"\x00"), asked(3, "/api/who")}, 1, nil},
		{"data for a stream that never was", "", []string{frame(frameData, 0, 1, "x")}, 1, refusedFrames},
		{"a frame that is larger than allowed", "", []string{opened(1, "POST", "/api/small"), frame(frameData, 0, 1, xs(2*mb))}, 1, refusedFrames},
		{"a window that grows by nothing", "", []string{frame(frameWindow, 0, 0, uint32s(0)), asked(1, "/api/who")}, 1, refusedFrames},
		{"a window that grows too large", "", []string{frame(frameWindow, 0, 0, uint32s(1<<31-1)), asked(1, "/api/who")}, 1, refusedFrames},
		{"a table of fields that is larger than allowed", "", []string{frame(frameHeaders, flagEndHeaders|flagEndStream, 1, "\x3f\xff\xff\xff\xff\x0f"+pseudo("GET", "/api/who"))}, 1, refusedFrames},
		{"a field that is not in the table", "", []string{frame(frameHeaders, flagEndHeaders|flagEndStream, 1, "\xff\x80\x01")}, 1, refusedFrames},
		{"a frame of a kind that is not known", "", []string{frame(0x42, 0xff, 1, xs(1000)), asked(1, "/api/who")}, 1, nil},
		{"settings that are half", "", []string{frame(frameSettings, 0, 0, "\x00\x04\x00"), asked(1, "/api/who")}, 1, refusedFrames},
		{"four thousand cookies in fields of their own", "", []string{frame(frameHeaders, flagEndStream, 1, pseudo("GET", "/api/cookies")), frame(frameContinuation, 0, 1, crumbs.String()[:16_000]), frame(frameContinuation, 0, 1, crumbs.String()[16_000:32_000]), frame(frameContinuation, flagEndHeaders, 1, crumbs.String()[32_000:])}, 1, problem("431")},
		{"a hundred bodies that are half there", "", []string{bodies.String()}, 100, func(h *heard) error {
			if n := strings.Count(h.text, `"status":408`); n != 100 {
				return fmt.Errorf("want 100 of 408, not %d", n)
			}
			return nil
		}},
		{"an answer for which there is no room, and the time is up", noWindow, []string{asked(1, "/api/late/stuck")}, 1, nil},
	} {
		cases = append(cases, hostileCase{why: c.why, overTwo: true, records: unsaid, run: func(a *attack) {
			conn := a.speak(c.settings, c.frames...)
			if c.want != nil {
				h := conn.listen(c.streams)
				if err := c.want(&h); err != nil {
					a.find(misfit, "%v; got %d headers, %d resets, %v, %.200q", err, h.headers, h.resets, h.over, h.text)
				}
			} else {
				<-conn.sent
			}
			conn.end()
		}})
	}
	return append(cases, hostileCase{why: "twenty streams for which there is no room", overTwo: true, run: func(a *attack) {
		var frames []string
		for i := range uint32(20) {
			frames = append(frames, asked(2*i+1, "/api/flood"))
		}
		conn := a.speak(noWindow, frames...)
		defer conn.end()
		h := conn.listen(20)
		if h.resets != 20 {
			a.find(misfit, "%d streams dropped, %v", h.resets, h.over)
		}
	}})
}
