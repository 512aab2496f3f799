package upload

import (
	"errors"
	"math"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/apiece/apiece/bytesize"
)

// readAhead is how much package multipart may read ahead: its buffer, and a
// boundary.
const readAhead = 4096 + 128

// nextHeader reads up to the body of the next part. Package multipart itself
// would accept a header of ten megabytes. The source gives it no more than the
// limit allows, and since it reads ahead, the header is measured again.
func (f *form) nextHeader() (*multipart.Part, error) {
	if f.HeaderLimit < 0 {
		return f.reader.NextPart()
	}
	f.src.header = int64(min(f.HeaderLimit, math.MaxInt64-readAhead)) + readAhead
	raw, err := f.reader.NextPart()
	f.src.header = -1
	if err != nil {
		return nil, err
	}
	var size bytesize.Size
	for name, values := range raw.Header {
		for _, v := range values {
			size += bytesize.Size(len(name) + len(": ") + len(v) + len("\r\n"))
		}
	}
	if size > f.HeaderLimit {
		return nil, errHeader
	}
	return raw, nil
}

var errHeader = &Error{
	Status: http.StatusRequestEntityTooLarge, Message: "The header of a part is too large", Err: errors.New("more than Config.HeaderLimit"),
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
