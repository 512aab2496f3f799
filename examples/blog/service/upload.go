package service

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
)

// A newFile is a form with a file, and a text beside it.
type newFile struct {
	Caption string      `json:"caption" validate:"max=80"`
	File    upload.File `json:"file" validate:"required"`
}

// uploaded is what is said of a file. It is not kept.
type uploaded struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
	Caption string `json:"caption,omitempty"`
}

// uploads has bounds of their own: the 1 MB of other bodies is not for files.
var uploads = bind.Config{Upload: upload.Config{FileLimit: 8 * bytesize.MB}}

// upload serves POST /api/upload. The file has been received to its end, and is
// removed when the handler returns.
func (s *Service) upload(r *http.Request, in newFile) (uploaded, error) {
	f, err := in.File.Open()
	if err != nil {
		return uploaded{}, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return uploaded{}, err
	}
	done := uploaded{in.File.FileName(), in.File.Size(), hex.EncodeToString(sum.Sum(nil)), in.Caption}
	s.announce(r, uploadTopic, "upload", done)
	return done, nil
}
