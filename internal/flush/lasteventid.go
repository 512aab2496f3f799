package flush

import (
	"cmp"
	"net/http"
	"strings"
)

// LastEventID returns the id of the last event that the client of r has received:
// that of the Last-Event-ID header, or without one that of the query parameter,
// "" for lastEventId and "-" for none. What could not be an id is none.
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
