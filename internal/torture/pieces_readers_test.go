package torture_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/internal/requestbody"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// readers are the pieces that read the body of a request. All of them respond with its
// size, so that a part of it differs from the whole.
func readers() []piece {
	const secret = "secret"
	text := `{"text":"` + longText + `"}`
	sized := func(size int, contentType, body string, p piece) piece {
		p.want = fmt.Sprintf(`{"bytes":%d}`, size)
		return posting(contentType, body, p)
	}
	json := func(p piece) piece { return sized(len(text), "application/json", text, p) }
	parsing := func(cfg bodyparser.Config) (func(*host) http.Handler, func(*host) func(http.Handler) http.Handler) {
		over := func(t *host) func(http.Handler) http.Handler {
			cfg := cfg
			cfg.Logger = t.Logger()
			return bodyparser.New(cfg)
		}
		return func(t *host) http.Handler { return over(t)(reply.HandlerFunc(tellParsed)) }, over
	}
	parsed := func(cfg bodyparser.Config, p piece) piece {
		p.make, p.over = parsing(cfg)
		return p
	}
	signed := parsed(bodyparser.Config{Verify: bodyparser.VerifyHMAC("X-Signature", "sha256=", []byte(secret))},
		json(piece{name: "bodyparser.New, verified"}))
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, text)
	signed.fields["X-Signature"] = "sha256=" + hex.EncodeToString(mac.Sum(nil))
	inflated := parsed(bodyparser.Config{Inflate: true}, sized(len(text), "application/json", gzipped(text), piece{name: "bodyparser.New, inflated"}))
	inflated.fields["Content-Encoding"] = "gzip"
	parts, partsType := multipartForm()
	events := "data: " + longText + "\n\n"

	return []piece{
		parsed(bodyparser.Config{}, json(piece{name: "bodyparser.New, json"})),
		parsed(bodyparser.Config{}, sized(len(form()), "application/x-www-form-urlencoded", form(), piece{name: "bodyparser.New, form"})),
		parsed(bodyparser.Config{}, sized(len(longText), "text/plain", longText, piece{name: "bodyparser.New, text"})),
		signed,
		inflated,
		json(piece{name: "bodyparser.New, raw", byHand: true, make: func(t *host) http.Handler {
			return bodyparser.New(bodyparser.Config{Raw: true, Limit: 64 << 10, Logger: t.Logger()})(reply.HandlerFunc(readAll))
		}}),
		json(piece{name: "bodyparser.Parse", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			b, err := bodyparser.Parse(w, r, bodyparser.Config{})
			if err != nil {
				return err
			}
			return tell(w, r, len(b.Bytes()))
		})}),
		json(piece{name: "bodyparser.Parse, pooled", make: answering(func(w http.ResponseWriter, r *http.Request) (err error) {
			pooled := requestbody.NewPooledWriter(w)
			defer func() { pooled.Release(r, err) }()
			b, err := bodyparser.Parse(pooled, r, bodyparser.Config{})
			if err != nil {
				return err
			}
			if err := b.Decode(new(thing)); err != nil {
				return err
			}
			return tell(w, r, len(b.Bytes()))
		})}),
		sized(len(longText), "application/json", text, piece{name: "bind.Handler", make: func(*host) http.Handler {
			return bind.Handler(func(w http.ResponseWriter, r *http.Request, in thing) error { return tell(w, r, len(in.Text)) })
		}}),
		sized(len(longText), "application/x-www-form-urlencoded", form(), piece{name: "bind.HandlerWith, form", make: func(t *host) http.Handler {
			return bind.HandlerWith(bind.Config{Logger: t.Logger()}, func(w http.ResponseWriter, r *http.Request, in thing) error {
				return tell(w, r, len(in.Text))
			})
		}}),
		sized(len(longText), "application/json", text, piece{name: "bind.Func", make: func(*host) http.Handler {
			return bind.Func(func(r *http.Request, in thing) (size, error) { return size{len(in.Text)}, nil })
		}}),
		sized(len(longText), partsType, parts, piece{name: "upload.Parts", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			var size int64
			for p, err := range upload.Parts(w, r, upload.Config{}) {
				if err != nil {
					return err
				}
				n, err := io.Copy(io.Discard, p)
				if err != nil {
					return err
				}
				if p.IsFile() {
					size += n
				}
			}
			return tell(w, r, int(size))
		})}),
		sized(len(longText), partsType, parts, piece{name: "upload.Form", make: answering(saveForm)}),
		sized(len(longText), "text/event-stream", events, piece{name: "stream.Reader", byHand: true, make: answering(func(w http.ResponseWriter, r *http.Request) error {
			n := 0
			for event, err := range stream.NewReader(r.Body).All() {
				if err != nil {
					return unreadable(err)
				}
				n += len(event.Data)
			}
			if n == 0 {
				return reply.NewError(400, "No event") // the standard drops an incomplete one
			}
			return tell(w, r, n)
		})}),
		json(piece{name: "middleware.New, parsing", recovers: true, make: func(t *host) http.Handler {
			return middleware.New(middleware.Config{MaxDuration: day, WarnUnresolved: true, Logger: t.Logger()})(reply.HandlerFunc(tellParsed))
		}, over: func(t *host) func(http.Handler) http.Handler {
			return middleware.New(middleware.Config{MaxDuration: day, WarnUnresolved: true, Logger: t.Logger()})
		}}),
	}
}

type size struct {
	Bytes int `json:"bytes"`
}

func tell(w http.ResponseWriter, r *http.Request, n int) error {
	return reply.JSON(w, r, 200, size{n})
}

func tellParsed(w http.ResponseWriter, r *http.Request) error {
	b, ok := bodyparser.From(r)
	if !ok {
		return errors.New("no parser")
	}
	return tell(w, r, len(b.Bytes()))
}

func readAll(w http.ResponseWriter, r *http.Request) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return unreadable(err)
	}
	return tell(w, r, len(b))
}

// unreadable is the response of a handler that reads a body itself to a failure.
func unreadable(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return reply.NewError(400, "Invalid body").WithCause(err)
}

// saveForm saves the files of a form, and removes them.
func saveForm(w http.ResponseWriter, r *http.Request) error {
	dir := os.Getenv(saveVariable)
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "upload"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	var size int64
	_, err := upload.Form(w, r, upload.Config{}, func(p *upload.Part) error {
		path := filepath.Join(dir, p.FileName())
		n, err := p.SaveAs(path)
		size += n
		if err == nil {
			err = os.Remove(path)
		}
		return err
	})
	if err != nil {
		return err
	}
	return tell(w, r, int(size))
}

// saveVariable names the directory for uploads, unless it is a temporary one.
const saveVariable = "APIECE_TORTURE_SAVE"

// multipartForm is a form of a field and a file.
func multipartForm() (body, contentType string) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	form.SetBoundary("a-boundary-that-is-the-same-each-time")
	form.WriteField("name", "value")
	part, _ := form.CreateFormFile("file", "file.txt")
	io.WriteString(part, longText)
	form.Close()
	return b.String(), form.FormDataContentType()
}
