package requestbody

import (
	"net/http"
	"sync"
)

// A PooledWriter is the writer for bodyparser.Parse of a caller that calls
// [PooledWriter.Release] when it is done with the body: the memory is reused for another
// request then. Neither the Body nor its Bytes may be kept. The text of a JSON body is
// not checked in advance, since Body.Decode does that.
//
// It is internal because bytes that change later are unsafe in a public API. Package
// bind decodes from it.
type PooledWriter struct {
	http.ResponseWriter // nil if there is none

	// Memory is what bodyparser reads one body after another into.
	Memory interface {
		// Release ends the use of the memory for r. The body of r is gone then, and if
		// err is not nil, reading it returns err.
		Release(r *http.Request, err error)
	}
}

var pool = sync.Pool{New: func() any { return new(PooledWriter) }}

// NewPooledWriter returns a PooledWriter for the response to w, which may be nil.
func NewPooledWriter(w http.ResponseWriter) *PooledWriter {
	p := pool.Get().(*PooledWriter)
	p.ResponseWriter = w
	return p
}

// Release is called once, with the parsed request and its result.
func (p *PooledWriter) Release(r *http.Request, err error) {
	if p.Memory != nil {
		p.Memory.Release(r, err)
	}
	p.ResponseWriter = nil
	pool.Put(p)
}
