package upload

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

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
