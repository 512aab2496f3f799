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

// A newFile is a form with a file and a text field.
type newFile struct {
	Caption string      `json:"caption" validate:"max=80"`
	File    upload.File `json:"file" validate:"required"`
}

// uploaded describes a file. The file itself is not stored.
type uploaded struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
	Caption string `json:"caption,omitempty"`
}

// uploads has the limits of uploads, instead of the 1 MB of other bodies.
var uploads = bind.Config{Upload: upload.Config{FileLimit: 8 * bytesize.MB}}

// upload serves POST /api/upload. The file is complete, and is removed when the handler returns.
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
