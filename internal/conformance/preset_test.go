package conformance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/apiece/apiece/bodyparser"
)

// preset turns a case that was recorded by calling Next.js with a parsed body into one
// for a server: a request of net/http has no place for a parsed body, so a parser
// further out sets it, after which the stream is a different one.
func (b *behavior) preset() (*behavior, error) {
	var in struct {
		PresetBody struct {
			Absent bool
			Value  json.RawMessage
		}
		BodyParserFalse bool
		Handler         string
		Request         request
	}
	if err := strict(b.Input, &in); err != nil {
		return nil, err
	}
	c := *b
	c.Kind, c.Mode, c.Request = "http", "production", in.Request
	c.Request.Path = "/api/run"
	c.Config.API = json.RawMessage(fmt.Sprintf(`{"bodyParser":%v}`, !in.BodyParserFalse))
	switch in.Handler {
	case "json echo of body":
		c.Handler = []op{{"op": json.RawMessage(`"echo"`), "pick": json.RawMessage(`["bodyType","body"]`)}}
	case `throws ApiError(418, "short and stout")`:
		c.Handler = []op{{"op": json.RawMessage(`"throw"`), "kind": json.RawMessage(`"ApiError"`),
			"code": json.RawMessage(`418`), "message": json.RawMessage(`"short and stout"`)}}
	case "route module missing":
		c.Request.Path = "/nothing"
	default:
		return nil, fmt.Errorf("unknown handler %q", in.Handler)
	}
	if preset := string(in.PresetBody.Value); preset != "" && preset != `""` {
		parser := bodyparser.New(bodyparser.Config{})
		c.outside = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				streamed := r.Body
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(preset)), int64(len(preset))
				parser(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.Body = streamed
					next.ServeHTTP(w, r)
				})).ServeHTTP(w, r)
			})
		}
	}
	return &c, nil
}
