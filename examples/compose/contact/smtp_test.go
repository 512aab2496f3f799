package contact_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/examples/compose/contact"
	"github.com/apiece/apiece/internal/testkit"
)

// A mailbox is a mail server that stores the mails.
type mailbox struct {
	from, to string
	text     chan string
}

func (b *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return b, nil }
func (b *mailbox) Reset()                                      {}
func (b *mailbox) Logout() error                               { return nil }

func (b *mailbox) Mail(from string, _ *smtp.MailOptions) error {
	b.from = from
	return nil
}

func (b *mailbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == "nobody@example.com" {
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	}
	b.to = to
	return nil
}

func (b *mailbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	b.text <- string(text)
	return err
}

func startMailbox(t *testing.T) (*mailbox, string) {
	b := &mailbox{text: make(chan string, 1)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(b)
	server.Domain = "localhost"
	served := make(chan struct{})
	go func() { defer close(served); server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-served })
	return b, l.Addr().String()
}

// TestSMTPDelivers: the mail arrives unchanged, from the site.
func TestSMTPDelivers(t *testing.T) {
	box, addr := startMailbox(t)
	sender := contact.SMTP{Addr: addr, From: "www@example.com", To: "me@example.com"}
	sent := contact.Mail{Name: `Ada "the first" Ü`, Email: "ada@example.com", Subject: "Grüße, " + strings.Repeat("x", 100), Text: "First\n.\n=ü\nlast"}
	if err := sender.Send(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(strings.NewReader(<-box.text))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
	if got := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || strings.TrimSuffix(got, "\n") != sent.Text {
		t.Errorf("%q, %v", got, err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || subject != sent.Subject {
		t.Errorf("%q, %v", subject, err)
	}
	reply, err := mail.ParseAddress(msg.Header.Get("Reply-To"))
	if err != nil || reply.Name != sent.Name || reply.Address != sent.Email {
		t.Errorf("%v, %v", reply, err)
	}
	if box.from != "www@example.com" || box.to != "me@example.com" || msg.Header.Get("From") != "www@example.com" || len(msg.Header["Bcc"]) > 0 {
		t.Errorf("from %s to %s, %v", box.from, box.to, msg.Header)
	}
}

// TestSMTPLineLength: no line exceeds the limit of mail, in any script.
func TestSMTPLineLength(t *testing.T) {
	box, addr := startMailbox(t)
	sent := contact.Mail{
		Name: strings.Repeat("\U0001F600", 80), Email: "ada@example.com",
		Subject: strings.Repeat("\U0001F600", 120), Text: strings.Repeat("\U0001F600", 5000),
	}
	if err := (contact.SMTP{Addr: addr, From: "www@example.com", To: "me@example.com"}).Send(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	text := <-box.text
	for line := range strings.Lines(text) {
		if len(line) > 1000 {
			t.Errorf("%d bytes: %.80s", len(line), line)
		}
	}
	msg, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || subject != sent.Subject {
		t.Errorf("%q, %v", subject, err)
	}
	if reply, err := mail.ParseAddress(msg.Header.Get("Reply-To")); err != nil || reply.Name != sent.Name {
		t.Errorf("%v, %v", reply, err)
	}
}

// TestSMTPRefusesLineBreaks: no line break gets into a header, and no error is lost.
func TestSMTPRefusesLineBreaks(t *testing.T) {
	box, addr := startMailbox(t)
	sender := contact.SMTP{Addr: addr, From: "www@example.com", To: "me@example.com"}
	for _, m := range []contact.Mail{
		{Name: "a\r\nBcc: x@example.com", Email: "a@example.com"},
		{Email: "a@example.com\nBcc: x@example.com"},
		{Email: "a@example.com", Subject: "a\rb"},
	} {
		if err := sender.Send(t.Context(), m); err == nil {
			t.Errorf("%+v is sent", m)
		}
	}
	sender.To = "nobody@example.com"
	if err := sender.Send(t.Context(), contact.Mail{Email: "a@example.com"}); err == nil || !strings.Contains(err.Error(), "no such user") {
		t.Errorf("%v", err)
	}
	if len(box.text) > 0 {
		t.Errorf("%s", <-box.text)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sender.Send(ended, contact.Mail{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestSMTPSlowServer: a mail server that does not respond delays the client only until
// the deadline, and then the connection is closed.
func TestSMTPSlowServer(t *testing.T) {
	log := new(testkit.Log)
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(log.Logger())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ended := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			defer conn.Close()
			_, err = conn.Read(make([]byte, 1)) // a silent server, which sees the connection close
		}
		ended <- err
	}()

	form := mount(contact.SMTP{Addr: l.Addr().String(), From: "www@example.com", To: "me@example.com"}, 100*time.Millisecond)
	w := &header{http.Header{}}
	if err := cookies.NewSigner(key).Set(w, &http.Cookie{Name: "__Host-contact", Value: "0", Path: "/", Secure: true}); err != nil {
		t.Fatal(err)
	}
	cookie, _, _ := strings.Cut(w.h.Get("Set-Cookie"), ";")
	resp := testkit.HTTP1.Do(t, form, post(cookie, "urlencoded", good()))
	if resp.StatusCode != 504 {
		t.Errorf("%d %s", resp.StatusCode, testkit.Body(t, resp))
	}
	if err := <-ended; err != io.EOF {
		t.Errorf("the mail server saw %v", err)
	}
	for deadline := time.Now().Add(time.Minute); len(log.Records()) < 1 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := len(log.Records()); n != 1 {
		t.Errorf("%d records", n)
	}
}

// A header is a ResponseWriter that only stores the header.
type header struct{ h http.Header }

func (w *header) Header() http.Header         { return w.h }
func (w *header) WriteHeader(int)             {}
func (w *header) Write(p []byte) (int, error) { return len(p), nil }
