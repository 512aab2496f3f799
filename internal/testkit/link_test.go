package testkit_test

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

// TestLinkLimits: a link has the limits of a socket, including deadlines, and ends what
// is endless.
func TestLinkLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testkit.NewLink()
		start := time.Now()
		near.SetWriteDeadline(start.Add(time.Minute))
		n, err := near.Write(make([]byte, 1<<20)) // which is not read
		if n != 64<<10 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("wrote %d bytes in %v: %v; want 64 KB in a minute", n, time.Since(start), err)
		}
		near.CloseWrite()
		if b, err := io.ReadAll(far); len(b) != n || err != nil {
			t.Errorf("read %d bytes, %v; want the %d that were on their way", len(b), err, n)
		}
		if _, err := far.Write([]byte("x")); err != nil {
			t.Errorf("the other direction has ended as well: %v", err)
		}
		near.Reset()
		if _, err := far.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("a reset is %v", err)
		}
	})
}

// TestLinkFloodTakesNoTime: in a bubble no time passes while one side writes and the
// other reads, so that no deadline ends it.
func TestLinkFloodTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := testkit.NewLink()
		near.OnFlood(func() { near.Close() })
		go io.Copy(io.Discard, far)
		written, err := 0, error(nil)
		for chunk := make([]byte, 1<<20); err == nil && written < 1<<30; {
			_, err = near.Write(chunk)
			written += len(chunk)
		}
		if err == nil || written < 64<<20 || written > 66<<20 {
			t.Errorf("%d MB went through one link, then %v; want an end after 64 MB", written>>20, err)
		}
		far.Close()
	})
}
