// Package s3 streams files that clients upload to storage that speaks the
// protocol of Amazon S3: Amazon itself, MinIO, Cloudflare R2, Ceph.
//
//	client := s3.NewFromConfig(config) // of github.com/aws/aws-sdk-go-v2/service/s3
//	store := s3.New(client, s3.Config{Bucket: "avatars", Upload: upload.Config{FileLimit: 5 * bytesize.MB}})
//	mux.Handle("POST /api/files", chain.Then(store.Handler()))
//
// Package upload reads the form from the connection, within its bounds, and the
// transfer manager of the SDK sends what it reads, in parts. Nothing is put on a
// disk, and memory holds a few parts of each upload: about 20 MB of one that is
// large, see [Config].
//
// The key of an object is the service's choice. By a name of the client's, one
// client would overwrite the file of another. Objects are stored for download
// ("attachment"), since a browser runs an HTML file that it shows.
//
// A form is stored as a whole or not at all: if the client leaves, a bound is
// exceeded or the store fails, what was begun is aborted and what is stored is
// deleted, within a time of its own, since the context of the request has
// ended by then. A process that dies in between leaves parts behind; give the
// bucket a rule that removes incomplete uploads after a day.
//
// The errors of the client are those of package upload: 400, 408, 413, 415. A
// store that fails is 502, one that is too slow 504, and the cause is in
// the log alone. The SDK retries three times by default. middleware.Timeout around the
// handler bounds all of it: set it to what the largest file may take, or raise
// it with middleware.Extend.
package s3

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/reply"
)

// Config says where files go, and how large they may be.
type Config struct {
	Bucket string
	Prefix string // of each key, such as "avatars/"

	// Upload has the bounds of a form: 0 is 32 MB and 20 files.
	Upload upload.Config

	// Cleanup is the time to abort and delete what a failed form has left. 0 is
	// 10 seconds.
	Cleanup time.Duration
}

// partSize is what is sent in one request, the least that the protocol allows.
// The SDK holds one part that is read and each that is being sent.
const (
	partSize    = int64(5 * bytesize.MB)
	concurrency = 2
)

// A Store stores files.
type Store struct {
	client    *s3.Client
	transfers *transfermanager.Client
	cfg       Config
}

// New returns a Store.
func New(client *s3.Client, cfg Config) *Store {
	cfg.Cleanup = cmp.Or(cfg.Cleanup, 10*time.Second)
	return &Store{client, transfermanager.New(client, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.MultipartUploadThreshold = partSize, partSize
		o.Concurrency = concurrency
		o.FailTimeout = cfg.Cleanup // the context of a client that has left is of no use
	}), cfg}
}

// A File is a file that was stored.
type File struct {
	Key  string `json:"key"`
	Name string `json:"name"` // as the client calls it
	Size int64  `json:"size"`
}

// Handler returns the handler that stores the files of a multipart form and answers
// 201 with a list of [File].
func (s *Store) Handler() http.Handler {
	return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		files := []File{} // the list of a form without files is [], not null
		_, err := upload.Form(w, r, s.cfg.Upload, func(part *upload.Part) error {
			if part.FileName() == "" {
				return nil // a field for a file that was left empty
			}
			file := File{Key: s.cfg.Prefix + rand.Text(), Name: part.FileName()}
			// Before it is known to be stored: a request that failed may have
			// arrived.
			files = append(files, file)
			size, err := s.put(r.Context(), file, part)
			files[len(files)-1].Size = size
			return err
		})
		if err != nil {
			s.remove(r.Context(), files)
			return err
		}
		return reply.JSON(w, r, http.StatusCreated, files)
	})
}

// put stores one file.
func (s *Store) put(ctx context.Context, file File, part *upload.Part) (size int64, err error) {
	body := &source{Reader: part}
	_, err = s.transfers.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket:             aws.String(s.cfg.Bucket),
		Key:                aws.String(file.Key),
		ContentType:        aws.String(part.ContentType()),
		ContentDisposition: aws.String("attachment"),
		Body:               body,
	})
	switch {
	case body.err != nil:
		return 0, body.err // of package upload: it knows the status
	case err == nil:
		return body.size, nil
	case errors.Is(err, context.DeadlineExceeded):
		return 0, reply.NewError(http.StatusGatewayTimeout, "").WithCause(err)
	}
	return 0, reply.NewError(http.StatusBadGateway, "").WithCause(err)
}

// remove deletes what a form that failed has stored.
func (s *Store) remove(ctx context.Context, files []File) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Cleanup)
	defer cancel()
	for _, file := range files {
		_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(s.cfg.Bucket), Key: aws.String(file.Key)})
		if err != nil {
			slog.WarnContext(ctx, "s3: an object is left behind", "key", file.Key, "error", err)
		}
	}
}

// A source counts what is read, and keeps what ended the reading: the SDK wraps
// it together with its own errors.
type source struct {
	io.Reader
	size int64
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.size += int64(n)
	if err != nil && err != io.EOF {
		s.err = fmt.Errorf("s3: reading the upload: %w", err)
	}
	return n, err
}
