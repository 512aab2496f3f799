package respw

import "net/http"

// A Budget bounds the size of responses. One serves any number of requests.
type Budget struct {
	// Max is the number of bytes that may pass; 0 or less is no bound.
	Max int64

	// Exceeded, if not nil, is called in place of the write that would pass Max,
	// or of the commit that declares more, with the size that was asked for and
	// the request given to SetBudget. It answers by [Writer.Replace] unless the
	// response is [Writer.Sent], or panics. That write and all later calls fail
	// with [ErrTooLarge]. If it is nil, everything passes, and the layer that set
	// the budget compares [Writer.Written] afterwards.
	Exceeded func(rw *Writer, r *http.Request, size int64)
}

// SetBudget puts b in charge of rw, in place of the budget that was: the layer
// nearest to the handler decides. It is given r if the budget is exceeded. A nil
// budget is none. Streams are exempt from any.
func (rw *Writer) SetBudget(b *Budget, r *http.Request) {
	rw.asker = r
	rw.budget.Store(b)
}

// Budget returns the budget in charge, nil if there is none.
func (rw *Writer) Budget() *Budget { return rw.budget.Load() }

// bound returns the budget that may refuse a write, or nil.
func (rw *Writer) bound() *Budget {
	if b := rw.budget.Load(); b != nil && b.Max > 0 && b.Exceeded != nil && !rw.stream.Load() {
		return b
	}
	return nil
}

// afford returns an error for a body of the given size that the budget refuses.
func (rw *Writer) afford(size int64) error {
	b := rw.bound()
	switch {
	case b == nil || size <= b.Max:
		return nil
	case rw.Complete() && rw.Sent():
		return nil // the client has it whole; what is too much net/http refuses itself
	}
	if err := rw.lost(); err != nil {
		return err
	}
	rw.refused.Store(true)
	b.Exceeded(rw, rw.asker, size)
	return ErrTooLarge
}
