package bytesize_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"

	"github.com/apiece/apiece/bytesize"
)

func Example() {
	var config struct {
		Body     bytesize.Size `json:"sizeLimit"`
		Response bytesize.Size `json:"responseLimit"`
		Upload   bytesize.Size `json:"uploadLimit"`
	}
	err := json.Unmarshal([]byte(`{"sizeLimit": "500kb", "responseLimit": false, "uploadLimit": 10485760}`), &config)
	fmt.Println(config.Body, config.Response, config.Upload, err)
	fmt.Println(config.Body == 500*bytesize.KB)
	// Output:
	// 500kb unlimited 10mb <nil>
	// true
}

func ExampleParse() {
	for _, text := range []string{"4mb", "1.5 KB", "1048576", "unlimited"} {
		size, err := bytesize.Parse(text)
		fmt.Println(int64(size), err)
	}
	// Output:
	// 4194304 <nil>
	// 1536 <nil>
	// 1048576 <nil>
	// -1 <nil>
}

// Next.js silently takes "500k" for 500 bytes.
func ExampleParse_trap() {
	_, err := bytesize.Parse("500k")
	fmt.Println(err)
	// Output:
	// bytesize: "500k": unknown unit "k" at offset 3: write "500kb" or "500b"; Next.js reads "500b"
}

func ExampleMustParse() {
	limit := bytesize.MustParse("4.5mb")
	fmt.Println(limit == 4*bytesize.MB+512*bytesize.KB)
	// Output: true
}

func ExampleSize_String() {
	fmt.Println(bytesize.MB, 1536*bytesize.B, bytesize.Size(1234567), bytesize.Unlimited)
	// Output: 1mb 1.5kb 1234567b unlimited
}

func ExampleSize_MarshalJSON() {
	data, _ := json.Marshal(map[string]bytesize.Size{
		"responseLimit": bytesize.Unlimited,
		"sizeLimit":     bytesize.MB,
	})
	fmt.Println(string(data))
	// Output: {"responseLimit":false,"sizeLimit":"1mb"}
}

func ExampleSize_UnmarshalText() {
	var limit bytesize.Size
	flags := flag.NewFlagSet("service", flag.ContinueOnError)
	flags.TextVar(&limit, "limit", bytesize.MB, "largest request `body`")
	flags.Parse([]string{"-limit", "4mb"})
	fmt.Println(limit)
	// Output: 4mb
}

func ExampleSyntaxError() {
	_, err := bytesize.Parse("1,000kb")
	if syntax, ok := errors.AsType[*bytesize.SyntaxError](err); ok {
		fmt.Printf("%s\n%*s\n%s\n", syntax.Text, syntax.Offset+1, "^", syntax.Reason)
	}
	// Output:
	// 1,000kb
	//  ^
	// ',' in the number
}
