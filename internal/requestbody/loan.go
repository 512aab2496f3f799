package requestbody

import (
	"net/http"
	"sync"
)

// A Loan is the writer for bodyparser.Parse of a caller that calls [Loan.End] when it
// is done with the body: the memory is reused for another request then. Neither the
// Body nor its Bytes may be kept. The text of a JSON body is not checked in advance,
// since Body.Decode does that.
//
// It is internal because bytes that change later are unsafe in a public API. Package
// bind decodes from it.
type Loan struct {
	http.ResponseWriter // nil if there is none

	// Memory is reused by bodyparser from one loan to the next.
	Memory interface {
		// TakeBack ends the use of the memory lent for r. The body of r is gone then,
		// and if err is not nil, reading it returns err.
		TakeBack(r *http.Request, err error)
	}
}

var loans = sync.Pool{New: func() any { return new(Loan) }}

// Lend returns a Loan for the response to w, which may be nil.
func Lend(w http.ResponseWriter) *Loan {
	l := loans.Get().(*Loan)
	l.ResponseWriter = w
	return l
}

// End is called once, with the parsed request and its result.
func (l *Loan) End(r *http.Request, err error) {
	if l.Memory != nil {
		l.Memory.TakeBack(r, err)
	}
	l.ResponseWriter = nil
	loans.Put(l)
}
