package bodyparser

import (
	"io"
	"net/http"

	"github.com/bytedance/sonic"
	jsonv2 "github.com/go-json-experiment/json"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/requestbody"
)

func kitReaders() []rival {
	lent := func(cfg bodyparser.Config) func() http.Handler {
		return func() http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				pooled := requestbody.NewPooledWriter(w)
				b, err := bodyparser.Parse(pooled, r, cfg)
				if err == nil {
					read(b.Bytes())
				}
				pooled.Release(r, err)
				answer(w, err)
			})
		}
	}
	return []rival{
		kit("kit, lent", lent(bodyparser.Config{Limit: limit})),
		kit("kit, lent, no deadline", lent(bodyparser.Config{Limit: limit, ReadTimeout: -1})),
		kit("kit, parsed", func() http.Handler {
			return bodyparser.New(bodyparser.Config{Limit: limit})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := bodyparser.From(r)
				read(b.Bytes())
				ok(w)
			}))
		}),
	}
}

func kitOrders(cfg bind.Config) http.Handler {
	return bind.HandlerWith(cfg, kitOrder)
}

func kitOrder(w http.ResponseWriter, r *http.Request, o order) error {
	got(&o)
	ok(w)
	return nil
}

func kitBinders() []rival {
	with := func(cfg bind.Config) func() http.Handler {
		cfg.Parser.Limit = limit
		return func() http.Handler { return kitOrders(cfg) }
	}
	v2 := func(data []byte, dst any) error { return jsonv2.Unmarshal(data, dst) }
	return []rival{
		kit("kit", with(bind.Config{})),
		kit("kit, json v2", with(bind.Config{Parser: bodyparser.Config{Unmarshal: v2}})),
		kit("kit, sonic", with(bind.Config{Parser: bodyparser.Config{Unmarshal: sonic.ConfigStd.Unmarshal}})),
		kit("kit, strict", with(bind.Config{Strict: true})),
		kit("kit behind bodyparser.New", func() http.Handler {
			return bodyparser.New(bodyparser.Config{Limit: limit})(bind.Handler(kitOrder))
		}),
	}
}

func kitSmall(cfg bodyparser.Config) http.Handler {
	cfg.Limit = kibibyte
	return bind.HandlerWith(bind.Config{Parser: cfg}, func(w http.ResponseWriter, r *http.Request, v small) error {
		_, err := io.WriteString(w, v.A)
		return err
	})
}
