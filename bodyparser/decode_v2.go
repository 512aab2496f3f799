//go:build go1.27 && goexperiment.jsonv2

package bodyparser

import (
	jsonv1 "encoding/json"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
)

// unmarshal is the decoder for JSON if the Config has none: the engine of
// encoding/json/v2, which is faster, with the rules of encoding/json. A build
// flag should not decide which requests a service accepts. The one rule that
// is v2's is to stop at the first value that does not fit.
func unmarshal(data []byte, dst any) error {
	return json.Unmarshal(data, dst, jsonv1.DefaultOptionsV1(), jsonv1.ReportErrorsWithLegacySemantics(false))
}

// unmarshalNumbers is unmarshal, with a json.Number for every number in an any.
// The text is one value that is known to be valid.
func unmarshalNumbers(text []byte, dst any) error {
	return json.Unmarshal(text, dst, jsonv1.DefaultOptionsV1(), jsonv1.ReportErrorsWithLegacySemantics(false), numbers)
}

var numbers = json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, dst *any) error {
	if *dst != nil {
		return errors.ErrUnsupported // it may lead to a value of some type
	}
	text, err := d.ReadValue()
	if err != nil {
		return err
	}
	unbounded := settings{Config: Config{Depth: -1, Values: -1}}
	*dst, err = unbounded.value(text)
	return err
}))
