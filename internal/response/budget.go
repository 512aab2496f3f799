package response

import (
	"errors"
	"net/http"
)

// ErrTooLarge is returned by writes after a limit has rejected the response.
var ErrTooLarge = errors.New("apiece: response exceeds its limit")

// A Budget bounds the size of responses. It may be shared by any number of requests.
type Budget struct {
	// Max is the number of bytes that may pass; zero or negative disables it.
	Max int64

	// Exceeded, if not nil, is called in place of the write that would exceed Max, or
	// of the commit that declares more, with that size and the request given to
	// SetBudget. It responds with [Writer.Replace] unless the response is
	// [Writer.Sent], or panics. That write and all later calls fail with [ErrTooLarge].
	// If it is nil, everything passes, and the layer that set the budget compares
	// [Writer.Written] afterwards.
	Exceeded func(rw *Writer, r *http.Request, size int64)
}

// SetBudget replaces the budget of rw with b: the innermost layer decides. Exceeded
// gets r. A nil budget disables it. Streams are exempt.
func (rw *Writer) SetBudget(b *Budget, r *http.Request) {
	rw.budgetRequest = r
	rw.budget.Store(b)
}

// Budget returns the current budget, nil if there is none.
func (rw *Writer) Budget() *Budget { return rw.budget.Load() }

// Lift removes the budgets of all Writers between w and the server, for a layer further
// in that has its own.
func Lift(w http.ResponseWriter) {
	all(w, func(rw *Writer) bool {
		if rw.budget.Load() != nil {
			rw.budget.Store(nil)
		}
		return true
	})
}

// bound returns the budget that may reject a write, or nil.
func (rw *Writer) bound() *Budget {
	if b := rw.budget.Load(); b != nil && b.Max > 0 && b.Exceeded != nil && !rw.stream.Load() {
		return b
	}
	return nil
}

// afford returns an error for a body of the given size that the budget rejects.
func (rw *Writer) afford(size int64) error {
	b := rw.bound()
	switch {
	case b == nil || size <= b.Max:
		return nil
	case rw.Complete() && rw.Sent():
		return nil // the client has all of it; net/http rejects the excess itself
	}
	if err := rw.lost(); err != nil {
		return err
	}
	rw.rejected.Store(true)
	b.Exceeded(rw, rw.budgetRequest, size)
	return ErrTooLarge
}
