package bytesize_test

import (
	"encoding/json"
	"fmt"

	"github.com/apiece/apiece/bytesize"
)

// Settings is the settings file of a service.
type Settings struct {
	Body     bytesize.Size `json:"body"`
	Response bytesize.Size `json:"response"`
}

// Sizes in a settings file, as text or as numbers.
func ExampleSize_UnmarshalJSON_settings() {
	for _, text := range []string{
		`{"body": "1.5mb", "response": 4096}`,
		`{"body": "500k"}`,
	} {
		settings := Settings{Response: 4 * bytesize.MB}
		if err := json.Unmarshal([]byte(text), &settings); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(settings.Body, int64(settings.Body), settings.Response)
	}
	// Output:
	// 1.5mb 1572864 4kb
	// bytesize: "500k": unknown unit "k" at offset 3: write "500kb" or "500b"; Next.js reads "500b"
}
