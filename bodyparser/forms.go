package bodyparser

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// parseForm reads the pairs of a form. They are counted before any is read,
// for reading them is what makes a form of many pairs expensive. A pair that
// net/url cannot read makes the form invalid, where Request.ParseForm returns
// the others along with an error that is easily overlooked.
func (s *settings) parseForm(text []byte) (url.Values, error) {
	form := string(text)
	pairs := 0
	for pair := range strings.SplitSeq(form, "&") {
		if pair == "" {
			continue
		}
		if pairs++; s.Pairs >= 0 && pairs > s.Pairs {
			return nil, refuse(http.StatusRequestEntityTooLarge, "Too many form fields", errPairs)
		}
	}
	values := make(url.Values, pairs)
	for pair := range strings.SplitSeq(form, "&") {
		if pair == "" {
			continue
		}
		if strings.Contains(pair, ";") {
			return nil, refuse(http.StatusBadRequest, invalidBody, errSemicolon)
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, refuse(http.StatusBadRequest, invalidBody, err)
		}
		values[name] = append(values[name], value)
	}
	return values, nil
}

var (
	errPairs     = errors.New("more pairs than Config.Pairs allows")
	errSemicolon = errors.New("semicolon in a form, which some take for a separator")
)
