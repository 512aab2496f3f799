package bind_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
)

// An objectID is an array that is read from text, like a UUID.
type objectID [4]byte

func (id *objectID) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(id) {
		return errors.New("a wrong length")
	}
	_, err := hex.Decode(id[:], text)
	return err
}

func (id objectID) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(id[:])), nil }

// A day reads JSON, but no text.
type day struct{ t time.Time }

func (d *day) UnmarshalJSON(text []byte) (err error) {
	d.t, err = time.Parse(`"`+time.DateOnly+`"`, string(text))
	return err
}

func (d day) MarshalJSON() ([]byte, error) { return []byte(d.t.Format(`"` + time.DateOnly + `"`)), nil }

// A nullable reads any JSON, like the types of databases.
type nullable struct {
	n     int64
	valid bool
}

func (n *nullable) UnmarshalJSON(text []byte) error {
	n.valid = true
	return json.Unmarshal(text, &n.n)
}

func (n nullable) MarshalJSON() ([]byte, error) { return json.Marshal(n.n) }

// outcome returns the value of a request, or its errors, as comparable text.
func outcome[T any](got T, err error) string {
	if err != nil {
		wrong, status := fields(asStatus(err))
		return fmt.Sprint(status, " ", wrong)
	}
	text, err := json.Marshal(got)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// A role reads JSON, and refuses values that a client may not send.
type role struct{ Name, Level string }

func (r *role) UnmarshalJSON(text []byte) error {
	type plain role
	if err := json.Unmarshal(text, (*plain)(r)); err != nil {
		return err
	}
	if r.Name != "user" {
		return errors.New("a role that is given by others")
	}
	return nil
}

// A type refuses the same values in JSON and in a form: no key reaches the parts
// of a type with its own method.
func TestSameMethodsEverywhere(t *testing.T) {
	type in struct {
		Role  *role               `json:"role,omitempty"`
		Roles []role              `json:"roles,omitempty"`
		Map   map[string]role     `json:"map,omitempty"`
		Opt   bind.Optional[role] `json:"opt,omitzero"`
	}
	b := bind.New[in](bind.Config{})
	for _, test := range []struct{ why, json, form, want string }{
		{"its JSON", `{"role":{"Name":"user","Level":"2"}}`, `role={"Name":"user","Level":"2"}`, `{"role":{"Name":"user","Level":"2"}}`},
		{"in lists, maps and Optionals", `{"roles":[{"Name":"user"}],"map":{"a":{"Name":"user"}},"opt":{"Name":"user"}}`, `roles[0]={"Name":"user"}&map[a]={"Name":"user"}&opt={"Name":"user"}`,
			`{"roles":[{"Name":"user","Level":""}],"map":{"a":{"Name":"user","Level":""}},"opt":{"Name":"user","Level":""}}`},
		{"what it refuses", `{"role":{"Name":"admin"},"roles":[{"Name":"admin"}],"map":{"a":{"Name":"admin"}},"opt":{"Name":"admin"}}`,
			`role={"Name":"admin"}&roles={"Name":"admin"}&map[a]={"Name":"admin"}&opt={"Name":"admin"}`, "400 /map/a type, /opt type, /role type, /roles/0 type"},
		{"its parts", "", `role.Name=admin&roles[0].Name=admin&map[a].Name=admin&opt[Name]=admin`, "400 /map/a type, /opt type, /role type, /roles/0 type"},
		{"its parts, if it would take them", "", `role.Name=user`, "400 /role type"},
		{"left empty", `{"opt":null}`, `role=&opt=`, `{"opt":null}`},
	} {
		same(t, b, test.why, test.json, test.form, test.want)
	}
}

// pairs splits a=1&b=2 without unescaping.
func pairs(form string) (all [][2]string) {
	for pair := range strings.SplitSeq(form, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		all = append(all, [2]string{name, value})
	}
	return all
}

func encode(form string) string {
	var all []string
	for _, p := range pairs(form) {
		all = append(all, url.QueryEscape(p[0])+"="+url.QueryEscape(p[1]))
	}
	return strings.Join(all, "&")
}

func multipartOf(form string) *http.Request {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range pairs(form) {
		_ = w.WriteField(p[0], p[1])
	}
	_ = w.Close()
	return post(w.FormDataContentType(), body.String())
}

// same sends the same data in each encoding, and expects the same result.
func same[T any](t *testing.T, b *bind.Binder[T], why, text, form, want string) {
	t.Helper()
	got := map[string]string{
		"urlencoded": outcome(b.Body(post(formType, encode(form)))),
		"multipart":  outcome(b.Body(multipartOf(form))),
		"query":      outcome(b.Query(httptest.NewRequest("GET", "/?"+encode(form), nil))),
	}
	if text != "" {
		got["JSON"] = outcome(b.Body(post(jsonType, text)))
	}
	for encoding, got := range got {
		if got != want {
			t.Errorf("%s: %s: %s\nwant %s", why, encoding, got, want)
		}
	}
}

func TestSameListsEverywhere(t *testing.T) {
	type row struct {
		SKU string `json:"sku" validate:"required"`
		Qty *int   `json:"qty,omitempty"`
	}
	type in struct {
		ID    []int64      `json:"id,omitempty"`
		Name  []string     `json:"name,omitempty"`
		Maybe []*int       `json:"maybe,omitempty"`
		Texts []*string    `json:"texts,omitempty"`
		OIDs  []objectID   `json:"oids,omitempty"`
		OPtrs []*objectID  `json:"optrs,omitempty"`
		IPs   []net.IP     `json:"ips,omitempty"`
		Addrs []netip.Addr `json:"addrs,omitempty"`
		Times []time.Time  `json:"times,omitempty"`
		Days  []day        `json:"days,omitempty"`
		Bools []bool       `json:"bools,omitempty"`
		Rows  []row        `json:"rows,omitempty" validate:"dive"`
		Ptrs  []*row       `json:"ptrs,omitempty" validate:"dive"`
		Pair  *[2]float64  `json:"pair,omitempty"`
		Grid  [][]int      `json:"grid,omitempty"`
		Bytes []byte       `json:"bytes,omitempty"`
		Keys  [][]byte     `json:"keys,omitempty"`
		Two   *[2]row      `json:"two,omitempty" validate:"omitempty,dive"`
		Three *[3]*row     `json:"three,omitempty" validate:"omitempty,dive,omitnil"`
	}
	b := bind.New[in](bind.Config{})
	for _, test := range []struct{ why, json, form, want string }{
		{"an empty element keeps its place", `{"id":[1,0,15],"name":["a","","c"]}`, "id=1&name=a&id=&name=&id=15&name=c", `{"id":[1,0,15],"name":["a","","c"]}`},
		{"by index too", `{"id":[1,0,15]}`, "id[0]=1&id[1]=&id[2]=15", `{"id":[1,0,15]}`},
		{"at both ends", `{"id":[0,1,0]}`, "id[]=&id[]=1&id[]=", `{"id":[0,1,0]}`},
		{"between commas", `{"id":[1,0,3]}`, "id=1,,3", `{"id":[1,0,3]}`},
		{"all of them", `{"name":["",""]}`, "name=&name=", `{"name":["",""]}`},
		{"of pointers it is nil", `{"maybe":[1,null,3],"texts":["a",null]}`, "maybe=1&maybe=&maybe=3&texts=a&texts=", `{"maybe":[1,null,3],"texts":["a",null]}`},
		{"of what cannot be empty it is refused", `{"oids":["01020304",""]}`, "oids=01020304&oids=", "400 /oids/1 type"},
		{"dates too", `{"times":["2026-01-02T03:04:05Z",""]}`, "times=2026-01-02T03:04:05Z&times=", "400 /times/1 type"},
		{"a list left empty", `{}`, "id=&name=&rows=&bools[]=&maybe=&oids=&pair=&bytes=&grid=", `{}`},
		{"a list that is one empty element by index is left empty", `{}`, "id[0]=", `{}`},
		{"a gap closes", `{"rows":[{"sku":"a"},{"sku":"c"}]}`, "rows[0][sku]=a&rows[2][sku]=c", `{"rows":[{"sku":"a"},{"sku":"c"}]}`},
		{"the order is that of the numbers", `{"name":["b","c","a"]}`, "name[10]=a&name[2]=b&name[9]=c", `{"name":["b","c","a"]}`},
		{"numbers may be keys of a database", `{"rows":[{"sku":"a"},{"sku":"b"}]}`, "rows[1700000000000][sku]=a&rows[1700000000001][sku]=b", `{"rows":[{"sku":"a"},{"sku":"b"}]}`},
		{"lists of texts that are arrays", `{"oids":["01020304","05060708"],"optrs":["01020304"]}`, "oids=01020304&oids=05060708&optrs[]=01020304", `{"oids":["01020304","05060708"],"optrs":["01020304"]}`},
		{"and slices", `{"ips":["192.0.2.1","::1"],"addrs":["::1"]}`, "ips=192.0.2.1&ips=::1&addrs=::1", `{"ips":["192.0.2.1","::1"],"addrs":["::1"]}`},
		{"one of them is wrong", `{"oids":["01020304","x"],"ips":["x"]}`, "oids=01020304&oids=x&ips=x", "400 /ips/0 type, /oids/1 type"},
		{"types that read JSON only", `{"days":["2026-01-02","2026-01-03"]}`, "days=2026-01-02&days=2026-01-03", `{"days":["2026-01-02","2026-01-03"]}`},
		{"and are wrong", `{"days":["2026-01-02","soon"]}`, "days=2026-01-02&days=soon", "400 /days/1 type"},
		{"arrays", `{"pair":[1.5,2]}`, "pair=1.5&pair=2", `{"pair":[1.5,2]}`},
		{"more elements than an array has", `{"pair":[1,2,3]}`, "pair=1&pair=2&pair=3", "400 /pair type"},
		{"fewer", `{"pair":[1]}`, "pair=1", `{"pair":[1,0]}`},
		{"an index is the place in an array", `{"pair":[0,5]}`, "pair[1]=5", `{"pair":[0,5]}`},
		{"in any order", `{"pair":[4,5]}`, "pair[1]=5&pair[0]=4", `{"pair":[4,5]}`},
		{"beyond it", `{"pair":[0,0,5]}`, "pair[2]=5", "400 /pair type"},
		{"far beyond", `{"pair":[0,0,5]}`, "pair[0]=1&pair[18446744073709551615]=5", "400 /pair type"},
		{"structs in an array", `{"three":[null,{"sku":"a"},null]}`, "three[1].sku=a", `{"three":[null,{"sku":"a"},null]}`},
		{"beyond it", `{"three":[null,null,null,{"sku":"a"}]}`, "three[3].sku=a", "400 /three type"},
		{"a wrong type in one", `{"three":[null,{"sku":"a","qty":"x"}]}`, "three[1].sku=a&three[1].qty=x", "400 /three/1/qty type"},
		{"a rule in one", `{"three":[null,{"qty":1}]}`, "three[1].qty=1", "422 /three/1/sku required"},
		{"and in what is missing", `{"two":[{},{"sku":"a"}]}`, "two[1].sku=a", "422 /two/0/sku required"},
		{"lists of lists", `{"grid":[[1,2],[3]]}`, "grid[0][]=1&grid[0][]=2&grid[1][0]=3", `{"grid":[[1,2],[3]]}`},
		{"rows that are pointers", `{"ptrs":[{"sku":"a","qty":0}]}`, "ptrs[5][sku]=a&ptrs[5][qty]=0", `{"ptrs":[{"sku":"a","qty":0}]}`},
		{"a wrong type in a row", `{"rows":[{"sku":"a","qty":"x"}]}`, "rows[0][sku]=a&rows[0][qty]=x", "400 /rows/0/qty type"},
		{"base64", `{"bytes":"aGk=","keys":["aGk="]}`, "bytes=aGk%3D&keys=aGk%3D", `{"bytes":"aGk=","keys":["aGk="]}`},
		{"no base64", `{"bytes":"?"}`, "bytes=?", "400 /bytes type"},
		{"a rule in a row", `{"rows":[{"sku":"a"},{"qty":1}]}`, "rows[0][sku]=a&rows[1][qty]=1", "422 /rows/1/sku required"},
	} {
		same(t, b, test.why, test.json, strings.ReplaceAll(test.form, "%3D", "="), test.want)
	}
	// Values that JSON cannot express.
	for _, test := range []struct{ why, form, want string }{
		{"the client's own index is told", "rows[0][sku]=a&rows[7][qty]=x", "400 /rows/7/qty type"},
		{"for rules too", "rows[3][sku]=a&rows[5][qty]=1&rows[9][qty]=2&ptrs[4][sku]=x&ptrs[8][qty]=1", "422 /ptrs/8/sku required, /rows/5/sku required, /rows/9/sku required"},
		{"lists in one text", "rows=[{\"sku\":\"a\"},{\"sku\":\"b\"}]", `{"rows":[{"sku":"a"},{"sku":"b"}]}`},
		{"and wrong", "rows=[{\"sku\":\"a\"},{\"sku\":1}]", "400 /rows/1/sku type"},
		{"as elements", "rows={\"sku\":\"a\"}&rows={\"sku\":\"b\"}", `{"rows":[{"sku":"a"},{"sku":"b"}]}`},
		{"Rails has no numbers", "rows[][sku]=a", "400 /rows index"},
		{"a text of a list of lists is a list", "grid=1,2&grid=3", `{"grid":[[1,2],[3]]}`},
		{"both ways", "name=a&name[1]=b", "400 /name/1 duplicate"},
	} {
		same(t, b, test.why, "", test.form, test.want)
	}
}

func TestSameValuesEverywhere(t *testing.T) {
	type options struct {
		Dark bool           `json:"dark"`
		Size map[string]int `json:"size,omitempty"`
	}
	type in struct {
		Name   string                `json:"name,omitempty"`
		Email  *string               `json:"email,omitempty" validate:"omitempty,email"`
		Age    *int                  `json:"age,omitempty"`
		Ext    map[string]string     `json:"ext,omitempty"`
		Counts map[int8]float64      `json:"counts,omitempty"`
		ByID   map[objectID]*options `json:"byID,omitempty"`
		Start  *day                  `json:"start,omitempty"`
		Null   *nullable             `json:"null,omitempty"`
		Raw    json.RawMessage       `json:"raw,omitempty"`
		Number json.Number           `json:"number,omitempty"`
		Opts   *options              `json:"opts,omitempty"`
		Status string                `schema:"filter[status]" json:"filter[status],omitempty"`
		Dotted string                `json:"user.name,omitempty"`
		Ptr    **int                 `json:"ptr,omitempty"`
		Tree   branches              `json:"tree,omitempty"`
		Nested nest                  `json:"nested,omitempty" format:"unix"`
		*Extra
	}
	b := bind.New[in](bind.Config{})
	for _, test := range []struct{ why, json, form, want string }{
		{"nothing", `{}`, "", `{}`},
		{"an optional that was left empty", `{"email":null,"age":null}`, "email=&age=&name=", `{}`},
		{"an optional", `{"email":"a@b.example","age":0}`, "email=a@b.example&age=0", `{"email":"a@b.example","age":0}`},
		{"maps", `{"ext":{"foo":"bar","a.b":""}}`, "ext[foo]=bar&ext[a.b]=", `{"ext":{"a.b":"","foo":"bar"}}`},
		{"maps with dots", `{"ext":{"foo":"bar"}}`, "ext.foo=bar", `{"ext":{"foo":"bar"}}`},
		{"keys that are numbers", `{"counts":{"1":2.5,"-3":4}}`, "counts[1]=2.5&counts[-3]=4", `{"counts":{"-3":4,"1":2.5}}`},
		{"keys that do not fit", `{"counts":{"300":1}}`, "counts[300]=1", "400 /counts/300 type"},
		{"values of a map that do not fit", `{"counts":{"1":"x"}}`, "counts[1]=x", "400 /counts/1 type"},
		{"keys that are texts, structs in maps", `{"byID":{"01020304":{"dark":true,"size":{"x":1}}}}`, "byID[01020304][dark]=true&byID[01020304].size.x=1", `{"byID":{"01020304":{"dark":true,"size":{"x":1}}}}`},
		{"a type that reads JSON only", `{"start":"2026-01-02"}`, "start=2026-01-02", `{"start":"2026-01-02"}`},
		{"as a number", `{"null":5}`, "null=5", `{"null":5}`},
		{"which it is not", `{"null":"x"}`, "null=x", "400 /null type"},
		{"JSON as it is", `{"raw":{"a":1}}`, `raw={"a":1}`, `{"raw":{"a":1}}`},
		{"or as text", `{"raw":"a"}`, `raw=a`, `{"raw":"a"}`},
		{"numbers that keep their digits", `{"number":9007199254740993}`, `number=9007199254740993`, `{"number":9007199254740993}`},
		{"and are none", `{"number":"x"}`, `number=x`, `400 /number type`},
		{"brackets in a name", `{"filter[status]":"x"}`, "filter[status]=x", `{"filter[status]":"x"}`},
		{"a dot in a name", `{"user.name":"x"}`, "user.name=x", `{"user.name":"x"}`},
		{"pointers to pointers", `{"ptr":7}`, "ptr=7", `{"ptr":7}`},
		{"embedded pointers, which are nil if not given", `{"hue":"red"}`, "hue=red", `{"hue":"red"}`},
		{"maps of maps without an end", `{"tree":{"a":{"b":{"c":null}}}}`, "tree[a][b][c]=", `{"tree":{"a":{"b":{"c":null}}}}`},
		{"lists of lists without an end", `{"nested":[[null,null],null]}`, "nested[0][0][]=&nested[0][1][]=&nested[1][]=", `{"nested":[[null,null],null]}`},
		{"a field of a field", `{"opts":{"dark":true}}`, "opts[dark]=true", `{"opts":{"dark":true}}`},
		{"and as JSON in one text", `{"opts":{"dark":true,"size":{"a":2}}}`, `opts={"dark":true,"size":{"a":2}}`, `{"opts":{"dark":true,"size":{"a":2}}}`},
		{"in which something is wrong", `{"opts":{"dark":1,"size":{"a":"x"}}}`, `opts={"dark":1,"size":{"a":"x"}}`, "400 /opts/dark type, /opts/size/a type"},
		{"no JSON at all", `{"opts":"x"}`, `opts=x`, "400 /opts type"},
		{"a rule", `{"email":"x"}`, `email=x`, "422 /email email"},
		{"a list for what is none", `{"name":["x"],"age":[1],"opts":["x"]}`, `name[]=x&age[0]=1&opts[]=x`, "400 /age type, /name type, /opts type"},
		{"an object for what is none", `{"name":{"first":"x"}}`, `name[first]=x`, "400 /name type"},
		{"an object without its fields", `{"opts":{"more":1}}`, `opts[more]=1`, `{"opts":{"dark":false}}`},
		{"what is no field", `{"opts":{"dark":true,"more":[1]},"other":{"a":1}}`, `opts[dark]=true&opts[more][]=1&other[a]=1`, `{"opts":{"dark":true}}`},
	} {
		same(t, b, test.why, test.json, test.form, test.want)
	}
	for _, test := range []struct{ why, form, want string }{
		{"text that is not UTF-8", "name=\xff", "400 /name type"},
		{"in a list", "ext[a]=\xff", "400 /ext/a type"},
		{"a name that is not UTF-8", "ext[\xff]=a", "400 /ext[\uFFFD] type"},
		{"two keys of one name", "counts[1]=1&counts[01]=2", "400 /counts/1 duplicate"},
		{"a map without a name", "ext[]=x", "400 /ext index"},
		{"JSON and parts", "opts={}&opts.dark=1", "400 /opts/dark duplicate"},
	} {
		same(t, b, test.why, "", test.form, test.want)
	}
}

type (
	branches map[string]branches
	nest     []nest
)

type Extra struct {
	Hue string `json:"hue,omitempty"`
}

func TestNewWithEndlessTypes(t *testing.T) {
	if got := outcome(bind.Body[branches](post(jsonType, `{"a":{"b":{}}}`))); got != `{"a":{"b":{}}}` {
		t.Error(got)
	}
	if got := outcome(bind.Body[nest](post(jsonType, `[[],[[1]]]`))); got != "400 /1/0/0 type" {
		t.Error(got)
	}
}

func TestSameDefaultsEverywhere(t *testing.T) {
	type sortOrder string
	type line struct {
		Qty  int    `json:"qty" schema:",default:1"`
		Unit string `json:"unit" schema:",default:piece"`
	}
	type in struct {
		Draft bool          `json:"draft" schema:"draft,default:true"`
		Page  int           `json:"page" schema:",default:1"`
		Sort  sortOrder     `json:"sort" schema:",default:asc"`
		Home  string        `json:"home" schema:",default:http://a.example/x,y"`
		TTL   time.Duration `json:"ttl" schema:",default:1m"`
		Since time.Time     `json:"since" schema:",default:2026-01-02T03:04:05Z"`
		OID   objectID      `json:"oid" schema:",default:01020304"`
		Level *int          `json:"level" schema:",default:3"`
		Tags  []sortOrder   `json:"tags" schema:",default:a|b"`
		Big   int64         `json:"big,string" schema:",default:7"`
		Grid  [][]int       `json:"grid" schema:",default:[[1,2],[3]]"`
		Inner struct {
			Depth int `json:"depth" schema:",default:4"`
		} `json:"inner"`
		Lines []line          `json:"lines,omitempty"`
		Named map[string]line `json:"named,omitempty"`
		Last  *line           `json:"last,omitempty"`
	}
	defaults := map[string]string{
		"draft": "true", "page": "1", "sort": `"asc"`, "home": `"http://a.example/x,y"`, "ttl": "60000000000", "since": `"2026-01-02T03:04:05Z"`,
		"oid": `"01020304"`, "level": "3", "tags": `["a","b"]`, "big": `"7"`, "grid": "[[1,2],[3]]", "inner": `{"depth":4}`,
	}
	// with returns the JSON of the defaults, overridden by others.
	with := func(over string) string {
		all := map[string]json.RawMessage{}
		for name, text := range defaults {
			all[name] = json.RawMessage(text)
		}
		if err := json.Unmarshal([]byte(over), &all); err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(all)
		var v in
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		text, _ = json.Marshal(v)
		return string(text)
	}
	b := bind.New[in](bind.Config{})
	for _, test := range []struct{ why, json, form, over string }{
		{"nothing", `{}`, "", `{}`},
		{"an explicit zero", `{"draft":false,"page":0,"level":0,"ttl":0}`, "draft=false&page=0&level=0&ttl=0", `{"draft":false,"page":0,"level":0,"ttl":0}`},
		{"left empty", `{"draft":null,"page":null,"sort":null,"level":null,"LEVEL":null}`, "draft=&page=&sort=&level=", `{}`},
		{"null is not given", `{"inner":null,"lines":[null],"last":null}`, "lines[0]={}", `{"lines":[{"qty":1,"unit":"piece"}]}`},
		{"others", `{"sort":"desc","tags":["c"],"oid":"05060708","big":"8"}`, "sort=desc&tags=c&oid=05060708&big=8", `{"sort":"desc","tags":["c"],"oid":"05060708","big":"8"}`},
		{"other capitals", `{"PAGE":2}`, "PAGE=2", `{"page":2}`},
		{"in lists, maps and pointers", `{"lines":[{"unit":"kg"},{"qty":0}],"named":{"a":{"qty":2}},"last":{"qty":9}}`,
			"lines[0][unit]=kg&lines[1][qty]=0&named[a][qty]=2&last.qty=9",
			`{"lines":[{"qty":1,"unit":"kg"},{"qty":0,"unit":"piece"}],"named":{"a":{"qty":2,"unit":"piece"}},"last":{"qty":9,"unit":"piece"}}`},
		{"in a struct of which something is given", `{"inner":{"depth":0}}`, "inner.depth=0", `{"inner":{"depth":0}}`},
		{"in JSON in a form", `{"last":{"qty":2}}`, `last={"qty":2}`, `{"last":{"qty":2,"unit":"piece"}}`},
	} {
		same(t, b, test.why, test.json, test.form, with(test.over))
	}
	for _, r := range []*http.Request{post("", ""), post(jsonType, ""), post(jsonType, "null"), post(formType, "")} {
		if got := outcome(b.Body(r)); got != with(`{}`) {
			t.Errorf("no body: %s", got)
		}
	}
	if got := outcome(b.Body(post(jsonType, `{"page":"x","lines":[{"qty":"y"}]}`))); got != "400 /lines/0/qty type, /page type" {
		t.Errorf("places: %s", got)
	}
}

// Dates, times and durations as web pages send them.
func TestSameTimesEverywhere(t *testing.T) {
	type in struct {
		At   time.Time     `json:"at,omitzero"`
		Unix time.Time     `json:"unix,omitzero" format:"unix"`
		Day  time.Time     `json:"day,omitzero" format:"date"`
		Days []time.Time   `json:"days,omitzero" format:"date"`
		Wait time.Duration `json:"wait,omitzero"`
		Long time.Duration `json:"long,omitzero" format:"duration"`
		On   bool          `json:"on,omitzero"`
	}
	b := bind.New[in](bind.Config{})
	for _, test := range []struct{ why, json, form, want string }{
		{"RFC 3339", `{"at":"2026-01-02T03:04:05+01:00"}`, "at=2026-01-02T03:04:05+01:00", `{"at":"2026-01-02T03:04:05+01:00"}`},
		{"input type=date", "", "at=2026-01-02", `{"at":"2026-01-02T00:00:00Z"}`},
		{"input type=datetime-local", "", "at=2026-01-02T03:04", `{"at":"2026-01-02T03:04:00Z"}`},
		{"with seconds", "", "at=2026-01-02T03:04:05.5", `{"at":"2026-01-02T03:04:05.5Z"}`},
		{"input type=month", "", "at=2026-02", `{"at":"2026-02-01T00:00:00Z"}`},
		{"input type=time", "", "at=15:04", `{"at":"0000-01-01T15:04:00Z"}`},
		{"with seconds", "", "at=15:04:05", `{"at":"0000-01-01T15:04:05Z"}`},
		{"no time", `{"at":"soon"}`, "at=soon", "400 /at type"},
		{"no date", "", "at=2026-13-01", "400 /at type"},
		{"seconds since 1970", `{"unix":1767323045}`, "unix=1767323045", `{"unix":"2026-01-02T03:04:05Z"}`},
		{"or RFC 3339", `{"unix":"2026-01-02T03:04:05Z"}`, "unix=2026-01-02T03:04:05Z", `{"unix":"2026-01-02T03:04:05Z"}`},
		{"which they are not", `{"unix":1.5}`, "unix=1.5", "400 /unix type"},
		{"beyond the calendar", `{"unix":99999999999999}`, "unix=99999999999999", "400 /unix type"},
		{"a date in JSON, if the tag asks", `{"day":"2026-01-02","days":["2026-01-03"]}`, "day=2026-01-02&days=2026-01-03", `{"day":"2026-01-02T00:00:00Z","days":["2026-01-03T00:00:00Z"]}`},
		{"a duration", `{"long":"1h30m"}`, "long=1h30m", `{"long":5400000000000}`},
		{"or nanoseconds", `{"long":5,"wait":6}`, "long=5&wait=6", `{"wait":6,"long":5}`},
		{"without a tag", "", "wait=1.5s", `{"wait":1500000000}`},
		{"no duration", `{"long":"x"}`, "long=x", "400 /long type"},
		{"a checkbox", "", "on=on", `{"on":true}`},
		{"behind a hidden input", "", "on=0&on=1", `{"on":true}`},
	} {
		same(t, b, test.why, test.json, test.form, test.want)
	}
	for _, r := range []*http.Request{post(jsonType, `{"unix":"x","day":"x","days":["x"],"long":"x"}`), post(formType, "unix=x&day=x&days=x&long=x")} {
		err := second(b.Body(r))
		const want = "bind: day must be a date such as 2006-01-02; days.0 must be a date such as 2006-01-02; " +
			"long must be a duration such as 1h30m; unix must be a number of seconds since 1970"
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("what is expected: %v", err)
		}
	}
	if got := outcome(b.Body(post(jsonType, `{"at":"2026-01-02"}`))); got != "400 /at type" {
		t.Errorf("JSON without a tag is that of encoding/json: %s", got)
	}
}

func TestConfigMaxRowsAndElements(t *testing.T) {
	type in struct {
		Rows []struct{ A int } `json:"rows"`
		N    []int             `json:"n"`
		T    []time.Time       `json:"t"`
	}
	rows := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("rows[%d][a]=1", i))
		}
		return strings.Join(all, "&")
	}
	commas := func(n int) string { return "n=1" + strings.Repeat(",1", n-1) }
	for _, test := range []struct {
		why    string
		cfg    bind.Config
		form   string
		status int
	}{
		{"100 rows", bind.Config{}, rows(100), 200},
		{"101", bind.Config{}, rows(101), 400},
		{"more by a setting", bind.Config{MaxRows: 150}, rows(150), 200},
		{"and no more than that", bind.Config{MaxRows: 150}, rows(151), 400},
		{"without a bound", bind.Config{MaxRows: -1}, rows(900), 200},
		{"1000 elements", bind.Config{}, commas(1001), 200},
		{"1001", bind.Config{}, commas(1002), 400},
		{"more by a setting", bind.Config{MaxElements: 2000}, commas(2000), 200},
		{"without a bound", bind.Config{MaxElements: -1}, commas(5000), 200},
		{"what repeats its name is bounded by the pairs", bind.Config{}, strings.Repeat("t=2026-01-02T03:04:05Z&", 900), 200},
	} {
		if got, status := fields(second(bind.New[in](test.cfg).Body(post(formType, test.form)))); status != test.status {
			t.Errorf("%s: %d %s, want %d", test.why, status, got, test.status)
		}
	}
}
