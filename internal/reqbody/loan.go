package reqbody

import (
	"net/http"
	"sync"
)

// A Loan is the writer that bodyparser.Parse is given by a caller that is done
// with the body when it calls [Loan.End]: the memory goes on to another request
// then. Neither the Body nor what its Bytes return may be kept. The text of a JSON
// body is not checked in advance, since Body.Decode finds out.
//
// It stands in an internal package because bytes that change later are nothing to
// offer to everyone. It is what package bind decodes from.
type Loan struct {
	http.ResponseWriter // nil if there is none

	// Memory is kept by bodyparser from one loan to the next.
	Memory interface {
		// TakeBack ends the use of what was lent for r. The body of r is gone then,
		// and if err is not nil, that is what reading it gives.
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

// End is called once, with the request that was parsed and what has become of it.
func (l *Loan) End(r *http.Request, err error) {
	if l.Memory != nil {
		l.Memory.TakeBack(r, err)
	}
	l.ResponseWriter = nil
	loans.Put(l)
}
