package testkit

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
)

// InBubble serves in-memory connections with server, in a bubble of testing/synctest,
// and runs test there, which dials them.
//
// It ends when the server has closed every connection. That time depends on the release
// of Go: net/http waits for half a second before it closes a connection whose request
// it did not read to the end.
func InBubble(t *testing.T, server *http.Server, test func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var open sync.WaitGroup
		server.ConnState = func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				open.Add(1)
			case http.StateHijacked, http.StateClosed:
				open.Done()
			}
		}
		l := &pipeListener{make(chan net.Conn), make(chan struct{})}
		served := make(chan struct{})
		go func() { defer close(served); server.Serve(l) }()
		var clients []net.Conn
		defer func() { // even if test calls t.Fatal
			for _, client := range clients {
				client.Close()
			}
			server.Close()
			<-served
			open.Wait()
		}()
		test(t, func() net.Conn {
			client, conn := net.Pipe()
			l.conns <- conn
			clients = append(clients, client)
			return client
		})
	})
}

// A pipeListener accepts connections in memory.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
