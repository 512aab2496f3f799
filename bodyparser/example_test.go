package bodyparser_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/reply"
)

func Example() {
	type note struct {
		Text string `json:"text"`
	}
	chain := alice.New(bodyparser.New(bodyparser.Config{Limit: bytesize.KB}))
	mux := http.NewServeMux()
	mux.Handle("POST /notes", chain.ThenFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := bodyparser.From(r)
		var n note
		if err := body.Decode(&n); err != nil {
			reply.Problem(w, r, err)
			return
		}
		fmt.Fprintln(w, "noted:", n.Text)
	}))

	for _, text := range []string{
		`{"text": "buy milk"}`,
		`{"text": "buy milk"`,
		`{"text": "` + strings.Repeat("milk ", 1000) + `"}`,
	} {
		r := httptest.NewRequest("POST", "/notes", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 noted: buy milk
	// 400 {"title":"Bad Request","status":400,"detail":"Invalid JSON"}
	// 413 {"title":"Request Entity Too Large","status":413,"detail":"Body exceeded 1kb limit"}
}

// Handlers written for net/http read the body from r.Body.
func ExampleNew() {
	parser := bodyparser.New(bodyparser.Config{})
	h := parser(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello", r.PostFormValue("name"))
	}))

	r := httptest.NewRequest("POST", "/", strings.NewReader("name=gopher"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Print(w.Body)
	// Output: hello gopher
}

// A service ported from Next.js can keep its error texts.
func ExampleNew_plainErrors() {
	parser := bodyparser.New(bodyparser.Config{OnError: reply.PlainError})
	h := parser(http.NotFoundHandler())

	r := httptest.NewRequest("POST", "/", strings.NewReader("{oops"))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 400 Invalid JSON
}

// With Raw the handler reads the stream, as with bodyParser: false in Next.js.
// It can still call Parse, with its own limit.
func ExampleParse() {
	chain := alice.New(bodyparser.New(bodyparser.Config{Raw: true}))
	h := chain.Then(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		body, err := bodyparser.Parse(w, r, bodyparser.Config{Limit: 25 * bytesize.MB})
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%d bytes of %s", len(body.Bytes()), body.MediaType())
		return nil
	}))

	r := httptest.NewRequest("POST", "/", strings.NewReader(`{"action":"opened"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: 19 bytes of application/json
}

func ExampleFrom() {
	h := bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodyparser.From(r)
		fmt.Println(ok, body.Present(), body.MediaType(), body.Text())
	}))
	r := httptest.NewRequest("POST", "/", strings.NewReader("caf\xe9"))
	r.Header.Set("Content-Type", "text/plain; charset=iso-8859-1")
	h.ServeHTTP(httptest.NewRecorder(), r)
	// Output: true true text/plain café
}

// CSP reports and navigator.sendBeacon send JSON under other types. JSON sent
// as a form by mistake gets a hint.
func ExampleConfig_jsonTypes() {
	parser := bodyparser.New(bodyparser.Config{JSONTypes: []string{"application/csp-report", "text/plain"}})
	h := parser(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		body, _ := bodyparser.From(r)
		var event struct{ Kind string }
		if err := body.Decode(&event); err != nil {
			return err
		}
		_, err := io.WriteString(w, event.Kind)
		return err
	}))

	for _, contentType := range []string{"text/plain;charset=UTF-8", "application/csp-report", "text/html"} {
		r := httptest.NewRequest("POST", "/events", strings.NewReader(`{"kind":"click"}`))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 click
	// 200 click
	// 415 {"title":"Unsupported Media Type","status":415,"detail":"Unsupported media type, want application/json, application/csp-report, text/plain"}
}

// In the App Router request.json() ignores the type.
func ExampleBody_JSON() {
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{"name":"gopher"}`)) // with no Content-Type
	body, _ := bodyparser.Parse(nil, r, bodyparser.Config{})
	var in struct{ Name string }
	err := body.JSON(&in)
	fmt.Println(in.Name, err)
	// Output: gopher <nil>
}

func ExampleBody_Value() {
	for _, sent := range [][2]string{
		{"application/json", `{"id": 9007199254740993}`},
		{"application/x-www-form-urlencoded", "tag=a&tag=b"},
		{"text/plain", "hello"},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(sent[1]))
		r.Header.Set("Content-Type", sent[0])
		body, _ := bodyparser.Parse(nil, r, bodyparser.Config{})
		value, err := body.Value()
		fmt.Println(value, err)
	}
	// Output:
	// map[id:9007199254740993] <nil>
	// map[tag:[a b]] <nil>
	// hello <nil>
}

// A GitHub webhook: the signature is checked on the received bytes, before they
// are parsed.
func ExampleVerifyHMAC() {
	secret := []byte("It's a Secret to Everybody")
	parser := bodyparser.New(bodyparser.Config{
		Limit:  25 * bytesize.MB, // what GitHub may send
		Verify: bodyparser.VerifyHMAC("X-Hub-Signature-256", "sha256=", secret),
	})
	h := parser(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := bodyparser.From(r)
		fmt.Fprint(w, "delivered: ", body.Text())
	}))

	for _, signature := range []string{
		"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
		"sha256=0000000000000000000000000000000000000000000000000000000000000000",
	} {
		r := httptest.NewRequest("POST", "/webhook", strings.NewReader("Hello, World!"))
		r.Header.Set("X-Hub-Signature-256", signature)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 delivered: Hello, World!
	// 403 {"title":"Forbidden","status":403,"detail":"Verification failed"}
}

// Signatures that cover more than the body, such as the time for Stripe, take a
// function of a few lines.
func ExampleConfig_verify() {
	now := time.Unix(1_700_000_000, 0)
	signature := func(at string, body []byte) []byte {
		mac := hmac.New(sha256.New, []byte("whsec_test"))
		io.WriteString(mac, at+".")
		mac.Write(body)
		return mac.Sum(nil)
	}
	timestamped := func(r *http.Request, body []byte) error {
		var at string
		var match bool
		for field := range strings.SplitSeq(r.Header.Get("Stripe-Signature"), ",") {
			switch name, value, _ := strings.Cut(field, "="); name {
			case "t":
				at = value
			case "v1":
				got, _ := hex.DecodeString(value)
				match = match || hmac.Equal(got, signature(at, body))
			}
		}
		seconds, _ := strconv.ParseInt(at, 10, 64)
		if age := now.Sub(time.Unix(seconds, 0)).Abs(); !match || age > 5*time.Minute {
			return errors.New("signature does not match, or is too old")
		}
		return nil
	}
	h := bodyparser.New(bodyparser.Config{Verify: timestamped})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "paid")
	}))

	for _, at := range []string{"1700000000", "1600000000"} {
		r := httptest.NewRequest("POST", "/stripe", strings.NewReader("{}"))
		r.Header.Set("Stripe-Signature", "t="+at+",v1="+hex.EncodeToString(signature(at, []byte("{}"))))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 403
}
