package upload

import (
	"io"
	"iter"
	"net/http"
	"net/url"
)

// Parts returns the parts of the multipart form in the body of r, in the order
// in which they arrive. Each can be read until the next one is requested; the
// unread rest is skipped. The iteration ends with the first error, an [*Error].
// Parts never responds; w is needed to bound slow and endless clients, and if it
// is nil, the writer of a layer outside is used: see
// bodyparser.Config.ReadTimeout.
//
// If a handler stops early, net/http reads a little of the rest of the form,
// else closes the connection.
func Parts(w http.ResponseWriter, r *http.Request, cfg Config) iter.Seq2[*Part, error] {
	return func(yield func(*Part, error) bool) {
		f, err := open(w, r, cfg.withDefaults())
		for err == nil {
			var p *Part
			if p, err = f.next(); err == nil && !yield(p, nil) {
				f.stopEarly()
				return
			}
		}
		if err != io.EOF {
			yield(nil, err)
		}
	}
}

// Form reads the whole form: it returns the fields, and calls file with each
// file in the order of arrival, before any fields are returned. If file returns
// an error, reading stops and the error is returned. A nil file refuses files
// with 400.
func Form(w http.ResponseWriter, r *http.Request, cfg Config, file func(*Part) error) (url.Values, error) {
	fields := make(url.Values)
	for p, err := range Parts(w, r, cfg) {
		if err != nil {
			return nil, err
		}
		if p.IsFile() {
			if file == nil {
				return nil, malformed("Files are not accepted here", nil)
			}
			if err := file(p); err != nil {
				return nil, err
			}
			continue
		}
		text, err := p.Text()
		if err != nil {
			return nil, err
		}
		fields.Add(p.Name(), text)
	}
	return fields, nil
}
