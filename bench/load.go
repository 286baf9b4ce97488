package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// maxConnections bounds the connections of one load.
const maxConnections = 64

// answerTimeout is how long after the end of a load the last answers may take.
const answerTimeout = 10 * time.Second

// target is one request and what its answer must look like.
type target struct {
	name    string // for messages: the path
	request []byte // as sent
	status  int
	length  int // of the answer's body, in bytes; anyLength: it varies
}

// anyLength is the length of a body that varies.
const anyLength = -1

// load asks a server on this machine for the same targets over and over: each connection sends its
// next request as soon as it has the answer to the one before.
type load struct {
	address     string // host and port
	targets     []target
	connections int
	duration    time.Duration
}

// measured is what came of a load.
type measured struct {
	answers    uint64 // complete and as expected, within elapsed
	elapsed    time.Duration
	latency    histogram
	reconnects int // the server closed that many connections
}

// perSecond is the throughput.
func (m *measured) perSecond() float64 { return float64(m.answers) / m.elapsed.Seconds() }

// run applies the load. Any answer that is not as its target says ends it with an error. It refuses
// every address but those of this machine.
func (l load) run(ctx context.Context) (*measured, error) {
	if l.connections < 1 || l.connections > maxConnections || len(l.targets) == 0 {
		return nil, fmt.Errorf("a load takes 1 to %d connections and at least one target", maxConnections)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := make([]*worker, l.connections)
	for i := range workers {
		w := &worker{load: l, next: i * len(l.targets) / l.connections}
		if err := w.dial(ctx, time.Now().Add(l.duration+answerTimeout)); err != nil {
			return nil, err
		}
		defer w.hangUp()
		workers[i] = w
	}
	start := time.Now()
	end := start.Add(l.duration)
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			if err := w.work(ctx, end); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	m := &measured{elapsed: l.duration}
	for _, w := range workers {
		m.latency.merge(&w.latency)
		m.reconnects += w.reconnects
	}
	m.answers = m.latency.total
	if m.answers == 0 {
		return nil, fmt.Errorf("no answer within %v", l.duration)
	}
	return m, nil
}

// worker drives one connection.
type worker struct {
	load
	next       int // target
	conn       net.Conn
	answers    *answerReader
	latency    histogram
	reconnects int
	unwatch    func() bool
}

func (w *worker) dial(ctx context.Context, deadline time.Time) error {
	host, _, err := net.SplitHostPort(w.address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%q is not an address and port of this machine; a load goes nowhere else", w.address)
	}
	conn, err := (&net.Dialer{Timeout: answerTimeout}).DialContext(ctx, "tcp", w.address)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return errors.Join(fmt.Errorf("limiting a connection's time: %w", err), conn.Close())
	}
	w.conn, w.answers = conn, newAnswerReader(conn)
	w.unwatch = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return nil
}

func (w *worker) hangUp() {
	if w.conn != nil {
		w.unwatch()
		_ = w.conn.Close()
	}
}

// work sends and reads until end.
func (w *worker) work(ctx context.Context, end time.Time) error {
	sent := time.Now()
	for sent.Before(end) && ctx.Err() == nil {
		t := &w.targets[w.next]
		if w.next++; w.next == len(w.targets) {
			w.next = 0
		}
		h, err := w.exchange(t)
		if err != nil {
			return err
		}
		now := time.Now()
		if !now.Before(end) {
			return nil
		}
		w.latency.add(now.Sub(sent))
		if h.close {
			w.hangUp()
			w.reconnects++
			if err := w.dial(ctx, end.Add(answerTimeout)); err != nil {
				return err
			}
			now = time.Now()
		}
		sent = now
	}
	return nil
}

// exchange sends one request and reads its answer.
func (w *worker) exchange(t *target) (head, error) {
	if _, err := w.conn.Write(t.request); err != nil {
		return head{}, fmt.Errorf("%s: sending the request: %w", t.name, err)
	}
	h, err := w.answers.next(nil)
	if err != nil {
		return head{}, fmt.Errorf("%s: reading the answer: %w", t.name, err)
	}
	if h.status != t.status || t.length != anyLength && h.length != t.length {
		return head{}, fmt.Errorf("%s: answered %d with %d bytes where %d with %d bytes was expected",
			t.name, h.status, h.length, t.status, t.length)
	}
	return h, nil
}

// request returns the bytes of a browser's GET request over a kept connection. cookie may be empty.
func request(address, path, cookie string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, address)
	b.WriteString("User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
		"Accept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\n")
	if cookie != "" {
		fmt.Fprintf(&b, "Cookie: %s\r\n", cookie)
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// ask sends one request over a connection of its own and returns the answer's head and raw bytes.
func ask(ctx context.Context, address string, t target) (head, []byte, error) {
	w := &worker{load: load{address: address}}
	if err := w.dial(ctx, time.Now().Add(answerTimeout)); err != nil {
		return head{}, nil, err
	}
	defer w.hangUp()
	if _, err := w.conn.Write(t.request); err != nil {
		return head{}, nil, fmt.Errorf("%s: sending the request: %w", t.name, err)
	}
	var raw bytes.Buffer
	h, err := w.answers.next(&raw)
	if err != nil {
		return head{}, nil, fmt.Errorf("%s: reading the answer: %w", t.name, err)
	}
	return h, raw.Bytes(), nil
}
