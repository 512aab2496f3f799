package stream_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	report = flag.Bool("report", false, "measure, and print the tables of ratios")
	rounds = flag.Int("rounds", 15, "rounds of the report")
)

func name(clients int) string { return fmt.Sprintf("%d clients", clients) }

// TestReport prints what one run measures. Rivals take turns, so that what else
// the machine does falls on all of them, and the median of the rounds counts.
// Without -report it runs one short round, to see that it works.
func TestReport(t *testing.T) {
	inProcess, sockets, rounds := []int{1000, 10_000}, []int{500, 1}, *rounds
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	if !*report {
		inProcess, sockets, rounds = []int{10}, []int{2}, 1
		out = tabwriter.NewWriter(io.Discard, 0, 0, 1, ' ', 0)
	}
	defer out.Flush()
	reportEncoders(out, rounds)
	for _, clients := range inProcess {
		reportBrokers(out, name(clients)+" in process", clients, rounds, broker.inProcess)
	}
	for _, clients := range sockets {
		reportBrokers(out, name(clients)+" over sockets", clients, rounds, broker.overSockets)
	}
}

func reportEncoders(out *tabwriter.Writer, rounds int) {
	for _, p := range payloads {
		fmt.Fprintf(out, "\nencode %s\tns\tx by hand\twrites\tallocs\t\n", p.name)
		var writes []func(string)
		var nulls []*null
		for _, e := range encoders {
			w := &null{header: http.Header{}}
			nulls = append(nulls, w)
			writes = append(writes, e.make(w))
		}
		times := make([][]float64, len(encoders))
		const loops = 2000
		for range 5 * rounds {
			for i, write := range writes {
				start := time.Now()
				for range loops {
					write(p.data)
				}
				times[i] = append(times[i], float64(time.Since(start).Nanoseconds())/loops)
			}
		}
		for i, e := range encoders {
			allocs := testing.AllocsPerRun(100, func() { writes[i](p.data) })
			nulls[i].writes = 0
			writes[i](p.data)
			fmt.Fprintf(out, "%s\t%.0f\t%.2f\t%d\t%.0f\t\n", e.name, median(times[i]), median(times[i])/median(times[0]), nulls[i].writes, allocs)
		}
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func reportBrokers(out *tabwriter.Writer, title string, clients, rounds int, start func(broker, int) *running) {
	var all []*running
	for _, b := range brokers {
		all = append(all, start(b, clients))
	}
	fmt.Fprintf(out, "\n%s\tburst ns\tx channels\tpaced ns\tx channels\tB/client\tgoroutines\t\n", title)
	bursts, paced := make([][]float64, len(all)), make([][]float64, len(all))
	for range rounds {
		for i, r := range all {
			begin := time.Now()
			r.round(r.publish, burst)
			bursts[i] = append(bursts[i], float64(time.Since(begin).Nanoseconds())/float64(burst*clients))
			begin = time.Now()
			const singles = 10
			for range singles {
				r.round(r.publish, 1)
			}
			paced[i] = append(paced[i], float64(time.Since(begin).Nanoseconds())/float64(singles*clients))
		}
	}
	for i, r := range all {
		r.stop()
		memory := "\t"
		if r.perClient > 0 {
			memory = fmt.Sprintf("%.0f\t%.1f", r.perClient, r.goroutines)
		}
		fmt.Fprintf(out, "%s\t%.1f\t%.2f\t%.0f\t%.2f\t%s\t\n", r.name,
			median(bursts[i]), median(bursts[i])/median(bursts[0]),
			median(paced[i]), median(paced[i])/median(paced[0]), memory)
	}
}

// TestStalledPeer has one client that never reads beside one that does, and
// logs how far the publisher and the healthy one come: of the rivals, nowhere.
func TestStalledPeer(t *testing.T) {
	if !*report {
		t.Skip("needs -report: it waits for what never comes")
	}
	const events, size = 600, 32 << 10
	for _, b := range brokers {
		i := b.make()
		server := httptest.NewServer(i)
		connect := func() net.Conn {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			return conn
		}
		stalled, healthy := connect(), connect()
		var published, received atomic.Int64
		go func() {
			r := bufio.NewReaderSize(healthy, 1<<16)
			for {
				line, err := r.ReadSlice('\n')
				switch {
				case err == nil && strings.HasPrefix(string(line), "data: "):
					received.Add(1)
				case err != nil && err != bufio.ErrBufferFull:
					return
				}
			}
		}()
		time.Sleep(100 * time.Millisecond)
		go func() {
			data := strings.Repeat("x", size)
			for range events {
				i.publish(data)
				published.Add(1)
				time.Sleep(time.Millisecond)
			}
		}()
		time.Sleep(3 * time.Second)
		fmt.Printf("%s: publisher %d of %d, healthy client %d of %d\n", b.name, published.Load(), events, received.Load(), events)
		stalled.Close()
		healthy.Close()
		server.CloseClientConnections()
	}
}
