package upload_test

import (
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/reply"
)

// An avatar is saved under a name that the server chooses; the client's name is
// for display.
func Example() {
	dir, err := os.MkdirTemp("", "avatars")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	h := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		cfg := upload.Config{MaxFiles: 1, FileLimit: 10 * bytesize.B}
		fields, err := upload.Form(w, r, cfg, func(p *upload.Part) error {
			size, err := p.SaveAs(filepath.Join(dir, "gopher"))
			if err == nil {
				fmt.Println(p.FileName(), p.ContentType(), size)
			}
			return err
		})
		if err != nil {
			return err
		}
		fmt.Println("hello", fields.Get("name"))
		return nil
	})

	for _, content := range []string{"pixels", "too many pixels"} {
		var body strings.Builder
		form := multipart.NewWriter(&body)
		form.WriteField("name", "gopher")
		f, _ := form.CreateFormFile("avatar", `C:\pictures\me.png`)
		fmt.Fprint(f, content)
		form.Close()
		r := httptest.NewRequest("POST", "/avatar", strings.NewReader(body.String()))
		r.Header.Set("Content-Type", form.FormDataContentType())
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body)))
	}
	// Output:
	// me.png application/octet-stream 6
	// hello gopher
	// 200
	// 413 {"title":"Request Entity Too Large","status":413,"detail":"The file exceeded 10b limit"}
}

func ExampleParts() {
	body := "--b\r\nContent-Disposition: form-data; name=note\r\n\r\nhello\r\n" +
		"--b\r\nContent-Disposition: form-data; name=scan; filename=a.pdf\r\n\r\n%PDF\r\n--b--\r\n"
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")

	for part, err := range upload.Parts(httptest.NewRecorder(), r, upload.Config{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		text, err := part.Text()
		fmt.Println(part.Name(), part.IsFile(), part.FileName(), text, err)
	}
	// Output:
	// note false  hello <nil>
	// scan true a.pdf %PDF <nil>
}

// Files that are needed after the whole form was read.
func ExamplePart_Spool() {
	dir, err := os.MkdirTemp("", "forms")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	body := "--b\r\nContent-Disposition: form-data; name=scan; filename=a.pdf\r\n\r\n%PDF\r\n" +
		"--b\r\nContent-Disposition: form-data; name=title\r\n\r\nPlans\r\n--b--\r\n"
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")

	var scan upload.File
	fields, err := upload.Form(httptest.NewRecorder(), r, upload.Config{MaxFiles: 1}, func(p *upload.Part) (err error) {
		scan, err = p.Spool(dir)
		return err
	})
	fmt.Println(fields.Get("title"), scan.FileName(), scan.Size(), err)
	// Output: Plans a.pdf 4 <nil>
}
