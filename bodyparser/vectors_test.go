package bodyparser_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
)

// wire is one request, byte for byte as sent.
type wire struct {
	method, path string
	header       [][2]string
	body         []byte
	transfer     string // content-length, chunked, none
	abortAfter   int    // bytes of body after which the client leaves, -1 never
}

func (q wire) bytes() (head, body []byte) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: vectors.example\r\nConnection: close\r\n", q.method, q.path)
	declared := false
	for _, h := range q.header {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
		declared = declared || strings.EqualFold(h[0], "Content-Length")
	}
	switch {
	case q.transfer == "chunked":
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		var chunks bytes.Buffer
		for part := range slices.Chunk(q.body, 10_000) {
			fmt.Fprintf(&chunks, "%x\r\n%s\r\n", len(part), part)
		}
		chunks.WriteString("0\r\n\r\n")
		return b.Bytes(), chunks.Bytes()
	case q.transfer == "none" || declared:
	default:
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(q.body))
	}
	b.WriteString("\r\n")
	if q.abortAfter >= 0 {
		return b.Bytes(), q.body[:q.abortAfter]
	}
	return b.Bytes(), q.body
}

// send sends the request to a server that listens on addr.
func (q wire) send(addr string) (*http.Response, []byte, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	head, body := q.bytes()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		conn.Write(head)
		conn.Write(body) // fails if the server has already refused it
	}()
	if q.abortAfter >= 0 {
		<-sent
		return nil, nil, nil
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: q.method})
	if err != nil {
		return nil, nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	conn.Close()
	<-sent
	return resp, answer, err
}

// request returns the request for a recorder.
func (q wire) request() *http.Request {
	var body io.Reader = bytes.NewReader(q.body)
	if q.transfer == "none" {
		body = http.NoBody
	}
	r := httptest.NewRequest(q.method, q.path, body)
	for _, h := range q.header {
		r.Header.Add(h[0], h[1])
	}
	if q.transfer == "chunked" {
		r.ContentLength = -1
	}
	return r
}

// expand builds a body that a vector only describes.
func expand(t *testing.T, body map[string]any) []byte {
	number := func(name string) int { n, _ := body[name].(float64); return int(n) }
	if text, ok := body["text"].(string); ok {
		return []byte(text)
	}
	if b64, ok := body["b64"].(string); ok {
		b, err := base64.StdEncoding.DecodeString(b64)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if n := number("json_pad"); n > 0 {
		return []byte(`{"s":"` + strings.Repeat("a", n-len(`{"s":""}`)) + `"}`)
	}
	if n := number("nested_arrays"); n > 0 {
		return []byte(strings.Repeat("[", n) + strings.Repeat("]", n))
	}
	if n := number("params_repeat"); n > 0 {
		pairs := make([]string, n)
		for i := range pairs {
			pairs[i] = strings.ReplaceAll(body["template"].(string), "{i}", strconv.Itoa(i))
		}
		return []byte(strings.Join(pairs, "&"))
	}
	if _, ok := body["none"]; ok {
		return nil
	}
	t.Fatalf("body %v", body)
	return nil
}

// same compares a value with a recorded one, in which an object is a list of
// pairs and long or deep values are described.
func same(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		if n, ok := want["$str_len"].(float64); ok {
			s, ok := got.(string)
			return ok && len(utf16.Encode([]rune(s))) == int(n)
		}
		if _, ok := want["$deep"]; ok {
			return true
		}
		pairs, ok := want["$o"].([]any)
		fields, isMap := got.(map[string]any)
		if !ok || !isMap || len(pairs) != len(fields) {
			return false
		}
		for _, p := range pairs {
			pair := p.([]any)
			field, ok := fields[pair[0].(string)]
			if !ok || !same(pair[1], field) {
				return false
			}
		}
		return true
	case []any:
		v := reflect.ValueOf(got)
		if v.Kind() != reflect.Slice || v.Len() != len(want) {
			return false
		}
		for i := range want {
			if !same(want[i], v.Index(i).Interface()) {
				return false
			}
		}
		return true
	case float64:
		n, ok := got.(json.Number)
		f, err := n.Float64()
		return ok && err == nil && f == want
	case string:
		s, ok := got.(string)
		return ok && string([]rune(s)) == want
	}
	return want == got
}

// TestBodyParserVectors compares with the results of a pages API route in
// Next.js, and of Express for features that Next.js lacks: compressed bodies
// and verification.
func TestBodyParserVectors(t *testing.T) {
	type outcome struct {
		Status  int
		Message string
		Body    any
	}
	type vector struct {
		Input struct {
			Method     string
			Headers    map[string]string
			Body       map[string]any
			Options    map[string]any
			Transfer   string
			AbortAfter *int `json:"abort_after"`
		}
		Expected struct{ Next, Express *outcome }
	}
	// run sends the vector to a parser and describes the differences.
	run := func(v testkit.Vector[vector], cfg bodyparser.Config, want outcome) error {
		in := v.Case.Input
		q := wire{method: in.Method, path: "/?a=query", body: expand(t, in.Body), transfer: in.Transfer, abortAfter: -1}
		for name, value := range in.Headers {
			q.header = append(q.header, [2]string{name, value})
		}
		if in.AbortAfter != nil {
			q.abortAfter = *in.AbortAfter
		}
		type result struct {
			value any
			err   error
		}
		results := make(chan result, 1)
		parse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := bodyparser.Parse(w, r, cfg)
			var value any
			if err == nil {
				value, err = b.Value()
			}
			results <- result{value, err}
			if err != nil {
				w.WriteHeader(http.StatusTeapot)
			}
		})
		compare := func(got result) error {
			status, message := 200, ""
			var e *bodyparser.Error
			if errors.As(got.err, &e) {
				status, message = e.Status, e.Message
			} else if got.err != nil {
				status = got.err.(interface{ StatusCode() int }).StatusCode()
			}
			switch {
			case status != want.Status:
				return fmt.Errorf("status %d (%v), want %d", status, got.err, want.Status)
			case want.Message != "" && message != want.Message && v.Excepts("message") == nil:
				return fmt.Errorf("message %q, want %q", message, want.Message)
			case status == 200 && !same(want.Body, got.value):
				return fmt.Errorf("body %#v, want %v", got.value, want.Body)
			}
			return nil
		}
		server := httptest.NewServer(parse)
		t.Cleanup(server.Close) // later: after a 413 net/http lingers for half a second
		if _, _, err := q.send(strings.TrimPrefix(server.URL, "http://")); err != nil {
			t.Errorf("%s: %v", v.ID, err)
		}
		got := <-results
		if q.abortAfter >= 0 {
			if !errors.Is(got.err, bodyparser.ErrAborted) {
				t.Errorf("%s: the error of a client that left is %v", v.ID, got.err)
			}
			return compare(got)
		}
		if err := compare(got); err != nil {
			return err
		}
		parse(httptest.NewRecorder(), q.request())
		return compare(<-results)
	}

	for _, v := range testkit.Vectors[vector](t, "body-parser.json", "next") {
		in := v.Case.Input
		cfg := bodyparser.Config{}
		refused := false
		switch limit := in.Options["limit"].(type) {
		case float64:
			cfg.Limit = bytesize.Size(limit)
		case string:
			size, err := bytesize.Parse(limit)
			refused = err != nil
			cfg.Limit = size
		}
		if refused {
			v.Settle(errors.New("no limit is made of that text"))
			continue
		}
		next := *v.Case.Expected.Next
		if next.Message != "" && v.Excepts("message") != nil {
			if want := "Body exceeded " + cfg.Limit.String() + " limit"; next.Message == want {
				t.Errorf("%s: deviation in the message is stale", v.ID)
			}
		}
		v.Settle(run(v, cfg, next))
		if d := v.Excepts(""); d != nil {
			if err := run(v, cfg, outcome{Status: statusIn(d.Why), Body: anything}); err != nil {
				t.Errorf("%s, expecting %q: %v", v.ID, d.Why, err)
			}
		}
		if v.Case.Expected.Express == nil {
			continue
		}

		// The second round.
		want := *v.Case.Expected.Express
		_, coded := in.Headers["Content-Encoding"]
		cfg.Inflate = true
		switch in.Options["verify"] {
		case "throw_status":
			cfg.Verify = func(*http.Request, []byte) error { return status(400) }
		case "throw_type":
			cfg.Verify = func(*http.Request, []byte) error { return errors.New("foo.bar") }
		case "pass":
			cfg.Verify = func(*http.Request, []byte) error { return nil }
		default:
			if !coded {
				continue
			}
		}
		switch v.ID {
		case "bp-0131", "bp-0184":
			want = outcome{Status: 415} // brotli is not supported
		case "bp-0188":
			want = outcome{Status: 413} // the limit applies to the compressed bytes too
		}
		if err := run(v, cfg, want); err != nil {
			t.Errorf("%s, compared with Express: %v", v.ID, err)
		}
	}
}

// statusIn returns the status that a deviation states instead.
func statusIn(why string) int {
	if n := regexp.MustCompile(`\b4\d\d\b`).FindString(why); n != "" {
		status, _ := strconv.Atoi(n)
		return status
	}
	switch {
	case strings.Contains(why, "valid UTF-8"):
		return 400
	case strings.Contains(why, "more than 1000 pairs"):
		return 413
	}
	return 200
}

// anything is a recorded body that equals every body.
var anything = map[string]any{"$deep": true}

type status int

func (s status) Error() string   { return "verify: " + strconv.Itoa(int(s)) }
func (s status) StatusCode() int { return int(s) }

// TestUrlencodedVectors compares with url.ParseQuery, and with the forms of
// Next.js.
func TestUrlencodedVectors(t *testing.T) {
	type vector struct {
		Input struct {
			Body   string
			Repeat *struct {
				Template, Separator string
				Count               int
			} `json:"body_repeat"`
		}
		Expected struct {
			Next       any     `json:"next_querystring"`
			NextCount  int     `json:"next_querystring_count"`
			NextLen    int     `json:"next_querystring_len"`
			Pairs      [][]any `json:"go_parsequery"`
			PairsCount int     `json:"go_parsequery_values"`
			Error      *string `json:"go_err"`
		}
	}
	for _, v := range testkit.Vectors[vector](t, "urlencoded.json", "next_querystring") {
		c := v.Case
		body := c.Input.Body
		if rep := c.Input.Repeat; rep != nil {
			parts := make([]string, rep.Count)
			for i := range parts {
				parts[i] = strings.ReplaceAll(rep.Template, "{i}", strconv.Itoa(i))
			}
			body = strings.Join(parts, rep.Separator)
		}
		r := post(formType, body)
		b, err := bodyparser.Parse(httptest.NewRecorder(), r, bodyparser.Config{})
		var values url.Values
		var flat any
		if err == nil {
			values, err = b.Form()
			if err != nil {
				t.Fatal(err)
			}
			flat, _ = b.Value()
		}

		// The column of Go: an error here where net/url has one, otherwise only
		// for too many pairs.
		if (err != nil) != (c.Expected.Error != nil || strings.Count(body, "&") >= 1000) {
			t.Errorf("%s: error %v", v.ID, err)
		}
		if err == nil {
			want := url.Values{}
			for _, pair := range c.Expected.Pairs {
				for _, v := range pair[1].([]any) {
					want.Add(pair[0].(string), v.(string))
				}
			}
			count := 0
			for name, list := range values {
				count += len(list)
				for i := range list {
					if c.Input.Repeat == nil && string([]rune(list[i])) != want[name][i] {
						t.Errorf("%s: %q = %q, want %q", v.ID, name, list[i], want[name][i])
					}
				}
			}
			if c.Input.Repeat == nil && len(values) != len(want) || c.Input.Repeat != nil && count != c.Expected.PairsCount {
				t.Errorf("%s: %d values, net/url has %v", v.ID, count, want)
			}
		}

		// The column of Next.js.
		var differs error
		switch {
		case err != nil:
			differs = err
		case c.Input.Repeat != nil && c.Expected.NextCount+c.Expected.NextLen != c.Input.Repeat.Count:
			differs = errors.New("another number of values")
		case c.Input.Repeat == nil && !same(c.Expected.Next, flat) && v.Excepts("values") == nil:
			differs = fmt.Errorf("%v, want %v", flat, c.Expected.Next)
		}
		v.Settle(differs)
	}
}
