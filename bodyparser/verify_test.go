package bodyparser_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
)

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestVerifyHMAC(t *testing.T) {
	const body = `{"zen":"Keep it logically awesome."}`
	for _, test := range []struct {
		why    string
		header []string
		status int
	}{
		{"signed with the first secret", []string{"sha256=" + sign("new", body)}, 200},
		{"signed with the second", []string{"sha256=" + sign("old", body)}, 200},
		{"digits in capitals", []string{"sha256=" + strings.ToUpper(sign("new", body))}, 200},
		{"another secret", []string{"sha256=" + sign("other", body)}, 403},
		{"another body", []string{"sha256=" + sign("new", body+" ")}, 403},
		{"no header", nil, 403},
		{"an empty header", []string{""}, 403},
		{"the prefix alone", []string{"sha256="}, 403},
		{"no prefix", []string{sign("new", body)}, 403},
		{"another prefix", []string{"sha1=" + sign("new", body)}, 403},
		{"a digest that is cut off", []string{"sha256=" + sign("new", body)[:62]}, 403},
		{"no hexadecimal", []string{"sha256=" + strings.Repeat("z", 64)}, 403},
		{"two headers leave a choice", []string{"sha256=" + sign("new", body), "sha256=" + sign("old", body)}, 403},
	} {
		h := bodyparser.New(bodyparser.Config{
			Verify: bodyparser.VerifyHMAC("X-Hub-Signature-256", "sha256=", []byte("new"), []byte("old")),
		})(answerText)
		r := post(jsonType, body)
		r.Header["X-Hub-Signature-256"] = test.header
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s: %d, want %d", test.why, w.Code, test.status)
		}
		if strings.Contains(w.Body.String(), sign("new", body)) {
			t.Errorf("%s: the answer has the signature", test.why)
		}
	}
}

// Bodies that are not parsed are verified too, and so are missing bodies.
func TestVerifyLeavesNothingOut(t *testing.T) {
	h := bodyparser.New(bodyparser.Config{Verify: bodyparser.VerifyHMAC("Sig", "", []byte("secret"))})(answerText)
	for _, contentType := range []string{"", jsonType, formType, "multipart/form-data; boundary=x", "application/octet-stream"} {
		for _, body := range []string{"", "x=1"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, post(contentType, body))
			if w.Code != 403 {
				t.Errorf("%q of type %q: %d", body, contentType, w.Code)
			}
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 403 {
		t.Errorf("GET: %d", w.Code)
	}
	r := post("multipart/form-data; boundary=x", "x")
	r.Header.Set("Sig", sign("secret", "x"))
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 || w.Body.String() != "1" {
		t.Errorf("a signed multipart body: %d %s", w.Code, w.Body)
	}
}

func TestVerifyComesBeforeParsing(t *testing.T) {
	h := bodyparser.New(bodyparser.Config{Verify: func(_ *http.Request, body []byte) error {
		if string(body) != "{bad" {
			t.Errorf("was given %q", body)
		}
		return errors.New("not signed")
	}})(answerText)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post(jsonType, "{bad"))
	if w.Code != 403 {
		t.Errorf("%d, so what strangers send is parsed", w.Code)
	}
}

func TestVerifyHMACPanics(t *testing.T) {
	for why, make := range map[string]func(){
		"no header":       func() { bodyparser.VerifyHMAC("", "", []byte("x")) },
		"no secret":       func() { bodyparser.VerifyHMAC("Sig", "") },
		"an empty secret": func() { bodyparser.VerifyHMAC("Sig", "", []byte("x"), []byte("")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", why)
				}
			}()
			make()
		}()
	}
}
