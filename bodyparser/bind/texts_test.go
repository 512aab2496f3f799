package bind_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
)

// Types of all kinds that are read from text.
type (
	textList   []string
	textMap    map[string]bool
	textFunc   func() string
	textStruct struct{ a, b string }
	textRows   []struct{ A string }
	textInt    int
	textSelf   struct {
		next *textSelf
		name string
	}
)

func (v *textList) UnmarshalText(text []byte) error {
	*v = strings.Split(string(text), "+")
	return nil
}

func (v *textMap) UnmarshalText(text []byte) error {
	*v = textMap{string(text): true}
	return nil
}

func (v *textFunc) UnmarshalText(text []byte) error {
	s := string(text)
	*v = func() string { return s }
	return nil
}

func (v *textStruct) UnmarshalText(text []byte) error {
	a, b, ok := strings.Cut(string(text), "+")
	if *v = (textStruct{a, b}); !ok {
		return errors.New("want a+b")
	}
	return nil
}

func (v *textRows) UnmarshalText(text []byte) error {
	*v = textRows{{string(text)}}
	return nil
}

func (v *textInt) UnmarshalText(text []byte) error {
	*v = textInt(len(text))
	return nil
}

// UnmarshalText makes a cycle, which must not be followed.
func (v *textSelf) UnmarshalText(text []byte) error {
	v.name = string(text)
	v.next = v
	return nil
}

func TestTextsOfAllKinds(t *testing.T) {
	type in struct {
		List    textList    `json:"list"`
		Lists   []textList  `json:"lists"`
		Map     *textMap    `json:"map"`
		Maps    []textMap   `json:"maps"`
		Func    textFunc    `json:"func"`
		Funcs   []textFunc  `json:"funcs"`
		Struct  *textStruct `json:"struct"`
		Structs []textStruct
		Rows    textRows    `json:"rows"`
		Int     textInt     `json:"int"`
		Ints    []*textInt  `json:"ints"`
		Self    textSelf    `json:"self"`
		Big     *big.Int    `json:"big"`
		Bigs    []big.Float `json:"bigs"`
	}
	text := func(v in) string {
		all := []string{fmt.Sprint(v.List, v.Lists, *v.Map, v.Maps), v.Func(), v.Funcs[0](), fmt.Sprint(*v.Struct, v.Structs, v.Rows, v.Int, *v.Ints[0]), v.Self.name, v.Big.String(), v.Bigs[0].String()}
		return strings.Join(all, " ")
	}
	const want = "[a b] [[a b] [c]] map[x:true] [map[y:true]] f g {a b} [{c d}] [{r}] 3 2 n 123456789012345678901234567890 1.5"
	b := bind.New[in](bind.Config{})
	fromJSON, err := b.Body(post(jsonType, `{"list":"a+b","lists":["a+b","c"],"map":"x","maps":["y"],"func":"f","funcs":["g"],"struct":"a+b","Structs":["c+d"],"rows":"r","int":"abc","ints":["de"],"self":"n","big":123456789012345678901234567890,"bigs":["1.5"]}`))
	if err != nil || text(fromJSON) != want {
		t.Fatalf("JSON: %v", err)
	}
	const form = "list=a+b&lists=a+b&lists=c&map=x&maps=y&func=f&funcs=g&struct=a+b&Structs=c+d&rows=r&int=abc&ints=de&self=n&big=123456789012345678901234567890&bigs=1.5"
	fromForm, err := b.Body(post(formType, encode(form)))
	if err != nil || text(fromForm) != want {
		t.Errorf("a form: %v", err)
	}
	_, err = b.Body(post(formType, "struct=a&Structs[3]=x&big=x"))
	if got, _ := fields(err); got != "/Structs/3 type, /big type, /struct type" || !strings.Contains(err.Error(), "want a+b") && !strings.Contains(err.Error(), "math/big") {
		t.Errorf("%s: %v", got, err)
	}
}

func TestNumbersOfAllKinds(t *testing.T) {
	type (
		level   int8
		price   float32
		enabled bool
		name    string
	)
	type in struct {
		I   int     `json:"i,omitempty"`
		I8  level   `json:"i8,omitempty"`
		I16 int16   `json:"i16,omitempty"`
		I32 int32   `json:"i32,omitempty"`
		I64 int64   `json:"i64,omitempty"`
		U   uint    `json:"u,omitempty"`
		U8  uint8   `json:"u8,omitempty"`
		U16 uint16  `json:"u16,omitempty"`
		U32 uint32  `json:"u32,omitempty"`
		U64 uint64  `json:"u64,omitempty"`
		F32 price   `json:"f32,omitempty"`
		F64 float64 `json:"f64,omitempty"`
		B   enabled `json:"b,omitempty"`
		N   name    `json:"n,omitempty"`
		L   []level `json:"l,omitempty"`
		A   [3]int  `json:"a,omitzero"`
	}
	b := bind.New[in](bind.Config{})
	for name, ok := range map[string][]string{
		"i": {"9223372036854775807", "-1"}, "i8": {"-128", "127"}, "i16": {"-32768"}, "i32": {"2147483647"}, "i64": {"-9223372036854775808"},
		"u": {"18446744073709551615"}, "u8": {"255"}, "u16": {"65535"}, "u32": {"4294967295"}, "u64": {"18446744073709551615"},
		"f32": {"1.5"}, "f64": {"-1e300", "0.25"}, "b": {"true"},
	} {
		for _, text := range ok {
			number := json.RawMessage(text)
			want, _ := json.Marshal(map[string]any{name: number})
			if text == "-1e300" {
				want = []byte(`{"f64":-1e+300}`)
			}
			same(t, b, name, `{"`+name+`":`+text+`}`, name+"="+text, string(want))
		}
	}
	for name, texts := range map[string][]string{
		"i": {"9223372036854775808", "1.5", "1e3"}, "i8": {"-129", "128"}, "i16": {"32768"}, "i32": {"2147483648"}, "i64": {"9223372036854775808"},
		"u": {"-1"}, "u8": {"256"}, "u16": {"65536"}, "u32": {"4294967296"}, "u64": {"18446744073709551616"},
		"f32": {"1e39"}, "f64": {"1e309"}, "b": {"2"},
	} {
		for _, text := range texts {
			same(t, b, name, `{"`+name+`":`+text+`}`, name+"="+text, "400 /"+name+" type")
		}
	}
	same(t, b, "others", `{"n":"x","l":[1,2],"a":[1,2]}`, "n=x&l=1,2&a=1&a=2", `{"n":"x","l":[1,2],"a":[1,2,0]}`)
	for _, text := range []string{"NaN", "Inf", "-inf", "infinity", "1_000", "0x10", "0x1p4", "0X1P-2", "0x_1p4", "1_0.5"} {
		if got := outcome(b.Body(post(formType, "f64="+text+"&f32="+text))); got != "400 /f32 type, /f64 type" {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// A JSON part of a multipart form fills a struct, with any Content-Type.
func TestFormPartOfJSON(t *testing.T) {
	type in struct {
		Title string `json:"title"`
		Meta  struct {
			Tags []string `json:"tags"`
			N    int      `json:"n" schema:",default:3"`
		} `json:"meta"`
	}
	body := "--b\r\nContent-Disposition: form-data; name=title\r\n\r\nx\r\n" +
		"--b\r\nContent-Disposition: form-data; name=meta\r\nContent-Type: application/json\r\n\r\n{\"tags\":[\"a\"]}\r\n--b--\r\n"
	got := outcome(bind.Body[in](post("multipart/form-data; boundary=b", body)))
	if got != `{"title":"x","meta":{"tags":["a"],"n":3}}` {
		t.Error(got)
	}
	payload := `payload={"type":"x","view":{"id":1}}`
	type slack struct {
		Payload struct {
			Type string         `json:"type"`
			View map[string]int `json:"view"`
		} `json:"payload"`
	}
	if got := outcome(bind.Body[slack](post(formType, encode(payload)))); got != `{"payload":{"type":"x","view":{"id":1}}}` {
		t.Error(got)
	}
	// The limit on the values of a body applies to such a text too.
	bounded := bind.New[slack](bind.Config{Parser: bodyparser.Config{MaxValues: 100}})
	for n, want := range map[int]string{90: `{"payload":{"type":"","view":{"a":1}}}`, 100: "400 /payload type"} {
		many := `payload={"view":{` + strings.Repeat(`"a":1,`, n) + `"a":1}}`
		if got := outcome(bounded.Body(post(formType, encode(many)))); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	// So do the other rules for bodies.
	type texts struct {
		Map  map[string]int   `json:"map"`
		List []map[string]int `json:"list"`
		Deep [][]int          `json:"deep"`
		Own  selfRead         `json:"own"`
		Raw  json.RawMessage  `json:"raw"`
	}
	ruled := bind.New[texts](bind.Config{Parser: bodyparser.Config{UniqueKeys: true, MaxDepth: 2}})
	for form, want := range map[string]string{
		`map={"a":1,"b":2}`:          `{"map":{"a":1,"b":2},"list":null,"deep":null,"own":{"Page":0,"Deep":{"A":null}},"raw":null}`,
		`map={"a":1,"a":2}`:          "400 /map duplicate",
		`map={"a":1,"A":2}`:          "400 /map duplicate",
		`list=[{"a":1,"a":2}]`:       "400 /list duplicate",
		`list[3]={"a":1,"a":2}`:      "400 /list/3 duplicate",
		`own={"Page":1,"Page":2}`:    "400 /own duplicate",
		`raw={"a":1,"a":2}`:          "400 /raw duplicate",
		`raw=[[[1]]]&deep=[[[1]]]`:   "400 /deep type, /raw type",
		`own={"Deep":{"A":[1]}}`:     "400 /own type",
		`map={"a":{"b":{"c":"d"}}}`:  "400 /map type",
		`map={"a":1,}&deep=[1&raw=[`: "400 /deep type, /map type",
	} {
		for _, r := range []*http.Request{post(formType, encode(form)), multipartOf(form)} {
			if got := outcome(ruled.Body(r)); got != want {
				t.Errorf("%s: %s\nwant %s", form, got, want)
			}
		}
		if got := outcome(ruled.Query(httptest.NewRequest("GET", "/?"+encode(form), nil))); got != want {
			t.Errorf("%s in a query: %s\nwant %s", form, got, want)
		}
	}
	hooked := 0
	hook := bind.New[texts](bind.Config{Parser: bodyparser.Config{Unmarshal: func(data []byte, v any) error { hooked++; return json.Unmarshal(data, v) }}})
	if got := outcome(hook.Body(post(formType, encode(`map={"a":1}`)))); hooked != 1 || !strings.HasPrefix(got, `{"map":{"a":1}`) {
		t.Errorf("Config.Unmarshal, called %d times: %s", hooked, got)
	}
	strict := bind.New[slack](bind.Config{Strict: true})
	if got := outcome(strict.Body(post(formType, encode(`payload={"tpye":"x"}`)))); got != "400 /payload/tpye unknown" {
		t.Error(got)
	}
}

// A panic in a method of the service is the service's fault.
func TestPanicOfCustomType(t *testing.T) {
	defer func() {
		if p := recover(); p != "not today" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, err := bind.Body[struct{ A panics }](post(formType, "A=x"))
	t.Errorf("no panic, but %v", err)
}

type panics struct{ _ int }

func (*panics) UnmarshalText([]byte) error { panic("not today") }
