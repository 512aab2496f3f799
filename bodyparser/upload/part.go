package upload

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/apiece/apiece/bytesize"
)

// A Part is one field or file of a form, read as it arrives.
type Part struct {
	form     *form
	raw      *multipart.Part
	name     string
	fileName string
	isFile   bool
	size     int64
	over     bool // the next part was requested
}

// newPart checks the header of a part.
func newPart(f *form, raw *multipart.Part) (*Part, error) {
	disposition, params, err := mime.ParseMediaType(raw.Header.Get("Content-Disposition"))
	if err != nil || disposition != "form-data" || params["name"] == "" {
		return nil, malformed("A part has no name", err)
	}
	fileName, isFile := params["filename"]
	return &Part{
		form: f, raw: raw, isFile: isFile,
		name: unescape(params["name"]), fileName: safeName(unescape(fileName)),
	}, nil
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
	name, _, _ := strings.Cut(p.raw.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(name))
}

// Header returns the header of the part as sent by the client.
func (p *Part) Header() textproto.MIMEHeader { return p.raw.Header }

var errOver = errors.New("upload: the part was read after the next was asked for")

// Read reads from the part. The error is [*Error], or io.EOF at the end.
func (p *Part) Read(dst []byte) (int, error) {
	if p.over {
		return 0, errOver
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
	p.form.src.rest()
	return n, err
}

// count enforces the limit of the part.
func (p *Part) count(n int64) error {
	f := p.form
	if p.isFile {
		return within("The file", p.size, f.FileLimit)
	}
	f.fields += n
	return within("The fields of the form", f.fields, f.FieldLimit)
}

func within(what string, size int64, limit bytesize.Size) error {
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

// SaveAs writes the part to the file at path and returns its size. The file
// appears, or replaces an existing one, only when it is complete and synced to
// disk; until then it is a hidden file next to it, which is removed on any error.
// The mode is 0600. The directory is synced too, if the system supports it, so
// that the file survives a power failure.
func (p *Part) SaveAs(path string) (size int64, err error) { return saveAs(path, p) }

func saveAs(path string, src io.Reader) (size int64, err error) {
	dir := filepath.Dir(path)
	size, err = store(src, dir, ".upload-*", func(tmp *os.File) error {
		if err := tmp.Sync(); err != nil {
			return err
		}
		if err := tmp.Close(); err != nil {
			return err
		}
		return os.Rename(tmp.Name(), path)
	})
	if err != nil {
		return size, err
	}
	return size, syncDir(dir)
}

// Spool writes the part to a new file in dir, or in the default directory for
// temporary files if dir is "", and returns it. The caller must remove it.
// After an error nothing is left behind.
func (p *Part) Spool(dir string) (File, error) {
	f := File{fileName: p.fileName, contentType: p.ContentType()}
	var err error
	f.size, err = store(p, dir, "upload-*", func(tmp *os.File) error {
		f.path = tmp.Name()
		return tmp.Close()
	})
	if err != nil {
		return File{}, err
	}
	return f, nil
}

// store writes src to a new file, which keep closes when it is complete. It is
// removed on any error.
func store(src io.Reader, dir, pattern string, keep func(tmp *os.File) error) (size int64, err error) {
	tmp, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return 0, err
	}
	done := false
	defer func() { // even after a panic
		if !done {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	if size, err = io.Copy(tmp, src); err != nil {
		return size, err
	}
	if err = keep(tmp); err != nil {
		return size, err
	}
	done = true
	return size, nil
}

// syncDir syncs a directory. Windows and Plan 9 do not support it, and some Unix
// file systems refuse it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return nil // the directory is writable but not readable
		}
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
