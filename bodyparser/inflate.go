package bodyparser

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

type decoder = func(io.Reader) (io.ReadCloser, error)

// decoder returns what inflates the body, nil if it is not compressed. One
// coding is enough for any client; a list of them is a bomb in a bomb.
func (s *settings) decoder(h http.Header) (decoder, error) {
	fields := h["Content-Encoding"]
	if len(fields) == 0 {
		return nil, nil
	}
	coding := strings.ToLower(strings.TrimSpace(strings.Join(fields, ",")))
	if coding == "" || coding == "identity" {
		return nil, nil
	}
	if d, ok := s.Decoders[coding]; ok {
		return d, nil
	}
	if s.Inflate {
		switch coding {
		case "gzip":
			return gunzip, nil
		case "deflate":
			return inflate, nil
		}
	}
	err := refuse(http.StatusUnsupportedMediaType, "Unsupported content encoding", fmt.Errorf("Content-Encoding %.40q", coding))
	err.accept = s.acceptEncoding()
	return nil, err
}

// acceptEncoding lists the codings that are known.
func (s *settings) acceptEncoding() string {
	codings := slices.Collect(maps.Keys(s.Decoders))
	if s.Inflate {
		codings = append(codings, "gzip", "deflate")
	}
	slices.Sort(codings)
	codings = append(slices.Compact(codings), "identity")
	return strings.Join(codings, ", ")
}

// gunzip reads all members of a gzip stream. Whatever follows them has to be
// another one, so trailing bytes are an error.
func gunzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

// inflate reads the zlib format, which is what "deflate" means (RFC 9110,
// section 8.4.1.2); bare deflate data, which some clients send under that
// name, is refused as it is by Node.js.
func inflate(r io.Reader) (io.ReadCloser, error) {
	src := bufio.NewReader(r) // a ByteReader, so that nothing is read past the end
	z, err := zlib.NewReader(src)
	return &exact{z, src}, err
}

// exact is a compressed stream with nothing behind it.
type exact struct {
	io.ReadCloser
	src *bufio.Reader
}

var errTrailing = errors.New("data behind the end of the compressed stream")

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err == io.EOF {
		if _, more := e.src.ReadByte(); more == nil {
			err = errTrailing
		} else {
			err = more
		}
	}
	return n, err
}
