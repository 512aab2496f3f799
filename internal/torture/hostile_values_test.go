package torture_test

import (
	"fmt"
	"strings"
)

func jsonCases() (cases []hostileCase) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	var keys strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&keys, `"%d":0,`, i)
	}
	manyKeys := "{" + strings.TrimSuffix(keys.String(), ",") + "}"
	for _, c := range []struct {
		why, target, body string
		want              verdict
	}{
		{"as deep as a body is long", "/api/echo", strings.Repeat("[", mb), is(400, "Invalid JSON")},
		{"deep and closed", "/api/echo", deep(100_000), is(400)},
		{"one level more than allowed", "/api/echo", deep(513), is(400)},
		{"as deep as allowed", "/api/echo", deep(512), is(200)},
		{"deep objects", "/api/echo", strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), is(400)},
		{"a bound of one's own", "/api/shallow", deep(9), is(400)},
		{"deep for a type that has no depth", "/api/order", `{"name":"a","extra":{"a":` + deep(600) + `}}`, is(400)},
		{"deep where the type has no field", "/api/order", `{"name":"a","other":` + deep(100_000) + `}`, is(400)},
		{"deep and in the middle of a text", "/api/echo", `"` + strings.Repeat("[", 100_000) + `"`, is(200)},
		{"sixty thousand keys", "/api/echo", manyKeys, is(200)},
		{"sixty thousand keys where none is known", "/api/order", `{"name":"a",` + manyKeys[1:], is(200)},
		{"a number of a million digits", "/api/echo", strings.Repeat("9", mb-1), is(400)},
		{"a number with a million digits after the point", "/api/echo", "0." + strings.Repeat("9", mb-10), is(200)},
		{"an exponent that no float holds", "/api/echo", `{"a":1e400}`, is(400)},
		{"an exponent of many digits", "/api/echo", `{"a":1e` + strings.Repeat("9", 10_000) + `}`, is(400)},
		{"an exponent that comes to nothing", "/api/echo", `{"a":1e-999999999}`, is(200)},
		{"digits that a float would lose", "/api/echo", `{"a":9007199254740993}`, is(200, "9007199254740993")},
		{"a number that no int64 holds", "/api/order", `{"name":"a","count":9223372036854775808}`, is(400, "/count")},
		{"a fraction for an integer", "/api/order", `{"name":"a","count":1.5}`, is(400, "/count")},
		{"a huge exponent for an integer", "/api/order", `{"name":"a","count":1e999999}`, is(400)},
		{"NaN", "/api/echo", `{"a":NaN}`, is(400)},
		{"Infinity", "/api/echo", `{"a":-Infinity}`, is(400)},
		{"hexadecimal", "/api/echo", `{"a":0x10}`, is(400)},
		{"a leading zero", "/api/echo", `{"a":007}`, is(400)},
		{"a leading plus", "/api/echo", `{"a":+1}`, is(400)},
		{"a key twice: the last", "/api/echo", `{"role":"user","role":"admin"}`, is(200, `"role":"admin"`)},
		{"a key twice, where that is refused", "/api/unique", `{"role":"user","role":"admin"}`, is(400)},
		{"a key twice, once with escapes", "/api/unique", `{"role":"user","r\u006fle":"admin"}`, is(400)},
		{"a key twice, deep down", "/api/unique", `{"a":[{"b":1,"c":2,"b":3}]}`, is(400)},
		{"keys that JavaScript takes for its own", "/api/echo", `{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}`, is(200, `"__proto__"`)},
		{"the same for a type", "/api/order", `{"name":"a","__proto__":{"admin":true}}`, is(200, `"admin":false`)},
		{"a field that no client may set", "/api/order", `{"name":"a","admin":true,"Admin":true,"-":true}`, is(200, `"admin":false`)},
		{"a field in another case", "/api/order", `{"NAME":"a"}`, either(is(200), is(422))},
		{"an unknown field, where that is refused", "/api/strict", `{"name":"a","admin":true}`, is(400, "/admin")},
		{"a byte order mark", "/api/echo", "\ufeff{}", is(200)},
		{"two byte order marks", "/api/echo", "\ufeff\ufeff{}", is(400)},
		{"bytes that are not UTF-8", "/api/echo", "{\"a\":\"\xff\xfe\"}", is(400)},
		{"an overlong slash", "/api/echo", "{\"a\":\"\xc0\xaf\"}", is(400)},
		{"half a surrogate pair, escaped", "/api/echo", `{"a":"\ud800"}`, is(200)},
		{"a NUL, escaped", "/api/echo", `{"a":"\u0000"}`, is(200, `\u0000`)},
		{"a NUL", "/api/echo", "{\"a\":\"\x00\"}", is(400)},
		{"a line break in a text", "/api/echo", "{\"a\":\"b\nc\"}", is(400)},
		{"a second value", "/api/echo", `{"a":1}{"a":2}`, is(400)},
		{"a second value for a type", "/api/order", `{"name":"a"}{"name":"b"}`, is(400)},
		{"a word after the value", "/api/order", `{"name":"a"} and more`, is(400)},
		{"a comma after the last", "/api/echo", `{"a":1,}`, is(400)},
		{"a comment", "/api/echo", `{"a":1/**/}`, is(400)},
		{"single quotes", "/api/echo", `{'a':1}`, is(400)},
		{"white space alone", "/api/echo", strings.Repeat(" ", mb), is(400)},
		{"white space that is none", "/api/echo", "\u00a0{}", is(400)},
		{"a million escapes", "/api/echo", `"` + strings.Repeat(`\u0041`, mb/6-1) + `"`, is(200)},
		{"null for a type", "/api/order", `null`, is(422)},
		{"a list for a type", "/api/order", `[{"name":"a"}]`, is(400)},
		{"an object for a text", "/api/order", `{"name":{"$gt":""}}`, is(400, "/name")},
		{"a list for a text", "/api/order", `{"name":["a"]}`, is(400, "/name")},
		{"a text that repeats in the answer what was sent", "/api/order", `{"name":"<script>alert(1)</script>","count":"<script>"}`, also(is(400), without("<script>"))},
		{"a body with a wrong signature", "/api/signed", `{}`, is(403)},
	} {
		cases = append(cases, hostileCase{why: c.why, send: post(c.target, typeJSON, c.body), want: c.want})
	}
	return append(cases,
		// An untyped value takes up to forty times the memory of its text, and an item
		// of a list the size of its type. The bound on their number allows seven times
		// the limit of the body.
		hostileCase{why: "as many numbers as allowed, eight times at once", send: post("/api/echo", typeJSON, "["+strings.Repeat("0,", mb/8-2)+"0]"), times: 8, want: is(200), limit: 2 * mb},
		hostileCase{why: "half a million numbers", send: post("/api/echo", typeJSON, "["+strings.Repeat("0,", 500_000)+"0]"), want: is(413)},
		hostileCase{why: "a list of three hundred thousand empty objects", send: post("/api/echo", typeJSON, "["+strings.Repeat("{},", 300_000)+"{}]"), want: is(413)},
		hostileCase{why: "eight lists of three hundred thousand empty lists at once", send: post("/api/echo", typeJSON, "["+strings.Repeat("[],", 300_000)+"[]]"), times: 8, want: is(413)},
		hostileCase{why: "half a million items for a list of a hundred", send: post("/api/order", typeJSON, `{"name":"a","items":[`+strings.Repeat("{},", 300_000)+`{}]}`), want: is(413)},
		hostileCase{why: "two signatures, one of which is right", send: with(post("/api/signed", typeJSON, `{}`), signature(`{}`), "X-Signature: sha256=00"), want: is(403)},
		hostileCase{why: "a signature of something else", send: with(post("/api/signed", typeJSON, `{"a":1}`), signature(`{}`)), want: is(403)},
	)
}

func formCases() (cases []hostileCase) {
	for _, c := range []struct {
		why, target, body string
		want              verdict
	}{
		{"a thousand pairs pass", "/api/form", strings.Repeat("a=1&", 999) + "a=1", is(200)},
		{"one more", "/api/form", strings.Repeat("a=1&", 1000) + "a=1", is(413)},
		{"half a million pairs", "/api/form", strings.Repeat("a&", mb/2-1), is(413)},
		{"half a million pairs of nothing", "/api/form", strings.Repeat("&", mb-1), either(is(413), is(200))},
		{"as many for a type", "/api/order", "name=a&" + strings.Repeat("a=1&", 200_000), is(413)},
		{"as many keys as fit, for a type", "/api/order", "name=a&" + strings.Repeat("tags=1&", 170_000/2), is(413)},
		{"an index of which there is one", "/api/order", "name=a&items[100][sku]=1", is(200, `"items":1`)},
		{"a sparse index makes one element", "/api/order", "name=a&items.2147483647.sku=1", is(200, `"items":1`)},
		{"an index that no int holds", "/api/order", "name=a&items.99999999999999999999.sku=1", is(400)},
		{"a negative index", "/api/order", "name=a&items.-1.sku=1", is(400)},
		{"a negative index in brackets", "/api/order", "name=a&items[-1][sku]=1", is(400)},
		{"an index with a sign", "/api/order", "name=a&items[+1][sku]=1", is(400)},
		{"an index in hexadecimal", "/api/order", "name=a&items[0x1][sku]=1", is(400)},
		{"an index in Arabic digits", "/api/order", "name=a&items[%D9%A1][sku]=1", is(400)},
		{"an index for what is no list", "/api/order", "name[0]=a", either(is(400), is(422))},
		{"brackets that are not closed", "/api/order", "name=a&items[0[sku]=1", either(is(400), is(200, `"items":0`))},
		{"ten thousand brackets", "/api/order", "name=a&items" + strings.Repeat("[0]", 10_000) + "=1", either(is(400), is(200, `"items":0`))},
		{"ten thousand dots", "/api/order", "name=a&items" + strings.Repeat(".0", 10_000) + "=1", either(is(400), is(200, `"items":0`))},
		{"a path of dots alone", "/api/order", "name=a&" + strings.Repeat(".", 10_000) + "=1", either(is(400), is(200))},
		{"a list that is spread by commas", "/api/order", "name=a&tags=" + strings.Repeat(",", 100_000), either(is(400), is(200), is(413))},
		{"the query does not mix in", "/api/form?admin=1", "a=1", also(is(200, `{"a":["1"]}`), without("admin"))},
		{"the query does not mix into a type", "/api/order?name=query&count=7", "name=body", is(200, `"name":"body"`, `"count":0`)},
		{"a malformed percent", "/api/form", "a=%zz", is(400)},
		{"a percent at the end", "/api/form", "a=1&b=%", is(400)},
		{"a malformed percent in a key", "/api/form", "%=1", is(400)},
		{"a semicolon, which splits for some and not for others", "/api/form", "a=1;admin=1", is(400)},
		{"an encoded semicolon is data", "/api/form", "a=1%3Badmin%3D1", is(200, "1;admin=1")},
		{"bytes that are not UTF-8 are data", "/api/form", "a=%ff%fe", is(200)},
		{"a NUL is data", "/api/form", "a=%00", is(200, `\u0000`)},
		{"keys that JavaScript takes for its own", "/api/form", "__proto__[admin]=1&constructor=1", is(200, "__proto__[admin]")},
		{"a field that no client may set", "/api/order", "name=a&Admin=true&admin=true&-=true&Extra=1", is(200, `"admin":false`)},
		{"a field of a kind that no form has", "/api/order", "name=a&extra.a=1&extra[b]=2", either(is(200), is(400))},
		{"a number that is none", "/api/order", "name=a&count=1e9", is(400, "/count")},
		{"a key of a megabyte", "/api/order", "name=a&" + xs(mb-20) + "=1", is(200)},
		{"a value of a megabyte", "/api/order", "name=" + xs(mb-20), is(422, "/name")},
		{"JSON that is called a form", "/api/order", `{"name":"a"}`, is(415, "application/json")},
	} {
		cases = append(cases, hostileCase{why: c.why, send: post(c.target, typeForm, c.body), want: c.want})
	}
	for _, c := range []struct {
		why, query string
		want       verdict
	}{
		{"a query of more than a thousand pairs", "name=a&" + strings.Repeat("a=1&", 1000), is(400)},
		{"a query with a negative index", "name=a&items.-1.sku=1", is(400)},
		{"a query with a sparse index", "name=a&items.999999.sku=1", is(200, `"items":1`)},
		{"a query with a malformed percent", "name=%zz", is(400)},
		{"a query with a semicolon", "name=a;count=2", is(400)},
	} {
		cases = append(cases, hostileCase{why: c.why, send: request{target: "/api/find?" + c.query}, want: c.want})
	}
	return append(cases,
		hostileCase{why: "sparse indices that fit the bound, many times at once", send: post("/api/order", typeForm, "name=a&"+manyIndices()), times: 16, want: either(is(200), is(400), is(413), is(422))},
		hostileCase{why: "form fields in another charset", send: post("/api/form", typeForm+"; charset=utf-16", "a=1"), want: either(is(415), is(200))},
	)
}

// manyIndices spends ten kilobytes on as many elements as possible.
func manyIndices() string {
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "&items.%d.sku=1&tags=%d", i%100, i)
	}
	return b.String()
}

const (
	boundary      = "xxBOUNDARYxx"
	multipartType = "Content-Type: multipart/form-data; boundary=" + boundary
	lastBoundary  = "--" + boundary + "--\r\n"
)

func part(header, body string) string {
	return "--" + boundary + "\r\n" + strings.ReplaceAll(header, "\n", "\r\n") + "\r\n\r\n" + body + "\r\n"
}

func fieldPart(name, value string) string {
	return part(`Content-Disposition: form-data; name="`+name+`"`, value)
}

func filePart(name, fileName, content string) string {
	return part(`Content-Disposition: form-data; name="`+name+`"; filename="`+fileName+`"`+"\nContent-Type: text/plain", content)
}

func multipartCases() (cases []hostileCase) {
	named := func(header string) string { return part("Content-Disposition: form-data; name=a\n"+header, "1") }
	for _, c := range []struct {
		why, target, body string
		want              verdict
	}{
		{"as many parts as allowed", "/api/parts", strings.Repeat(fieldPart("a", "1"), 100) + lastBoundary, is(200, `"parts":100`)},
		{"one more", "/api/parts", strings.Repeat(fieldPart("a", "1"), 101) + lastBoundary, is(413)},
		{"a hundred thousand empty parts", "/api/parts", strings.Repeat("--"+boundary+"\r\n\r\n\r\n", 100_000) + lastBoundary, either(is(400), is(413))},
		{"too many files", "/api/uploads", strings.Repeat(filePart("f", "a", "1"), 21) + lastBoundary, is(413)},
		{"a header line of five megabytes", "/api/parts", named("X: "+xs(5*mb)) + lastBoundary, is(413)},
		{"a header of a million lines", "/api/parts", named(strings.Repeat("X: y\n", 500_000)+"Z: z") + lastBoundary, is(413)},
		{"a header of more than it may have", "/api/parts", named("X: "+xs(9000)) + lastBoundary, is(413)},
		{"a header that folds for ever", "/api/parts", named("X: y"+strings.Repeat("\n x", 100_000)) + lastBoundary, either(is(400), is(413))},
		{"a preamble of megabytes", "/api/parts", strings.Repeat(xs(100)+"\r\n", 50_000) + fieldPart("a", "1") + lastBoundary, is(413)},
		{"a preamble of one long line", "/api/parts", xs(5*mb) + "\r\n" + fieldPart("a", "1") + lastBoundary, either(is(413), is(400))},
		{"a preamble of line breaks alone", "/api/parts", strings.Repeat("\r\n", mb) + fieldPart("a", "1") + lastBoundary, is(413)},
		{"an epilogue of megabytes", "/api/parts", fieldPart("a", "1") + lastBoundary + xs(5*mb), either(is(200), is(413))},
		{"fields that fill the memory", "/api/uploads", strings.Repeat(fieldPart("a", xs(mb/4)), 5) + lastBoundary, is(413)},
		{"a field of five megabytes", "/api/uploads", fieldPart("a", xs(5*mb)) + lastBoundary, is(413)},
		{"a file over its limit", "/api/upload", filePart("f", "a", xs(fileLimit+1)) + lastBoundary, is(413)},
		{"a body over its limit", "/api/uploads", filePart("f", "a", xs(32*mb)) + lastBoundary, is(413)},
		{"text that almost is a boundary", "/api/upload", filePart("f", "a", strings.Repeat("\r\n--"+boundary[:len(boundary)-1], 50_000)) + lastBoundary, is(200)},
		{"a boundary within a line", "/api/upload", filePart("f", "a", "x--"+boundary+"--x") + lastBoundary, is(200, `"size":18`)},
		{"a boundary that goes on", "/api/parts", fieldPart("a", "1") + "--" + boundary + "x\r\n" + fieldPart("b", "1") + lastBoundary, either(is(400), is(200, `"parts":2`))},
		{"bare line feeds", "/api/parts", strings.ReplaceAll(fieldPart("a", "1")+lastBoundary, "\r\n", "\n"), either(is(400), is(200, `"parts":1`))},
		{"no last boundary", "/api/parts", fieldPart("a", "1"), is(400)},
		{"no boundary", "/api/parts", "a=1", either(is(400), is(413))},
		{"half a header", "/api/parts", "--" + boundary + "\r\nContent-Dis", is(400)},
		{"a header without a colon", "/api/parts", part("nonsense", "1") + lastBoundary, is(400)},
		{"a part without a name", "/api/parts", part("Content-Disposition: form-data", "1") + lastBoundary, is(400)},
		{"a part without a disposition", "/api/parts", part("X: y", "1") + lastBoundary, is(400)},
		{"two dispositions", "/api/parts", part("Content-Disposition: form-data; name=a\nContent-Disposition: form-data; name=b", "1") + lastBoundary, either(is(400), is(200))},
		{"a part in quoted-printable", "/api/uploads", part("Content-Disposition: form-data; name=a\nContent-Transfer-Encoding: quoted-printable", "=\r\n=zz") + lastBoundary, either(is(400), is(200))},
		{"multipart in multipart", "/api/parts", part("Content-Disposition: form-data; name=a\nContent-Type: multipart/mixed; boundary=y", "--y\r\n\r\nx\r\n--y--") + lastBoundary, is(200, `"parts":1`)},
		{"a name of prototypes", "/api/uploads", fieldPart("__proto__", "1") + lastBoundary, is(200, `"fields":1`)},
		{"a file name that climbs", "/api/upload", filePart("f", "../../../../tmp/evil", "x") + lastBoundary, is(200, `["evil"]`)},
		{"a file name that climbs as on Windows", "/api/upload", filePart("f", `..\\..\\boot.ini`, "x") + lastBoundary, is(200, `["boot.ini"]`)},
		{"a file name that is a directory", "/api/upload", filePart("f", "..", "x") + lastBoundary, is(200, `["unnamed"]`)},
		{"an absolute file name", "/api/upload", filePart("f", "/etc/passwd", "x") + lastBoundary, is(200, `["passwd"]`)},
		{"a file name with encoded slashes", "/api/upload", part(`Content-Disposition: form-data; name=f; filename*=utf-8''..%2f..%2fevil`, "x") + lastBoundary, is(200, `["evil"]`)},
		{"a file name with a NUL", "/api/upload", part(`Content-Disposition: form-data; name=f; filename*=utf-8''a%00.txt`, "x") + lastBoundary, either(is(400), is(200, `["a.txt"]`))},
		{"a file name with line breaks", "/api/upload", part(`Content-Disposition: form-data; name=f; filename*=utf-8''a%0d%0aSet-Cookie:%20x`, "x") + lastBoundary, either(is(400), is(200, `["aSet-Cookie_ x"]`))},
		{"a file name of a device", "/api/upload", filePart("f", "CON", "x") + lastBoundary, is(200, `["_CON"]`)},
		{"a file name that is longer than any system takes", "/api/upload", filePart("f", xs(5000)+".txt", "x") + lastBoundary, is(200, ".txt")},
		{"a file name that turns around", "/api/upload", filePart("f", "evil\u202egpj.exe", "x") + lastBoundary, is(200, `["evilgpj.exe"]`)},
		{"two files with one name", "/api/upload", filePart("f", "a", "1") + filePart("f", "a", "22") + lastBoundary, is(200, `"size":3`)},
		{"a bad part after a good file", "/api/upload", filePart("f", "a", xs(300_000)) + part("nonsense", "1") + lastBoundary, is(400)},
		{"a limit, and then an early end", "/api/upload", filePart("f", "a", xs(fileLimit+1)), is(413)},
	} {
		cases = append(cases, hostileCase{why: c.why, send: post(c.target, multipartType, c.body), want: c.want, limit: mb})
	}
	for _, c := range []struct {
		why, contentType string
		want             verdict
	}{
		{"no boundary parameter", "multipart/form-data", is(400)},
		{"an empty boundary", "multipart/form-data; boundary=", either(is(400), is(415))},
		{"a boundary of a hundred kilobytes", "multipart/form-data; boundary=" + xs(100_000), either(is(400), is(415))},
		{"a boundary of dashes", "multipart/form-data; boundary=--", is(400)},
		{"multipart of another kind", "multipart/mixed; boundary=" + boundary, is(415)},
		{"two boundaries", "multipart/form-data; boundary=" + boundary + "; boundary=x", either(is(400), is(415))},
	} {
		cases = append(cases, hostileCase{why: c.why, send: post("/api/upload", "Content-Type: "+c.contentType, filePart("f", "a", "x")+lastBoundary), want: c.want})
	}
	standard := filePart("f", "a", xs(300_000)) + lastBoundary
	return append(cases,
		hostileCase{why: "twenty-four uploads of five megabytes", send: post("/api/upload", multipartType, filePart("f", "a", xs(fileLimit))+lastBoundary), times: 24, want: is(200, `"size":5242880`)},
		hostileCase{why: "twenty-four uploads over the limit", send: post("/api/upload", multipartType, filePart("f", "a", xs(7*mb))+lastBoundary), times: 24, want: is(413)},
		hostileCase{why: "an upload that is compressed", send: with(post("/api/upload", multipartType, "x"), "Content-Encoding: gzip"), want: is(415)},
		hostileCase{why: "multipart for a parser that leaves it alone", send: post("/api/echo", multipartType, xs(3*mb)), want: either(is(200, "null"), is(413))},
		hostileCase{why: "net/http's own files are removed", send: post("/api/standard", multipartType, standard), times: 8, want: is(200, "1 files")},
		hostileCase{why: "net/http's own files are removed on a panic", send: post("/api/standard?then=panic", multipartType, standard), times: 8, want: is(500)},
		hostileCase{why: "net/http's own files are removed when the time is up", send: post("/api/standard-late?then=late", multipartType, standard), times: 8, want: is(504)},
		hostileCase{why: "net/http's own files are removed when the form is cut off", send: early(lies(post("/api/standard", multipartType, filePart("f", "a", xs(300_000))), 400_000)), times: 8, want: is(400), two: cut},
	)
}
