package upload

import (
	"io/fs"
	"mime/multipart"
	"os"
)

// A File is a file of a form that has been received to its end, and lies in a
// file of its own on the server's disk. A bind.Handler has one for each field of
// that type, until the handler returns.
//
// The zero File is that of a form without the file, or with a file input that was
// left empty.
type File struct {
	path        string
	fileName    string
	contentType string
	size        int64
}

// IsZero reports whether there is no file.
func (f File) IsZero() bool { return f.path == "" }

// FileName returns the name that the client gave the file, made safe; see
// [Part.FileName].
func (f File) FileName() string { return f.fileName }

// ContentType returns the type that the client claims, without parameters, or
// "". What is in the file is for http.DetectContentType to say.
func (f File) ContentType() string { return f.contentType }

// Size returns the number of bytes.
func (f File) Size() int64 { return f.size }

// Open opens the file for reading. Where there is none, the error is
// fs.ErrNotExist.
func (f File) Open() (multipart.File, error) {
	if f.IsZero() {
		return nil, &fs.PathError{Op: "open", Path: f.fileName, Err: fs.ErrNotExist}
	}
	return os.Open(f.path)
}

// SaveAs writes a copy of the file to path, which may be on another disk. It
// appears there only once it is complete; see [Part.SaveAs].
func (f File) SaveAs(path string) error {
	src, err := f.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	_, err = saveAs(path, src)
	return err
}
