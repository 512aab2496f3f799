package response_test

import (
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/internal/response"
)

func TestNotModified(t *testing.T) {
	const date, before = "Fri, 02 Jan 2026 03:04:05 GMT", "Thu, 01 Jan 2026 03:04:05 GMT"
	none := func(lines ...string) map[string][]string { return map[string][]string{"If-None-Match": lines} }
	since := func(line string) map[string][]string { return map[string][]string{"If-Modified-Since": {line}} }
	with := func(fields map[string][]string, name string, lines ...string) map[string][]string {
		fields[name] = lines
		return fields
	}
	tests := []struct {
		name   string
		fields map[string][]string
		etag   string
		want   bool
		why    string
	}{
		{"no condition", nil, `"1"`, false, ""},
		{"same", none(`"1"`), `"1"`, true, ""},
		{"other", none(`"2"`), `"1"`, false, ""},
		{"weak in the request", none(`W/"1"`), `"1"`, true, "weak comparison"},
		{"weak in the response", none(`"1"`), `W/"1"`, true, "weak comparison"},
		{"weak twice", none(`W/W/"1"`), `"1"`, false, "no entity tag"},
		{"weak in lower case", none(`w/"1"`), `"1"`, false, "no entity tag"},
		{"list", none(`"0" ,,	W/"1"`), `"1"`, true, ""},
		{"list without a comma", none(`"0" "1"`), `"1"`, true, "the tags are plain nevertheless"},
		{"comma in a tag", none(`"0","a,b"`), `"a,b"`, true, ""},
		{"list as a tag", none(`"a,"1",b"`), `"1"`, false, `the tags are "a,", and then no tag follows`},
		{"two lines", none(`"0"`, `"1"`), `"1"`, true, ""},
		{"bad line before", none(`x`, `"1"`), `"1"`, true, "each line is a list of its own"},
		{"bad member before", none(`x, "1"`), `"1"`, false, "the rest may be a part of anything"},
		{"bad member after", none(`"1", x`), `"1"`, true, ""},
		{"quote after", none(`"1" "`), `"1"`, true, ""},
		{"no quotes", none(`1`), `"1"`, false, ""},
		{"no end", none(`"1`), `"1"`, false, ""},
		{"part of a tag", none(`"1"`), `"12"`, false, ""},
		{"empty tag", none(`""`), `""`, true, ""},
		{"empty line", none(""), `"1"`, false, ""},
		{"blanks", none(" ,\t, "), `"1"`, false, ""},
		{"no lines", none(), `"1"`, false, ""},
		{"no tag in the response", none(`"1"`, `""`, ""), "", false, ""},
		{"bad tag in the response", none("1", `"1"`), "1", false, ""},
		{"star", none("*"), `"1"`, true, "any representation"},
		{"star and blanks", none(" *\t"), `"1"`, true, ""},
		{"star without a tag", none("*"), "", true, "there is a representation"},
		{"star in a list", none(`"0", *`), `"1"`, false, "the star stands alone (RFC 9110, 13.1.2)"},
		{"star on a second line", none(`"0"`, "*"), `"1"`, false, "that is the same list"},
		{"star and more", none("*x"), `"1"`, false, ""},
		{"quoted star", none(`"*"`), `"1"`, false, "a tag"},
		{"reload", with(none(`"1"`), "Cache-Control", "no-cache"), `"1"`, false, "wants the whole response"},
		{"reload in a list", with(none(`"1"`), "Cache-Control", "max-age=0 , No-Cache"), `"1"`, false, ""},
		{"reload on a second line", with(none("*"), "Cache-Control", "max-age=0", "no-cache"), `"1"`, false, ""},
		{"another directive", with(none(`"1"`), "Cache-Control", "no-cachex, max-age=0"), `"1"`, true, ""},
		{"same date", since(date), "", true, ""},
		{"later date", since("Sat, 03 Jan 2026 03:04:05 GMT"), "", true, ""},
		{"earlier date", since(before), "", false, ""},
		{"no date", since("yesterday"), "", false, ""},
		{"reload and date", with(since(date), "Cache-Control", "no-cache"), "", false, ""},
		{"other tag, same date", with(none(`"2"`), "If-Modified-Since", date), `"1"`, false, "If-None-Match alone decides"},
		{"same tag, earlier date", with(none(`"1"`), "If-Modified-Since", before), `"1"`, true, "If-None-Match alone decides"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for method, want := range map[string]bool{"GET": tt.want, "HEAD": tt.want, "POST": false, "PUT": false} {
				r := httptest.NewRequest(method, "/", nil)
				r.Header = tt.fields
				if got := response.NotModified(r, tt.etag, date); got != want {
					t.Errorf("%s %q, ETag %s: %t, want %t: %s", method, tt.fields, tt.etag, got, want, tt.why)
				}
				if tt.fields["If-None-Match"] == nil && response.NotModified(r, tt.etag, "") {
					t.Errorf("%s %q: true without a Last-Modified", method, tt.fields)
				}
			}
		})
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header = since(date)
	if response.NotModified(r, "", "yesterday") {
		t.Error("what is no date in the response counts as one")
	}
}
