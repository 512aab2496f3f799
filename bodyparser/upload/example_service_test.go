package upload_test

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/reply"
)

// avatar accepts a form with a name and a picture of up to 1 KB.
func avatar(w http.ResponseWriter, r *http.Request) error {
	var size int64
	fields, err := upload.Form(w, r, upload.Config{FileLimit: 1 * bytesize.KB, MaxFiles: 1}, func(file *upload.Part) error {
		n, err := io.Copy(io.Discard, file) // or file.SaveAs, or an object store
		size += n
		return err
	})
	if err != nil {
		return err // it has its own status
	}
	return reply.JSON(w, r, http.StatusCreated, map[string]any{"name": fields.Get("name"), "bytes": size})
}

// A service that accepts uploads.
func ExampleForm() {
	mux := http.NewServeMux()
	mux.Handle("POST /api/avatar", reply.HandlerFunc(avatar))

	for _, picture := range []string{"small", strings.Repeat("large ", 1000)} {
		var body strings.Builder
		form := multipart.NewWriter(&body)
		form.WriteField("name", "Ada")
		part, err := form.CreateFormFile("picture", "ada.png")
		if err != nil {
			fmt.Println(err)
			return
		}
		io.WriteString(part, picture)
		form.Close()
		r := httptest.NewRequest("POST", "/api/avatar", strings.NewReader(body.String()))
		r.Header.Set("Content-Type", form.FormDataContentType())
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 201 {"bytes":5,"name":"Ada"}
	// 413 {"title":"Request Entity Too Large","status":413,"detail":"The file exceeded 1kb limit"}
}
