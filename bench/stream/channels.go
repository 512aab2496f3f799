package stream

import (
	"net/http"
	"sync"

	"github.com/apiece/apiece/bench/internal/compare"
)

// channels is the simplest hub: bytes that are encoded once, and a channel for each
// subscriber. A slow subscriber blocks the publisher.
var channels = broker{"channels", "", compare.Rival, func() instance {
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
					go func() { // the publisher may be waiting for it
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

// writes is the minimum: each event is encoded once, and the publisher writes it to
// every subscriber. A slow subscriber blocks it.
var writes = broker{"writes alone", "", compare.Floor, func() instance {
	var (
		mu   sync.RWMutex
		subs = make(map[http.ResponseWriter]*http.ResponseController)
	)
	return instance{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			mu.Lock()
			subs[w] = http.NewResponseController(w)
			_ = subs[w].Flush()
			mu.Unlock()
			<-r.Context().Done()
			mu.Lock()
			delete(subs, w)
			mu.Unlock()
		}),
		publish: func(data string) {
			p := appendByHand(nil, eventID, eventName, data)
			mu.RLock()
			defer mu.RUnlock()
			for w, rc := range subs {
				_, _ = w.Write(p)
				_ = rc.Flush()
			}
		},
	}
}}
