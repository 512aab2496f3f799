// Package contact is a complete contact form: a page that works without scripts, a
// route that accepts the form as urlencoded, multipart or JSON, checks against spam
// bots and mail header injection, and a mail.
//
// Package bind decodes urlencoded, multipart and JSON bodies into one struct, so the
// route is written once; its Errors name the wrong fields. Package cookies signs the
// time at which the page was loaded. The kit does not send mail: a Sender is an
// interface with one method, and SMTP implements it with net/smtp.
//
//	form := contact.New(contact.SMTP{Addr: "localhost:25", From: "www@example.com", To: "me@example.com"}, key)
//	mux.Handle("GET /contact", form.Page())
//	mux.Handle("POST /contact", middleware.New(middleware.Config{MaxDuration: 10 * time.Second})(form.Post()))
//
// MaxDuration limits a slow mail server: the client gets 504, and the connection to
// the mail server is closed. Put a rate limit in front, see package ratelimit. Other
// sites cannot post the form, since the cookie is SameSite=Strict.
package contact

import (
	"bytes"
	"errors"
	"html/template"
	"log/slog"
	"mime"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

const (
	tooQuick = 3 * time.Second // for a person who reads and types
	tooLate  = 12 * time.Hour
)

// A message is the form. It has no validate tags: bind would not return an invalid
// message, and the page shows it again.
type message struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Subject string `json:"subject"`
	Text    string `json:"text"`

	// Website is a honeypot: hidden on the page, and filled in only by bots.
	Website string `json:"website"`
}

// check returns the invalid fields. Name and Subject become header fields of a mail,
// in which a line break would start another field.
func (m message) check() error {
	var e bind.Errors
	line := func(path, value string, max int) {
		switch {
		case value == "":
			e.Fields = append(e.Fields, bind.FieldError{Path: path, Rule: "required", Message: "is required"})
		case utf8.RuneCountInString(value) > max:
			e.Fields = append(e.Fields, bind.FieldError{Path: path, Rule: "max", Message: "is too long"})
		case path != "/text" && strings.ContainsAny(value, "\r\n"):
			e.Fields = append(e.Fields, bind.FieldError{Path: path, Rule: "line", Message: "must be one line"})
		}
	}
	line("/name", m.Name, 80)
	line("/email", m.Email, 254)
	line("/subject", m.Subject, 120)
	line("/text", m.Text, 5000)
	if a, err := mail.ParseAddress(m.Email); m.Email != "" && (err != nil || a.Address != m.Email) {
		e.Fields = append(e.Fields, bind.FieldError{Path: "/email", Rule: "email", Message: "must be an email address"})
	}
	if e.Fields == nil {
		return nil
	}
	return &e
}

// A Form has the page and its route.
type Form struct {
	sender Sender
	signer *cookies.Signer
}

// New returns a Form that sends its messages with sender. The key signs cookies and
// has 32 random bytes or more.
func New(sender Sender, key []byte) *Form {
	return &Form{sender, cookies.NewSigner(key)}
}

// Page returns the handler of the page with the form.
func (f *Form) Page() http.Handler {
	return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		err := f.signer.Set(w, &http.Cookie{
			Name: "__Host-contact", Value: strconv.FormatInt(time.Now().UnixMilli(), 10), Path: "/",
			MaxAge: int(tooLate.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		})
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "private, no-store") // the cookie is for one visitor
		return render(w, r, http.StatusOK, view{Sent: r.URL.Query().Has("sent")})
	})
}

// Post returns the handler of the submitted form.
func (f *Form) Post() http.Handler {
	return bind.Handler(func(w http.ResponseWriter, r *http.Request, m message) error {
		isForm := formType(r)
		if err := m.check(); err != nil {
			var e *bind.Errors
			if isForm && errors.As(err, &e) {
				return render(w, r, http.StatusUnprocessableEntity, view{Message: m, Errors: e.Fields})
			}
			return err
		}
		robot, err := f.robot(r, m)
		if err != nil {
			return err
		}
		if robot {
			// A bot gets the success response, so that it does not learn of the check.
			slog.InfoContext(r.Context(), "contact: dropped a message")
		} else if err := f.sender.Send(r.Context(), Mail{m.Name, m.Email, m.Subject, m.Text}); err != nil {
			return reply.NewError(http.StatusBadGateway, "The message could not be sent").WithCause(err)
		}
		if isForm {
			return redirect.Code(w, r, http.StatusSeeOther, "?sent=1") // GET, so that a reload does not send again
		}
		return reply.JSON(w, r, http.StatusAccepted, map[string]bool{"sent": true})
	})
}

// robot reports whether a bot wrote the message. Without the cookie it cannot tell,
// and a person with an old page needs a response.
func (f *Form) robot(r *http.Request, m message) (bool, error) {
	value, ok := f.signer.Lookup(r, "__Host-contact")
	if !ok {
		return false, reply.NewError(http.StatusBadRequest, "The form has expired. Please load the page again, with cookies allowed.")
	}
	loaded, err := strconv.ParseInt(value, 10, 64)
	return m.Website != "" || err != nil || time.Since(time.UnixMilli(loaded)) < tooQuick, nil
}

func formType(r *http.Request) bool {
	t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return t == "application/x-www-form-urlencoded" || t == "multipart/form-data"
}

type view struct {
	Sent    bool
	Message message
	Errors  []bind.FieldError
}

func render(w http.ResponseWriter, r *http.Request, status int, v view) error {
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return reply.Send(w, r, status, b.String())
}

var page = template.Must(template.New("contact").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Contact</title>
{{if .Sent}}<p role="status">Thank you. Your message is on its way.{{end}}
{{range .Errors}}<p role="alert">{{.}}{{end}}
<form method="post" action="/contact">
<label>Name <input name="name" value="{{.Message.Name}}" maxlength="80" required></label>
<label>Email <input name="email" type="email" value="{{.Message.Email}}" maxlength="254" required></label>
<label>Subject <input name="subject" value="{{.Message.Subject}}" maxlength="120" required></label>
<label>Text <textarea name="text" maxlength="5000" required>{{.Message.Text}}</textarea></label>
<div hidden><label>Leave this empty <input name="website" tabindex="-1" autocomplete="off"></label></div>
<button>Send</button>
</form>
</html>
`))
