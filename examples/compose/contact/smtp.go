package contact

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"strings"
	"time"
)

// A Mail is the message of a visitor.
type Mail struct {
	Name, Email, Subject, Text string
}

// A Sender sends mail.
type Sender interface {
	Send(ctx context.Context, m Mail) error
}

// SMTP sends mail through a mail server. The mail is from the site, since the site
// may not send for the visitor's domain; the visitor is in Reply-To.
type SMTP struct {
	Addr string    // host:port of the server
	Auth smtp.Auth // nil is no authentication
	From string    // address of the site
	To   string    // address of the recipient
}

// Send sends the mail. It ends when ctx is done: net/smtp has no contexts, but its
// connection can be closed.
func (s SMTP) Send(ctx context.Context, m Mail) (err error) {
	text, err := s.format(m)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx) // more useful than "connection closed"
		}
	}()
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if ok, _ := c.Extension("STARTTLS"); ok {
		if err := c.StartTLS(&tls.Config{ServerName: host}); err != nil {
			return err
		}
	}
	if s.Auth != nil {
		if err := c.Auth(s.Auth); err != nil {
			return err
		}
	}
	if err := c.Mail(s.From); err != nil {
		return err
	}
	if err := c.Rcpt(s.To); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // the server has accepted the mail
	return nil
}

// format writes the mail. It checks again that no field has a line break, which would do harm here.
func (s SMTP) format(m Mail) ([]byte, error) {
	if strings.ContainsAny(m.Name+m.Email+m.Subject, "\r\n") {
		return nil, errors.New("contact: a field of the header has a line break")
	}
	var b bytes.Buffer
	for _, field := range [][2]string{
		{"From", s.From},
		{"To", s.To},
		{"Reply-To", (&mail.Address{Name: m.Name, Address: m.Email}).String()},
		{"Subject", mime.QEncoding.Encode("utf-8", m.Subject)},
		{"Date", time.Now().Format(time.RFC1123Z)},
		{"Message-ID", fmt.Sprintf("<%s@%s>", rand.Text(), s.From[strings.LastIndexByte(s.From, '@')+1:])},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		// Each encoded word is on its own line: a line may have 998 bytes, and a
		// subject of 120 characters can be longer.
		fmt.Fprintf(&b, "%s: %s\r\n", field[0], strings.ReplaceAll(field[1], "?= =?", "?=\r\n =?"))
	}
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	_, err := q.Write([]byte(m.Text))
	err = errors.Join(err, q.Close())
	return b.Bytes(), err
}
