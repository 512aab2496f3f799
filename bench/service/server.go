package service

import (
	"net"
	"slices"
	"time"
)

// A server is the service built on one library.
type server struct {
	name string
	// module is what its version is printed of, "" for the standard library.
	module string
	// weaker says which promises of the kit it does not give, or gives less of.
	weaker []string
	// listen returns what serves the service, with a bound on the time of all
	// but the streams.
	listen func(timeout time.Duration) func(net.Listener) error
}

// bare is the server that the others are compared with.
const bare = "net/http"

func servers() []server {
	return []server{bareServer(), apieceServer(), chiServer(), echoServer(), ginServer(), fiberServer()}
}

// Servers returns the names of all of them.
func Servers() []string {
	var names []string
	for _, s := range servers() {
		names = append(names, s.name)
	}
	return names
}

func serverByName(name string) (server, bool) {
	all := servers()
	i := slices.IndexFunc(all, func(s server) bool { return s.name == name })
	if i < 0 {
		return server{}, false
	}
	return all[i], true
}
