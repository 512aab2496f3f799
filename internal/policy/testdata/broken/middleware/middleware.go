// Package middleware takes over the process.
//
// # Differences from Next.js
//
// None.
package middleware

import (
	"embed"
	"errors"
	"log"
	"net/http"
	web "net/http"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
)

// Errors and tables, allowed.
var (
	ErrAllowed       = errors.New("middleware: allowed")
	ErrTyped   error = &failure{}
	errNil           = &failure{}

	_        http.Handler = http.HandlerFunc(nil)
	word                  = regexp.MustCompile(`^\w+$`)
	methods               = []string{"GET", "HEAD"}
	newlines              = []byte("\r\n")
	escape                = strings.NewReplacer("\r", "", "\n", "").Replace
	files    embed.FS
	listed   = map[string]int{}
)

// Variables, not allowed.
var (
	Default     = regexp.MustCompile(`^\d+$`)
	Hosts       = []string{"localhost"}
	ErrFields   = &failure{}
	ErrReplaced = errors.New("middleware: replaced")

	count    int
	size     = 10
	cache    = map[string]int{}
	registry = make(map[string]http.Handler)
	pool     = sync.Pool{}
	shared   = &http.Client{}
	now      = func() int { return count }
)

type failure struct{ error }

func init() {
	ErrReplaced = errors.New("middleware: another")
	cache["a"] = 1
	listed["a"] = 1
}

// Run runs a server.
func Run() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_ = r.Context().Value(http.ServerContextKey).(*http.Server) // allowed
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set(`access-control-allow-headers`, "*")
	})
	signal.Notify(nil)
	server := &web.Server{Handler: http.DefaultServeMux}
	if err := server.ListenAndServe(); err != nil {
		log.Fatalln(err)
	}
	web.ListenAndServeTLS("", "", "", nil)
	os.Exit(1)
}
