// Package s3 streams uploaded files to S3-compatible storage: Amazon S3, MinIO,
// Cloudflare R2, Ceph.
//
//	client := s3.NewFromConfig(config) // of github.com/aws/aws-sdk-go-v2/service/s3
//	store := s3.New(client, s3.Config{Bucket: "avatars", Upload: upload.Config{FileLimit: 5 * bytesize.MB}})
//	mux.Handle("POST /api/files", chain.Then(store.Handler()))
//
// Package upload reads the form from the connection, within its limits, and the
// transfer manager of the SDK sends it in parts. Nothing is written to disk, and
// memory holds a few parts of each upload: about 20 MB of a large one, see [Config].
//
// The service chooses the key of an object, since with a name from the client, one
// client could overwrite the file of another. Objects are stored for download
// ("attachment"), since a browser runs the scripts of an HTML file that it shows.
//
// A form is stored completely or not at all: if the client disconnects, a limit is
// exceeded or the store fails, started uploads are aborted and stored files deleted,
// with a separate timeout, since the context of the request is done by then. A
// process that crashes meanwhile leaves parts behind; give the bucket a rule that
// removes incomplete uploads after a day.
//
// Client errors are those of package upload: 400, 408, 413, 415. A failed store is
// 502, a slow one 504, and the cause is only in the log. The SDK retries three times
// by default. middleware.Timeout around the handler limits all of it: set it to the
// time for the largest file, or raise it with middleware.Extend.
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

// Config says where files are stored, and how large they may be.
type Config struct {
	Bucket string
	Prefix string // of each key, such as "avatars/"

	// Upload has the limits of a form: 0 is 32 MB and 20 files.
	Upload upload.Config

	// Cleanup is the time to abort and delete the files of a failed form. 0 is 10 seconds.
	Cleanup time.Duration
}

// partSize is the size of one request, the minimum of the protocol. The SDK holds the
// part being read and all parts being sent.
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
	Name string `json:"name"` // the client's file name
	Size int64  `json:"size"`
}

// Handler returns the handler that stores the files of a multipart form and responds
// with 201 and a list of [File].
func (s *Store) Handler() http.Handler {
	return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		files := []File{} // the list of a form without files is [], not null
		_, err := upload.Form(w, r, s.cfg.Upload, func(part *upload.Part) error {
			if part.FileName() == "" {
				return nil // a field for a file that was left empty
			}
			file := File{Key: s.cfg.Prefix + rand.Text(), Name: part.FileName()}
			// Before the result is known: a request that failed may have arrived.
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

// remove deletes the stored files of a failed form.
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

// A source counts the bytes read, and keeps the read error: the SDK wraps it together
// with its own errors.
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
