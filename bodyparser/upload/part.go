package upload

import (
	"errors"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/mediatype"
)

// A Part is one field or file of a form, read as it arrives.
type Part struct {
	form     *form
	raw      *multipart.Part
	name     string
	fileName string
	isFile   bool
	size     int64
	passed   bool // the next part was requested
}

// Name returns the name of the field, which is never empty. The browser's
// escapes of a quote and a line break are decoded.
func (p *Part) Name() string { return p.name }

// IsFile reports whether the part is a file. An empty file input is a file
// without name and content.
func (p *Part) IsFile() bool { return p.isFile }

// FileName returns the last element of the client's file name, made safe for any
// system: without directories, leading and trailing dots, control characters and
// characters that Windows reserves, and never the name of a device. It is "" if
// nothing is left. It is for display: names are not unique and may already
// exist, so save a file under a name that the service chooses. The original name
// is in the Content-Disposition of [Part.Header].
func (p *Part) FileName() string { return p.fileName }

// ContentType returns the type that the client claims, without parameters, or
// "".
func (p *Part) ContentType() string {
	return mediatype.Essence(p.raw.Header.Get("Content-Type"))
}

// Header returns the header of the part as sent by the client.
func (p *Part) Header() textproto.MIMEHeader { return p.raw.Header }

var errPassed = errors.New("upload: the part was read after the next was asked for")

// Read reads from the part. The error is [*Error], or io.EOF at the end.
func (p *Part) Read(dst []byte) (int, error) {
	if p.passed {
		return 0, errPassed
	}
	if p.form.err != nil {
		return 0, p.form.err
	}
	n, err := p.raw.Read(dst)
	p.size += int64(n)
	if refused := p.count(int64(n)); refused != nil {
		n, err = 0, refused
	}
	if err != nil && err != io.EOF {
		return n, p.form.fail(err)
	}
	p.form.src.disarm()
	return n, err
}

// count enforces the limit of the part.
func (p *Part) count(n int64) error {
	f := p.form
	if p.isFile {
		return checkSize("The file", p.size, f.FileLimit)
	}
	f.fields += n
	return checkSize("The fields of the form", f.fields, f.FieldLimit)
}

func checkSize(what string, size int64, limit bytesize.Size) error {
	if limit >= 0 && size > int64(limit) {
		return tooLarge(what, limit)
	}
	return nil
}

// Text reads the whole part into memory. For fields, Config.FieldLimit limits
// it. Bytes that are not UTF-8 stay unchanged.
func (p *Part) Text() (string, error) {
	var b strings.Builder
	_, err := io.Copy(&b, p)
	return b.String(), err
}
