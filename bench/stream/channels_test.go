package stream_test

import (
	"net/http"
	"sync"
)

// channels is the hub that everybody writes first: bytes that are encoded once,
// and a channel for each subscriber, whose slowness the publisher waits for.
var channels = broker{"channels", func() instance {
	var (
		mu   sync.RWMutex
		subs = make(map[chan []byte]bool)
	)
	return instance{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ch := make(chan []byte, 16)
			mu.Lock()
			subs[ch] = true
			mu.Unlock()
			rc := http.NewResponseController(w)
			w.Header().Set("Content-Type", "text/event-stream")
			_ = rc.Flush()
			for {
				select {
				case p := <-ch:
					_, _ = w.Write(p)
					_ = rc.Flush()
				case <-r.Context().Done():
					go func() { // whoever publishes may be waiting for it
						for range ch {
						}
					}()
					mu.Lock()
					delete(subs, ch)
					close(ch)
					mu.Unlock()
					return
				}
			}
		}),
		publish: func(data string) {
			p := appendByHand(nil, eventID, eventName, data)
			mu.RLock()
			defer mu.RUnlock()
			for ch := range subs {
				ch <- p
			}
		},
	}
}}
