package bodyparser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
)

// A note is the request body of this service.
type note struct {
	Text string `json:"text"`
}

func addNote(w http.ResponseWriter, r *http.Request) {
	body, _ := bodyparser.From(r) // never nil inside the parser
	var in note
	if err := body.Decode(&in); err != nil {
		http.Error(w, "not a note", http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%q from %d bytes of %s", in.Text, len(body.Bytes()), body.MediaType())
}

// A service with request bodies of up to 1 KB.
func Example_service() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/notes", addNote)
	service := bodyparser.New(bodyparser.Config{Limit: 1 * bytesize.KB})(mux)

	for _, body := range []string{`{"text":"milk"}`, `{"text":7}`, `{"text":"` + strings.Repeat("x", 2000) + `"}`} {
		r := httptest.NewRequest("POST", "/api/notes", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 "milk" from 15 bytes of application/json
	// 400 not a note
	// 413 {"title":"Request Entity Too Large","status":413,"detail":"Body exceeded 1kb limit"}
}
