package torture_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/reply"
)

// These handlers misbehave, each in the ways that the last element of its route names.

func failToEncode(w http.ResponseWriter, r *http.Request) error {
	type loop struct{ Next *loop }
	endless := new(loop)
	endless.Next = endless
	switch how := r.PathValue("how"); how {
	case "channel":
		return reply.JSON(w, r, 200, map[string]any{"a": "a part that can be encoded", "b": make(chan int)})
	case "function":
		return reply.Send(w, r, 200, func() {})
	case "nan":
		return reply.JSON(w, r, 200, math.NaN())
	case "cycle":
		return reply.JSON(w, r, 200, endless)
	case "panic":
		return reply.JSON(w, r, 200, panics{})
	case "nonsense":
		return reply.JSON(w, r, 200, nonsense{})
	case "error":
		return reply.Send(w, r, 200, errors.New("its text is for the log"))
	case "reader":
		return reply.Send(w, r, 200, io.MultiReader(strings.NewReader("half"), failingReader{}))
	case "promise":
		w.Header().Set("Content-Length", "100")
		return reply.Send(w, r, 200, io.LimitReader(strings.NewReader("half"), 4))
	default: // a status
		status, _ := strconv.Atoi(how)
		return reply.JSON(w, r, status, "x")
	}
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("in an encoder") }
func (panics) Error() string                { panic("in Error") }
func (panics) String() string               { panic("in String") }

type nonsense struct{}

func (nonsense) MarshalJSON() ([]byte, error) { return []byte(`{"a":`), nil }

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// answerTooMuch responds with a megabyte, where 64 KB are allowed.
func answerTooMuch(w http.ResponseWriter, r *http.Request) {
	const size = 1 << 20
	piece := []byte(strings.Repeat("x", 4<<10))
	write := func(n int) (err error) {
		for range n / len(piece) {
			if _, e := w.Write(piece); e != nil {
				err = e
			}
		}
		return err
	}
	switch r.PathValue("how") {
	case "exact":
		write(answerLimit)
	case "one":
		write(answerLimit)
		w.Write(piece[:1])
	case "declared":
		w.Header().Set("Content-Length", strconv.Itoa(size))
		write(size)
	case "at-once":
		w.Write(make([]byte, size))
	case "streamed":
		write(size)
	case "flushed":
		write(len(piece))
		w.(http.Flusher).Flush()
		write(size)
	case "string":
		w.(http.Flusher).Flush()
		io.WriteString(w, strings.Repeat("x", size))
	case "swallowed": // recovering an abort must not make a complete response of it
		func() {
			defer func() { _ = recover() }()
			w.(http.Flusher).Flush()
			write(size)
		}()
	case "file":
		http.ServeFile(w, r, fileOf(size))
	case "copied":
		f, err := os.Open(fileOf(size))
		if err != nil {
			panic(err)
		}
		defer f.Close()
		io.Copy(w, f)
	case "json":
		reply.JSON(w, r, 200, strings.Repeat("x", size))
	}
}

// fileOf returns the name of a file of the given size.
func fileOf(size int) string {
	name := filepath.Join(os.TempDir(), servedFile)
	if info, err := os.Stat(name); err != nil || info.Size() != int64(size) {
		if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
			panic(err)
		}
	}
	return name
}

// answerLate has maxDuration.
func answerLate(w http.ResponseWriter, r *http.Request) {
	flush := func() { _ = http.NewResponseController(w).Flush() }
	switch r.PathValue("how") {
	case "ignores":
		time.Sleep(4 * maxDuration)
		io.WriteString(w, "too late")
	case "waits":
		<-r.Context().Done()
		http.Error(w, "an answer of its own", http.StatusServiceUnavailable)
	case "body":
		io.Copy(io.Discard, r.Body)
		time.Sleep(maxDuration)
	case "flushed":
		io.WriteString(w, "half")
		flush()
		time.Sleep(4 * maxDuration)
		io.WriteString(w, "and half")
	case "declared":
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
		time.Sleep(4 * maxDuration)
	case "flushing":
		for i := 0; r.Context().Err() == nil; i++ {
			fmt.Fprintln(w, i)
			flush()
		}
	case "stuck": // with a client that does not read
		for piece := make([]byte, 64<<10); ; {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	case "racing":
		time.Sleep(maxDuration)
		reply.Send(w, r, 200, "in time")
	case "panics":
		<-r.Context().Done()
		panic("too late to matter")
	case "header": // while the Timeout writes its response
		for i := 0; r.Context().Err() == nil; i++ {
			w.Header().Set("X-Count", strconv.Itoa(i))
		}
		for i := range 1000 {
			w.Header().Set("X-Count", strconv.Itoa(i))
		}
	}
}

func panicSomehow(w http.ResponseWriter, r *http.Request) {
	switch r.PathValue("how") {
	case "before":
		panic("before anything is out")
	case "after":
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic("after a part is out")
	case "buffered":
		io.WriteString(w, "half")
		panic("with a part on its way")
	case "declared":
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
		panic("in the middle")
	case "whole":
		reply.Send(w, r, 200, "whole")
		panic("after all of it")
	case "nil":
		panic(error(nil))
	case "abort":
		panic(http.ErrAbortHandler)
	case "error":
		panic(panics{})
	case "pointer":
		var p *order
		fmt.Fprint(w, p.Name)
	case "header":
		w.Header().Set("Set-Cookie", "session=of somebody")
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Cache-Control", "public")
		panic("with a header set")
	}
}
