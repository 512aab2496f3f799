package redirect_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/redirect"
)

// decided holds the answers to cases where Next is one of several answers and
// this package gives another. A status of 500 comes with no Location.
var decided = map[string]struct {
	status   int
	location string
}{
	"redirect/404-status-accepted":     {500, ""},
	"redirect/non-3xx-status-accepted": {500, ""},
	"redirect/space-in-url":            {307, "/a%20b"},
	"redirect/unicode-wide-url-error":  {307, "/%E2%82%AC"},
}

// TestBehaviourVectors runs the recorded handlers of Next with To and Code in
// place of res.redirect.
func TestBehaviourVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			ID, Portability string
			Handler         []struct {
				Op   string
				Code int
				Args []any
			}
			Request  struct{ Method string }
			Expected struct {
				Status        int
				Headers       map[string]string
				AbsentHeaders []string
				Body          string
			}
		}
	}
	load(t, "api-behaviour.json", &file)
	excepted := loadDeviations(t, "api-behaviour.json")

	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		var passed, parts, settled, whole int
		for _, v := range file.Cases {
			excepted.know(v.ID)
			other, isDecided := decided[v.ID]
			if excepted.has(v.ID, "") && !isDecided {
				whole++ // calls that the compiler refuses
				continue
			}
			wantStatus, wantLocation := v.Expected.Status, v.Expected.Headers["location"]
			wantBody := v.Expected.Body
			if isDecided {
				wantStatus, wantLocation, wantBody = other.status, other.location, other.location
				settled++
			}
			noType := excepted.has(v.ID, "absentHeaders.content-type")
			if noType {
				parts++
			}

			ok := t.Run(v.ID, func(t *testing.T) {
				var err error
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for _, op := range v.Handler {
						switch {
						case op.Op == "status": // Next ignores it when it redirects
						case (op.Op == "redirect" || op.Op == "redirectTry") && len(op.Args) == 1:
							err = redirect.To(w, r, op.Args[0].(string))
						case op.Op == "redirectTry":
							err = redirect.To(w, r, op.Args[0].(string)) // Next ignores the second argument
						case op.Op == "redirect":
							err = redirect.Code(w, r, int(op.Args[0].(float64)), op.Args[1].(string))
						default:
							t.Errorf("unknown operation %q", op.Op)
						}
					}
				})
				resp := tr.Do(t, handler, httptest.NewRequest(v.Request.Method, "/api/run", nil))
				body := testkit.Body(t, resp)
				location := resp.Header["Location"]
				if resp.StatusCode != wantStatus {
					t.Errorf("status %d, want %d", resp.StatusCode, wantStatus)
				}
				if wantStatus == 500 {
					var e *redirect.Error
					if !errors.As(err, &e) || len(location) != 0 || body == "" {
						t.Errorf("error %v, Location %q, body %q", err, location, body)
					}
					return
				}
				if err != nil {
					t.Error(err)
				}
				if len(location) != 1 || location[0] != wantLocation {
					t.Errorf("Location %q, want %q", location, wantLocation)
				}
				if body != wantBody {
					t.Errorf("body %q, want %q", body, wantBody)
				}
				for _, name := range v.Expected.AbsentHeaders {
					switch name {
					case "content-length", "transfer-encoding": // framing is net/http's
					case "content-type":
						want := "" // the cases that leave it open are declared too
						if noType || isDecided || v.Portability == "decide" {
							want = "text/plain; charset=utf-8"
						}
						if got := resp.Header.Get(name); got != want {
							t.Errorf("Content-Type is %q, want %q", got, want)
						}
					default:
						if resp.Header.Get(name) != "" {
							t.Errorf("%s is %q, want none", name, resp.Header.Get(name))
						}
					}
				}
			})
			if ok {
				passed++
			}
		}
		t.Logf("api-behaviour.json, redirect: %d passed (%d with an excepted part, %d decided otherwise), %d excepted, of %d",
			passed, parts, settled, whole, len(file.Cases))
	})
	excepted.finish()
}
