package bodyparser

import (
	"errors"
	"net/http"

	"github.com/apiece/apiece/internal/jsonread"
)

// decode decodes text, which is the body or stands for an empty one.
func (b *Body) decode(text []byte, dst any) error {
	p := b.parser
	if p.Unmarshal == nil {
		rules := p.rules()
		rules.Checked = b.checked
		return decodeError(jsonread.Decode(text, dst, rules))
	}
	if !b.checked { // a custom decoder may stop after the first value
		if err := p.checkJSON(text); err != nil {
			return err
		}
	}
	return decodeError(p.Unmarshal(text, dst))
}

// checkJSON reports what is wrong with the text of a JSON body.
func (p *parser) checkJSON(text []byte) error {
	return decodeError(jsonread.Check(text, p.rules()))
}

func (p *parser) rules() jsonread.Rules {
	return jsonread.Rules{MaxDepth: p.MaxDepth, MaxValues: p.MaxValues, Unique: p.UniqueKeys}
}

// decodeError describes why a text is not valid, or why its value does not fit where
// it is decoded to.
func decodeError(err error) error {
	fault, ok := errors.AsType[*jsonread.Fault](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsonread.ErrPointer): // not the client's fault
		return errPointer
	case !ok:
		return refuse(http.StatusBadRequest, invalidBody, err)
	}
	e := refuse(http.StatusBadRequest, invalidJSON, fault.Err)
	switch fault.Err {
	case jsonread.ErrValues:
		e = refuse(http.StatusRequestEntityTooLarge, "Too many values", fault.Err)
	case jsonread.ErrRange: // valid JSON
		e.Message = invalidBody
	}
	e.Offset = fault.Offset
	return e
}

var errPointer = errors.New("bodyparser: Decode needs a pointer that is not nil")
