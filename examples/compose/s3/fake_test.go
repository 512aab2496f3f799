package s3_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A fake is an in-memory store with the part of the protocol that an upload needs.
// fail, if set, may respond to a request instead.
type fake struct {
	mu      sync.Mutex
	objects map[string]object
	pending map[string]map[string][]byte // upload id and part number
	parts   int                          // that have arrived
	fail    func(w http.ResponseWriter, r *http.Request) bool
	arrived chan string // the requests, if not nil
}

type object struct {
	data             []byte
	typ, disposition string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	query := r.URL.Query()
	id := query.Get("uploadId")
	operation := r.Method
	switch {
	case query.Has("uploads"):
		operation = "create"
	case id != "":
		operation += " part"
	}
	select {
	case f.arrived <- operation:
	default:
	}
	if f.fail != nil && f.fail(w, r) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.TrimPrefix(r.URL.Path, "/files/")
	switch operation {
	case "PUT":
		f.objects[key] = object{data, r.Header.Get("Content-Type"), r.Header.Get("Content-Disposition")}
	case "DELETE":
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case "create":
		id := fmt.Sprint(len(f.pending) + 1)
		f.pending[id] = map[string][]byte{}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case "PUT part":
		f.parts++
		f.pending[id][query.Get("partNumber")] = data
		w.Header().Set("ETag", `"`+query.Get("partNumber")+`"`)
	case "DELETE part":
		delete(f.pending, id)
		w.WriteHeader(http.StatusNoContent)
	case "POST part":
		var list struct {
			Part []struct{ PartNumber string }
		}
		if err := xml.Unmarshal(data, &list); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var whole []byte
		for _, part := range list.Part {
			whole = append(whole, f.pending[id][part.PartNumber]...)
		}
		delete(f.pending, id)
		f.objects[key] = object{data: whole}
		fmt.Fprint(w, `<CompleteMultipartUploadResult><ETag>"all"</ETag></CompleteMultipartUploadResult>`)
	default:
		http.Error(w, operation, http.StatusNotImplemented)
	}
}

// keys are the objects, and left the incomplete uploads.
func (f *fake) keys() (keys []string, left int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.objects)), len(f.pending)
}

// start returns a fake on a loopback connection, and an SDK client for it without retries.
func start(t testing.TB) (*fake, *s3.Client) {
	f := &fake{objects: map[string]object{}, pending: map[string]map[string][]byte{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, clientOf(server.URL)
}

// clientOf returns a client for S3-compatible storage.
func clientOf(url string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint:     aws.String(url),
		Region:           "auto",
		UsePathStyle:     true, // the bucket in the path, not in the host
		Credentials:      credentials.NewStaticCredentialsProvider("key", "secret", ""),
		RetryMaxAttempts: 1,
	})
}
