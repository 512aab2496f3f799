//go:build go1.27 && goexperiment.jsonv2

package bodyparser

import (
	jsonv1 "encoding/json"
	"encoding/json/v2"
)

// unmarshal is the decoder for JSON if the Config has none: the engine of
// encoding/json/v2, which is faster, with the rules of encoding/json. A build
// flag should not decide which requests a service accepts. The one rule that
// is v2's is to stop at the first value that does not fit.
func unmarshal(data []byte, dst any) error {
	return json.Unmarshal(data, dst, jsonv1.DefaultOptionsV1(), jsonv1.ReportErrorsWithLegacySemantics(false))
}
