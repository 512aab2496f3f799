package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// An audience reads, and counts the events of each subscriber.
type audience struct {
	all   int
	conns []net.Conn
	ended sync.WaitGroup

	counts []atomic.Int32 // by subscriber
	opened int

	answered atomic.Int64 // subscribers that have the header of a response

	left atomic.Int64   // deliveries until every subscriber has the event
	last chan time.Time // when that was
	lost atomic.Pointer[error]
}

func newAudience(n int) *audience {
	return &audience{all: n, counts: make([]atomic.Int32, n), last: make(chan time.Time, 1)}
}

// open opens a connection with a subscriber, or with n over HTTP/2.
func (a *audience) open(addr string, version, n int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	a.conns = append(a.conns, conn)
	read, request := a.readFrames, preface(n)
	if version == 1 {
		n, read, request = 1, a.read, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	first := a.opened
	a.opened += n
	a.ended.Go(func() {
		if err := read(conn, first); err != nil && !errors.Is(err, net.ErrClosed) {
			a.lost.CompareAndSwap(nil, &err)
		}
	})
	_, err = conn.Write(request)
	return err
}

// read counts what comes over HTTP/1.1.
func (a *audience) read(conn net.Conn, subscriber int) error {
	buf := make([]byte, 512)
	for first := true; ; first = false {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		if first {
			a.answered.Add(1)
		}
		a.count(subscriber, bytes.Count(buf[:n], []byte{mark}))
	}
}

func (a *audience) count(subscriber, events int) {
	if events == 0 {
		return
	}
	a.counts[subscriber].Add(int32(events))
	if a.left.Add(-int64(events)) == 0 {
		select {
		case a.last <- time.Now():
		default:
		}
	}
}

// Of HTTP/2 the clients speak what it takes to subscribe.
const (
	frameHead = 9

	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway, frameWindow = 0, 1, 3, 4, 6, 7, 8

	flagAck, flagEndStream, flagEndHeaders = 1, 1, 4

	window = 1<<31 - 1
)

func frame(dst []byte, kind, flags byte, stream int, payload []byte) []byte {
	dst = append(dst, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), kind, flags)
	dst = binary.BigEndian.AppendUint32(dst, uint32(stream))
	return append(dst, payload...)
}

// preface opens a connection with n requests. Its windows are so wide that they
// need not be opened further.
func preface(n int) []byte {
	b := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	b = frame(b, frameSettings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, 4}, window)) // SETTINGS_INITIAL_WINDOW_SIZE
	b = frame(b, frameWindow, 0, 0, binary.BigEndian.AppendUint32(nil, window-65535))
	request := []byte{0x82, 0x86, 0x84, 0x41, 1, 'x'} // GET, http, /, and the authority x
	for i := range n {
		b = frame(b, frameHeaders, flagEndStream|flagEndHeaders, 2*i+1, request)
	}
	return b
}

// readFrames counts what comes over HTTP/2.
func (a *audience) readFrames(conn net.Conn, first int) error {
	in := bufio.NewReaderSize(conn, 16<<10)
	var payload []byte
	for {
		var head [frameHead]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return err
		}
		size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		kind, flags := head[3], head[4]
		stream := int(binary.BigEndian.Uint32(head[5:]) & window)
		if size > cap(payload) {
			payload = make([]byte, size)
		}
		payload = payload[:size]
		if _, err := io.ReadFull(in, payload); err != nil {
			return err
		}
		var err error
		switch {
		case kind == frameData:
			a.count(first+stream/2, bytes.Count(payload, []byte{mark}))
			if flags&flagEndStream != 0 {
				return fmt.Errorf("stream %d has ended", stream)
			}
		case kind == frameHeaders:
			a.answered.Add(1)
		case kind == frameReset:
			return fmt.Errorf("stream %d is reset: %x", stream, payload)
		case kind == frameSettings && flags&flagAck == 0, kind == framePing && flags&flagAck == 0:
			if kind == frameSettings {
				payload = nil
			}
			_, err = conn.Write(frame(nil, kind, flagAck, 0, payload))
		case kind == frameGoAway:
			return fmt.Errorf("the server goes away: %q", payload)
		}
		if err != nil {
			return err
		}
	}
}

// await waits until no more than so many have no answer yet.
func (a *audience) await(most int) error {
	for start := time.Now(); a.opened-int(a.answered.Load()) > most; time.Sleep(time.Millisecond) {
		if err := a.lost.Load(); err != nil {
			return *err
		}
		if time.Since(start) > time.Minute {
			return errors.New("no answer for a minute")
		}
	}
	return nil
}

// expect says when each subscriber has so many events more.
func (a *audience) expect(events int) <-chan time.Time {
	a.left.Store(int64(a.all) * int64(events))
	return a.last
}

// join publishes until each subscriber has had an event, and then forgets those.
func (a *audience) join(publish func() error) error {
	for deadline := time.Now().Add(5 * time.Minute); ; {
		if err := publish(); err != nil {
			return err
		}
		time.Sleep(time.Second)
		missing := 0
		for i := range a.counts {
			if a.counts[i].Load() == 0 {
				missing++
			}
		}
		if err := a.lost.Load(); err != nil {
			return fmt.Errorf("a subscriber is lost: %w", *err)
		}
		if missing == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d have no event", missing, a.all)
		}
	}
	for before := int64(1); before != a.left.Load(); time.Sleep(2 * time.Second) {
		before = a.left.Load() // some are still under way
	}
	for i := range a.counts {
		a.counts[i].Store(0)
	}
	select {
	case <-a.last:
	default:
	}
	return nil
}

// check reports subscribers that have not had each event once.
func (a *audience) check(events int) error {
	for i := range a.counts {
		if got := a.counts[i].Load(); int(got) != events {
			return fmt.Errorf("subscriber %d has had %d of %d events", i, got, events)
		}
	}
	if err := a.lost.Load(); err != nil {
		return fmt.Errorf("a subscriber was lost: %w", *err)
	}
	return nil
}

func (a *audience) hangUp() {
	for _, conn := range a.conns {
		conn.Close()
	}
	a.ended.Wait()
}
