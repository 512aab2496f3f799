package bodyparser_test

import (
	"net/http"

	"github.com/bytedance/sonic"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
)

func kitReaders() []rival {
	cfg := bodyparser.Config{Limit: limit}
	parsed := bodyparser.New(cfg)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ok(w) }))
	return []rival{
		over("kit, lent", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer(w, bodyparser.Borrow(w, r, cfg, func(*bodyparser.Body) error { return nil }))
		})),
		over("kit, lent, no deadline", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			patient := bodyparser.Config{Limit: limit, ReadTimeout: -1}
			answer(w, bodyparser.Borrow(w, r, patient, func(*bodyparser.Body) error { return nil }))
		})),
		over("kit, parsed", parsed),
	}
}

func kitBinders() []rival {
	cfg := bodyparser.Config{Limit: limit}
	withSonic := bodyparser.Config{Limit: limit, Unmarshal: sonic.ConfigStd.Unmarshal}
	handle := func(w http.ResponseWriter, r *http.Request, _ order) error {
		ok(w)
		return nil
	}
	return []rival{
		over("kit", bind.HandlerWith(bind.Config{Parser: cfg}, handle)),
		over("kit behind bodyparser.New", bodyparser.New(cfg)(bind.Handler(handle))),
		over("kit, strict", bind.HandlerWith(bind.Config{Parser: cfg, Strict: true}, handle)),
		over("kit, sonic", bind.HandlerWith(bind.Config{Parser: withSonic}, handle)),
	}
}
