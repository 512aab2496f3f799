package browsertest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Clients in other languages are programs that write the messages they receive as lines
// of JSON.

var nodeClients = []client{
	node("eventsource"),
	node("eventsource-client"),
	node("event-source-polyfill"),
	node("@microsoft/fetch-event-source"),
	node("undici EventSource"),
}

func node(name string) client {
	return client{name: name, start: func(t *testing.T) listener {
		if err := npm(); err != nil {
			missing(t, "node", err)
		}
		return func(ctx context.Context, url string, got func(message)) error {
			return run(exec.CommandContext(ctx, "node", "testdata/node/client.mjs", name, url), got)
		}
	}}
}

// npm installs the clients, if possible.
var npm = sync.OnceValue(func() error {
	if _, err := exec.LookPath("node"); err != nil {
		return err
	}
	dir := filepath.Join("testdata", "node")
	if !required("node") {
		if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
			return errors.New("run npm ci in internal/browsertest/testdata/node")
		}
		return nil
	}
	wanted, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	stamp := filepath.Join(dir, "node_modules", ".installed")
	if here, err := os.ReadFile(stamp); err == nil && bytes.Equal(here, wanted) {
		return nil
	}
	install := exec.Command("npm", "ci", "--prefer-offline")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %v\n%s", err, out)
	}
	return os.WriteFile(stamp, wanted, 0o666)
})

var pythonClients = []client{{name: "httpx-sse", start: func(t *testing.T) listener {
	if out, err := exec.Command("python3", "-c", "import httpx, httpx_sse").CombinedOutput(); err != nil {
		missing(t, "httpx-sse", fmt.Errorf("%v: %.300s", err, out))
	}
	return func(ctx context.Context, url string, got func(message)) error {
		return run(exec.CommandContext(ctx, "python3", "testdata/httpx_client.py", url), got)
	}
}}}

// run runs a program until its context ends.
func run(program *exec.Cmd, got func(message)) error {
	var said bytes.Buffer
	program.Stderr = &said
	out, err := program.StdoutPipe()
	if err != nil {
		return err
	}
	if _, err := program.StdinPipe(); err != nil { // which ends with the test
		return err
	}
	if err := program.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return fmt.Errorf("%q: %w", lines.Bytes(), err)
		}
		got(m)
	}
	return fmt.Errorf("%w\n%s", program.Wait(), said.Bytes())
}

// eventSource is the EventSource of a browser.
var eventSource = client{name: "Chromium", start: func(t *testing.T) listener {
	browser := browse(t)
	return func(ctx context.Context, url string, got func(message)) error {
		tab, end := chromedp.NewContext(browser)
		defer end()
		if err := chromedp.Do(tab, chromedp.Navigate(strings.TrimSuffix(url, "events"))); err != nil {
			return err
		}
		for ctx.Err() == nil {
			messages, err := chromedp.Run(tab, chromedp.Evaluate[[]message](`got.splice(0)`))
			if err != nil {
				return err
			}
			for _, m := range messages {
				got(m)
			}
			time.Sleep(pulse)
		}
		return ctx.Err()
	}
}}
