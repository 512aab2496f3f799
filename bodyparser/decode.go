//go:build !go1.27 || !goexperiment.jsonv2

package bodyparser

import "encoding/json"

// unmarshal is the decoder for JSON if the Config has none.
func unmarshal(data []byte, dst any) error { return json.Unmarshal(data, dst) }
