package contact_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/apiece/apiece/examples/compose/contact"
	"github.com/apiece/apiece/middleware"
)

func Example() {
	form := contact.New(contact.SMTP{Addr: "localhost:25", From: "www@example.com", To: "me@example.com"}, key)
	mux := http.NewServeMux()
	mux.Handle("GET /contact", form.Page())
	mux.Handle("POST /contact", middleware.New(middleware.Config{MaxDuration: 10 * time.Second})(form.Post()))

	f := good()
	f["email"] = "nowhere"
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, post("", "json", f))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"email must be an email address","errors":[{"path":"/email","rule":"email","message":"must be an email address"}]}
}
