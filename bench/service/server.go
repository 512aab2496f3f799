package service

import (
	"fmt"
	"net"
	"slices"
	"time"
)

// A server is the service built on one library.
type server struct {
	name  string
	group string
	// module is the module of the library, "" for the standard library.
	module string
	// weaker lists the promises of the kit that it does not make, or only in part.
	weaker []string
	// listen returns the server of the service, with a timeout for all requests except streams.
	listen func(timeout time.Duration) func(net.Listener) error
}

// bare is the server that the others are compared with.
const bare = "net/http"

// A form says which promises a library is set up for.
type form int

const (
	documented    form = iota // what its documentation puts around a service
	equalPromises             // what all of them promise as documented: a recoverer, a limit on bodies
	samePromises              // what the kit promises, by [keeping]
)

// A group are servers that are compared with each other.
type group struct {
	name, text string
	servers    []server
	loads      []load // nil is each request, over as many connections as the options say
}

// A load is a load for the GET with a path parameter.
type load struct{ connections, processors int }

func (l load) String() string {
	return fmt.Sprintf("%s, %d connections, GOMAXPROCS %d", measured()[1].metric, l.connections, l.processors)
}

// groups are all groups. The first is the default.
func groups() []group {
	return []group{
		{"documented", "Each library as its documentation sets a service up. The kit keeps promises here that the others do not make.",
			[]server{bareServer(documented), apieceServer(everything), chiServer(documented), echoServer(documented), ginServer(documented), fiberServer()}, nil},
		{"equal promises", "No more than all of them promise: an answer to a panic, a limit on request bodies. No timeout, ETag, nosniff or limit on responses.",
			[]server{bareServer(documented), apieceServer(equal), chiServer(equalPromises), echoServer(equalPromises), ginServer(equalPromises)}, nil},
		{"same promises", "Each with what the kit promises, by the best public means: `http.TimeoutHandler`, and by hand an ETag with 304, nosniff, " +
			"a watch on the size of responses, and a recoverer that cuts a stream. Not to be had by them: a 504 (it is a 503), a response that " +
			"is flushed under a timeout, a bound on the time of a slow body that ends the handler, and for gin an error for what follows a JSON value.",
			[]server{bareServer(samePromises), apieceServer(everything), chiServer(samePromises), echoServer(samePromises), ginServer(samePromises)}, nil},
		{"each promise", "The kit with all of its promises, and without one of them.",
			append([]server{bareServer(documented), apieceServer(everything)}, apieceWithout()...), nil},
		{"growth", "How the cost of a request grows with the number of connections, and with processors.",
			[]server{bareServer(documented), apieceServer(everything), chiServer(documented), echoServer(documented), ginServer(documented)},
			[]load{{2, 1}, {16, 1}, {128, 1}, {2000, 1}, {2, 2}, {128, 2}}},
	}
}

// Groups returns the names of the groups.
func Groups() (names []string) {
	for _, g := range groups() {
		names = append(names, g.name)
	}
	return names
}

func groupByName(name string) (group, bool) {
	all := groups()
	if name == "" {
		return all[0], true
	}
	i := slices.IndexFunc(all, func(g group) bool { return g.name == name })
	if i < 0 {
		return group{}, false
	}
	return all[i], true
}

// Servers returns the names of the servers of a group.
func Servers(group string) (names []string) {
	g, _ := groupByName(group)
	for _, s := range g.servers {
		names = append(names, s.name)
	}
	return names
}

func (g group) server(name string) (server, bool) {
	i := slices.IndexFunc(g.servers, func(s server) bool { return s.name == name })
	if i < 0 {
		return server{}, false
	}
	s := g.servers[i]
	s.group = g.name
	return s, true
}
