package bind

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/internal/exchange"
)

// A T may have fields of type upload.File and []upload.File in addition to
// others. The body is a multipart form then, whose files are in a directory
// that exists until the handler returns.

// fileFields are the file fields of T by the client's name, nil if there are
// none.
type fileFields map[string]*member

var (
	oneFile   = reflect.TypeFor[upload.File]()
	manyFiles = reflect.TypeFor[[]upload.File]()
)

// fileFieldsOf finds the file fields of t. A nested one is an error: a form has
// no name for it.
func fileFieldsOf(t reflect.Type) (fileFields, error) {
	if t.Kind() != reflect.Struct || isText(t) || isJSON(t) {
		if hasFile(t, map[reflect.Type]bool{}) {
			return nil, fmt.Errorf("bind: %v has a field of type upload.File, which only a struct that is bound can have", t)
		}
		return nil, nil
	}
	files := fileFields{}
	var errs []error
	for _, m := range fromForm.Members(t) {
		switch {
		case m.Field.Type == oneFile, m.Field.Type == manyFiles:
			files[m.Name] = &m
		case hasFile(m.Field.Type, map[reflect.Type]bool{}):
			errs = append(errs, fmt.Errorf("bind: %v.%s: files are fields of the struct that is bound, of type upload.File or []upload.File", t, m.Field.Name))
		}
	}
	if len(files) == 0 {
		files = nil
	}
	return files, errors.Join(errs...)
}

// hasFile reports whether a value of t may hold a file. seen are the types in
// progress.
func hasFile(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return hasFile(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if hasFile(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return t == oneFile
}

// find returns the field for the files of a part: a list also accepts a name
// with brackets.
func (f fileFields) find(name string) (*member, bool) {
	if m, ok := f[name]; ok {
		return m, true
	}
	m, ok := f[strings.TrimSuffix(name, "[]")]
	return m, ok && m.Field.Type == manyFiles
}

// A spool is the directory with the files of one request. It is created for the
// first file.
type spool struct{ dir string }

type spoolKey struct{}

// withSpool returns r with a spool, and a function that removes it.
func withSpool(r *http.Request) (inside *http.Request, remove func()) {
	s := new(spool)
	inside = r.WithContext(context.WithValue(r.Context(), spoolKey{}, s))
	return inside, func() {
		if s.dir != "" {
			_ = os.RemoveAll(s.dir)
		}
		exchange.HandBack(r, inside)
	}
}

func (s *spool) put(p *upload.Part) (upload.File, error) {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "upload-*")
		if err != nil {
			return upload.File{}, err
		}
		s.dir = dir
	}
	return p.Spool(s.dir)
}

// decodeFiles reads a form with files.
func (b *Binder[T]) decodeFiles(w http.ResponseWriter, r *http.Request, v *T) (*formDecoder, error) {
	s, ok := r.Context().Value(spoolKey{}).(*spool)
	if !ok {
		return nil, fmt.Errorf("bind: the files of %v are removed when a handler returns: use Handler or Func", b.typ)
	}
	refuse := func(name, rule, message string) error {
		return fieldErrors(http.StatusBadRequest, []FieldError{{Path: joinPointer("", name), Rule: rule, Message: message}}, nil)
	}
	found := map[string][]upload.File{}
	values, err := upload.Form(w, r, b.cfg.Upload, func(p *upload.Part) error {
		field, ok := b.files.find(p.Name())
		if !ok {
			return refuse(p.Name(), "unknown", "does not take a file")
		}
		file, err := s.put(p)
		if err != nil || file.FileName() == "" && file.Size() == 0 {
			return err // or an empty file input
		}
		if field.Field.Type == oneFile && len(found[field.Name]) > 0 {
			return refuse(field.Name, "duplicate", "takes one file only")
		}
		found[field.Name] = append(found[field.Name], file)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if field, ok := b.files.find(name); ok {
			if slices.ContainsFunc(values[name], func(text string) bool { return text != "" }) {
				return nil, refuse(field.Name, "type", "must be a file")
			}
			delete(values, name)
		}
	}
	for name, files := range found {
		at := field{index: b.files[name].Index}
		field := at.of(reflect.ValueOf(v).Elem())
		if field.Type() == manyFiles {
			field.Set(reflect.ValueOf(files))
		} else {
			field.Set(reflect.ValueOf(files[0]))
		}
	}
	return b.decodeForm(values, v)
}
