package flush

import (
	"cmp"
	"net/http"
	"strings"
)

// LastEventID returns the id of the last event that the client of r received: from the
// Last-Event-ID header, or else from the query parameter, where "" is lastEventId and
// "-" disables it. A value that cannot be an id is ignored.
func LastEventID(r *http.Request, param string) string {
	id := strings.Trim(r.Header.Get("Last-Event-ID"), " \t")
	if id == "" && param != "-" && r.URL.RawQuery != "" {
		id = strings.Trim(r.URL.Query().Get(cmp.Or(param, "lastEventId")), " \t")
	}
	if strings.ContainsAny(id, "\r\n\x00") {
		return ""
	}
	return id
}
