package upload

import (
	"io/fs"
	"mime/multipart"
	"os"
)

// A File is a file of a form, received in full and stored in a temporary file on
// the server. A bind.Handler has one for each field of this type, until the
// handler returns.
//
// The zero File means that the form has no such file, or that the file input was
// empty.
type File struct {
	path        string
	fileName    string
	contentType string
	size        int64
}

// IsZero reports whether there is no file.
func (f File) IsZero() bool { return f.path == "" }

// FileName returns the client's name of the file, made safe; see
// [Part.FileName].
func (f File) FileName() string { return f.fileName }

// ContentType returns the type that the client claims, without parameters, or
// "". To detect the type from the content, use http.DetectContentType.
func (f File) ContentType() string { return f.contentType }

// Size returns the number of bytes.
func (f File) Size() int64 { return f.size }

// Open opens the file for reading. Without a file the error is fs.ErrNotExist.
func (f File) Open() (multipart.File, error) {
	if f.IsZero() {
		return nil, &fs.PathError{Op: "open", Path: f.fileName, Err: fs.ErrNotExist}
	}
	return os.Open(f.path)
}

// SaveAs writes a copy of the file to path, which may be on another disk. The
// copy appears only when complete; see [Part.SaveAs].
func (f File) SaveAs(path string) error {
	src, err := f.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	_, err = saveAs(path, src)
	return err
}
