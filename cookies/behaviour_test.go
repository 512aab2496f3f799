package cookies_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/internal/testkit"
)

// op is one step of a recorded handler.
type op struct {
	Op, Name, Text string
	Value, Data    any
	Options        struct {
		MaxAge int
		Path   string
	}
}

// decided holds the bodies of cases where Next is one of several answers and this
// package gives another.
var decided = map[string]any{
	"cookies/quoted-unterminated": map[string]any{"cookies": map[string]any{"a": `"xy`}},
}

// TestBehaviourVectors runs the recorded handlers of Next with the functions of
// this package in place of req.cookies, res.setDraftMode and the like.
func TestBehaviourVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			ID      string
			Handler []op
			Request struct {
				Method  string
				Headers map[string]any
			}
			Expected struct {
				Status    int
				Body      string
				BodyJSON  any `json:"bodyJson"`
				SetCookie []string
			}
		}
	}
	load(t, "api-behaviour.json", &file)
	excepted := loadDeviations(t, "api-behaviour.json")

	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		var passed, parts, whole int
		for _, v := range file.Cases {
			excepted.know(v.ID)
			if excepted.has(v.ID, "") {
				whole++ // req.cookies cannot be assigned to
				continue
			}
			ok := t.Run(v.ID, func(t *testing.T) {
				draft := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{key32('k')}, Path: pathOf(v.Handler)})
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for _, op := range v.Handler {
						run(t, draft, w, r, op)
					}
				})
				resp := tr.Do(t, handler, request(v.Request.Method, v.Request.Headers, previewID(t, draft)))
				body := testkit.Body(t, resp)

				if resp.StatusCode != v.Expected.Status {
					t.Errorf("status %d, want %d", resp.StatusCode, v.Expected.Status)
				}
				wantJSON, wantCookies := v.Expected.BodyJSON, v.Expected.SetCookie
				if other, ok := decided[v.ID]; ok {
					wantJSON = other
				}
				if excepted.has(v.ID, "bodyJson") {
					wantJSON = map[string]any{"cookies": map[string]any{}} // a pair without a name is skipped
					parts++
				}
				if excepted.has(v.ID, "setCookie") {
					wantCookies = nil // reading does not clear
					parts++
				}
				if wantJSON != nil {
					var got any
					if err := json.Unmarshal([]byte(body), &got); err != nil || !reflect.DeepEqual(got, wantJSON) {
						t.Errorf("body %s, want %v", body, wantJSON)
					}
				} else if body != v.Expected.Body {
					t.Errorf("body %q, want %q", body, v.Expected.Body)
				}
				compareCookies(t, resp.Header["Set-Cookie"], wantCookies)
			})
			if ok {
				passed++
			}
		}
		t.Logf("api-behaviour.json, cookies and draft-preview: %d passed (%d with an excepted part), %d excepted, of %d",
			passed, parts, whole, len(file.Cases))
	})
	excepted.finish()
}

func run(t *testing.T, draft *cookies.Draft, w http.ResponseWriter, r *http.Request, op op) {
	var err error
	maxAge := time.Duration(op.Options.MaxAge) * time.Second
	switch op.Op {
	case "echo":
		err = json.NewEncoder(w).Encode(map[string]any{"cookies": cookies.All(r)})
	case "setHeader":
		w.Header().Add(op.Name, op.Value.(string))
	case "setDraftMode":
		err = draft.Enable(w, r, maxAge)
	case "setPreviewData":
		err = draft.SetPreview(w, op.Data, maxAge)
	case "clearPreviewData":
		err = draft.Disable(w)
	case "preview":
		answer := map[string]any{"previewData": false}
		if draft.Enabled(r) {
			data := map[string]any{}
			_, err = draft.Preview(r, &data)
			answer = map[string]any{"preview": true, "draftMode": true, "previewData": data}
		}
		if err == nil {
			err = json.NewEncoder(w).Encode(answer)
		}
	case "end":
		_, err = io.WriteString(w, op.Text)
	default:
		t.Errorf("unknown operation %q", op.Op)
	}
	if err != nil {
		t.Errorf("%s: %v", op.Op, err)
	}
}

// pathOf returns the path option of the handler. Next takes it with each call,
// this package once for all.
func pathOf(handler []op) (path string) {
	for _, op := range handler {
		path += op.Options.Path
	}
	return path
}

// previewID returns a value of the first draft cookie.
func previewID(t *testing.T, draft *cookies.Draft) string {
	rec := httptest.NewRecorder()
	if err := draft.Enable(rec, carrying(), 0); err != nil {
		t.Fatal(err)
	}
	return rec.Result().Cookies()[0].Value
}

func request(method string, headers map[string]any, previewID string) *http.Request {
	r := httptest.NewRequest(method, "/api/run", nil)
	for name, value := range headers {
		values, several := value.([]any)
		if !several {
			values = []any{value}
		}
		for _, v := range values {
			r.Header.Add(name, strings.ReplaceAll(v.(string), "$PREVIEW_ID", previewID))
		}
	}
	return r
}

// compareCookies compares Set-Cookie lines and their attributes as sets. A
// wanted value that starts with $ stands for any that is not empty.
func compareCookies(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("Set-Cookie = %q, want %q", got, want)
		return
	}
	// The order of the lines means nothing.
	slices.Sort(got)
	slices.Sort(want)
	for i := range want {
		gotPair, gotAttrs := parseSetCookie(got[i])
		wantPair, wantAttrs := parseSetCookie(want[i])
		name, value, _ := strings.Cut(wantPair, "=")
		if strings.HasPrefix(value, "$") {
			gotName, gotValue, _ := strings.Cut(gotPair, "=")
			if gotName == name && gotValue != "" {
				gotPair = wantPair
			}
		}
		if gotPair != wantPair || !reflect.DeepEqual(gotAttrs, wantAttrs) {
			t.Errorf("Set-Cookie %q, want %q", got[i], want[i])
		}
	}
}
