package bodyparser

import (
	"errors"
	"net/http"

	"github.com/apiece/apiece/internal/jsonread"
)

// decode decodes text, which is the body or what stands for an empty one.
func (b *Body) decode(text []byte, dst any) error {
	s := b.settings
	if s.Unmarshal == nil {
		rules := s.rules()
		rules.Checked = b.checked
		return misfit(jsonread.Decode(text, dst, rules))
	}
	if !b.checked { // a decoder of another make may stop behind the first value
		if err := s.checkJSON(text); err != nil {
			return err
		}
	}
	return misfit(s.Unmarshal(text, dst))
}

// checkJSON reports what is wrong with the text of a JSON body.
func (s *settings) checkJSON(text []byte) error {
	return misfit(jsonread.Check(text, s.rules()))
}

func (s *settings) rules() jsonread.Rules {
	return jsonread.Rules{Depth: s.Depth, Values: s.Values, Unique: s.UniqueKeys}
}

// misfit says what is wrong with a text, or that its value is none for where it
// was to be decoded into.
func misfit(err error) error {
	fault, ok := errors.AsType[*jsonread.Fault](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsonread.ErrPointer): // which no client can help
		return errPointer
	case !ok:
		return refuse(http.StatusBadRequest, invalidBody, err)
	}
	e := refuse(http.StatusBadRequest, invalidJSON, fault.Err)
	switch fault.Err {
	case jsonread.ErrValues:
		e = refuse(http.StatusRequestEntityTooLarge, "Too many values", fault.Err)
	case jsonread.ErrRange: // which is JSON
		e.Message = invalidBody
	}
	e.Offset = fault.Offset
	return e
}

var errPointer = errors.New("bodyparser: Decode needs a pointer that is not nil")
