//go:build go1.27 && goexperiment.jsonv2

package jsonread

import (
	jsonv1 "encoding/json"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
)

// unmarshal uses the engine of encoding/json/v2, which is faster, with the rules of
// encoding/json. A build flag should not decide which requests a service accepts. The
// one exception: like v2 it stops at the first value that does not fit.
func unmarshal(text []byte, dst any) error {
	return json.Unmarshal(text, dst, jsonv1.DefaultOptionsV1(), jsonv1.ReportErrorsWithLegacySemantics(false))
}

// unmarshalStream is unmarshal with a json.Number for every number in an any, and if
// strict without fields that dst does not have. The text is one valid value.
func unmarshalStream(text []byte, dst any, strict bool) error {
	return json.Unmarshal(text, dst, jsonv1.DefaultOptionsV1(), jsonv1.ReportErrorsWithLegacySemantics(false),
		json.RejectUnknownMembers(strict), numbers)
}

var numbers = json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, dst *any) error {
	if *dst != nil {
		return errors.ErrUnsupported // it may contain a value of some type
	}
	text, err := d.ReadValue()
	if err != nil {
		return err
	}
	*dst, err = Value(text, Rules{MaxDepth: -1, MaxValues: -1})
	return err
}))
