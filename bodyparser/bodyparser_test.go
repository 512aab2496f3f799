package bodyparser_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/internal/requestbody"
	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest("POST", "/?a=query", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// parsePooled parses into memory of the pool until use returns, like package bind.
func parsePooled(w http.ResponseWriter, r *http.Request, cfg bodyparser.Config, use func(*bodyparser.Body) error) error {
	pooled := requestbody.NewPooledWriter(w)
	b, err := bodyparser.Parse(pooled, r, cfg)
	if err == nil {
		err = use(b)
	}
	pooled.Release(r, err)
	return err
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// TestReplayLength: a chunked body is sent on with its length, and an empty
// one without a length.
func TestReplayLength(t *testing.T) {
	for _, body := range []string{`{"a":1}`, ""} {
		h := bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength != int64(len(body)) || r.TransferEncoding != nil {
				t.Errorf("%q: length %d, coding %v", body, r.ContentLength, r.TransferEncoding)
			}
		}))
		testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
			r := post(jsonType, "")
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), -1
			tr.Do(t, h, r)
		})
	}
}

func TestReplayYieldsTheBody(t *testing.T) {
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		h := bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, ok := bodyparser.From(r)
			if !ok || !b.Present() || b.MediaType() != jsonType {
				t.Errorf("From = %v, %v", b, ok)
			}
			again, err := io.ReadAll(r.Body)
			if err != nil || string(again) != `{"a":1}` || string(b.Bytes()) != string(again) {
				t.Errorf("r.Body gave %q, %v after parsing", again, err)
			}
			io.WriteString(w, "ok")
		}))
		if got := testkit.Body(t, tr.Do(t, h, post(jsonType, `{"a":1}`))); got != "ok" {
			t.Error(got)
		}
	})
}
