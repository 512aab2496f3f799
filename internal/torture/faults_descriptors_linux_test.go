package torture_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestFaultsOfDescriptors: of more uploads than there are descriptors some are
// rejected, some have to wait, and in the end all descriptors are free.
func TestFaultsOfDescriptors(t *testing.T) {
	tidy(t)
	const uploads = 100
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=descriptors", saveVariable+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(2*patience, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	lines := bufio.NewReader(out)
	addr, _ := lines.ReadString('\n')
	full := make(chan struct{})

	p := called("upload.Form")
	text, body := p.raw(false)
	half := body + (len(text)-body)/2
	var wg sync.WaitGroup
	var mu sync.Mutex
	fates := make(map[fate]int)
	for range uploads {
		wg.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimSpace(addr))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			conn.Write(text[:half])
			<-full
			conn.Write(text[half:])
			a := receive(conn, p.method)
			records := 0
			if a.status >= 500 {
				records = 1 // which the child compares
			}
			f, odd := p.fateOf(a, records)
			if odd != nil || f&(whole|failed) == 0 {
				t.Errorf("%v", a)
			}
			mu.Lock()
			defer mu.Unlock()
			fates[f]++
		})
	}
	if line, err := lines.ReadString('\n'); err != nil {
		t.Errorf("the descriptors are never used up: %q, %v", line, err)
	}
	close(full)
	wg.Wait()
	if fates[whole] == 0 || fates[failed] == 0 {
		t.Errorf("%v: no want of descriptors, or nothing else", fates)
	}
	fmt.Fprintln(in, fates[failed])
	said, _ := io.ReadAll(lines)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("files left behind: %v", left)
	}
	t.Logf("%d uploads: %v", uploads, fates)
}

// sufferDescriptors serves uploads with 64 descriptors until it is told how many got an
// error response.
func sufferDescriptors() error {
	var limits syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limits); err != nil {
		return err
	}
	limits.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limits); err != nil {
		return err
	}
	site, err := open(called("upload.Form"), setting{protocol: 1, sockets: true})
	if err != nil {
		return err
	}
	calm := openIn("self")
	fmt.Println(site.Addr())
	for !site.complained("too many open files") { // until the parent times out
		time.Sleep(time.Millisecond)
	}
	fmt.Println("full")
	failed := 0
	if _, err := fmt.Scanln(&failed); err != nil {
		return err
	}
	var errs []error
	if n := site.failures(); n != failed {
		errs = append(errs, fmt.Errorf("%d records for %d answers of 500 and more", n, failed))
	}
	if a := site.send(nil, true); a.status != 200 || a.body != site.piece.want {
		errs = append(errs, fmt.Errorf("afterwards: %v", a))
	}
	site.client.CloseIdleConnections()
	if left := more(calm); len(left) > 0 {
		errs = append(errs, fmt.Errorf("descriptors are left open: %q", left))
	}
	site.close()
	return errors.Join(errs...)
}
