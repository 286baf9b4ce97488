package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	keptConnections = 8
	mostWaiting     = 1024 // requests at the same time
	longWait        = time.Second
	maxAnswer       = 1 << 20 // bytes of an answer that are read
)

// disturbance is what visitors notice while files are saved.
type disturbance struct {
	Saves    int           `json:"saves"`
	Missed   int           `json:"missed"` // saves without a right answer within editTimeout
	Requests int           `json:"requests"`
	Refused  int           `json:"refused"`           // no connection
	Broken   int           `json:"broken"`            // no whole answer: connection broken off, or none within answerTimeout
	Wrong    int           `json:"wrong"`             // another answer than the application's own: 5xx and the like
	Example  string        `json:"example,omitempty"` // of what went wrong: the first
	Long     int           `json:"long"`              // right, after more than longWait
	Slowest  time.Duration `json:"slowest_ns"`        // of the right ones
}

// steadyLoad asks an application at a constant rate, whether it answers or not, as many visitors do.
type steadyLoad struct {
	address string // host and port
	rate    int    // requests per second
}

// run applies the load until stop is closed or ctx ends, and waits for the last answers.
func (l steadyLoad) run(ctx context.Context, stop <-chan struct{}) disturbance {
	transport := &http.Transport{DialContext: dialHere, MaxIdleConnsPerHost: keptConnections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: answerTimeout}
	var (
		d       disturbance
		mu      sync.Mutex
		wg      sync.WaitGroup
		waiting = make(chan struct{}, mostWaiting)
		start   = time.Now()
	)
	for i := 0; ; i++ {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(l.rate))
		select {
		case <-stop:
			wg.Wait()
			return d
		case <-ctx.Done():
			wg.Wait()
			return d
		case <-time.After(time.Until(due)):
		}
		select {
		case <-ctx.Done():
			continue
		case waiting <- struct{}{}:
		}
		wg.Go(func() {
			defer func() { <-waiting }()
			err := l.ask(ctx, client, i)
			took := time.Since(due) // with the time that it could not be sent
			mu.Lock()
			defer mu.Unlock()
			d.count(err, took)
		})
	}
}

// count adds one request.
func (d *disturbance) count(err error, took time.Duration) {
	if errors.Is(err, context.Canceled) {
		return // the benchmark is ending
	}
	d.Requests++
	var (
		wrong *wrongAnswer
		op    *net.OpError
	)
	switch {
	case err == nil:
		d.Slowest = max(d.Slowest, took)
		if took > longWait {
			d.Long++
		}
		return
	case errors.As(err, &wrong):
		d.Wrong++
	case errors.As(err, &op) && op.Op == "dial":
		d.Refused++
	default:
		d.Broken++
	}
	if d.Example == "" {
		d.Example = err.Error()
	}
}

// wrongAnswer is one that the application does not give.
type wrongAnswer struct{ text string }

func (w *wrongAnswer) Error() string { return w.text }

// ask sends the i-th request, as a script on the application's own page does, and looks at the answer.
func (l steadyLoad) ask(ctx context.Context, client *http.Client, i int) error {
	origin := "http://" + l.address
	text := fmt.Sprintf("note%d", i)
	method, path, body, want := http.MethodGet, "/api/notes/"+text, "", `"name":"`+text+`"`
	switch i % 4 {
	case 1:
		path, want = "/", "<h1>"
	case 2:
		path, want = "/static/style.css", "" // which may be read while it is being saved
	case 3:
		method, path, body, want = http.MethodPost, "/api/notes", `{"text":"`+text+`"}`, `"text":"`+text+`"`
	}
	req, err := http.NewRequestWithContext(ctx, method, origin+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Sec-Fetch-Dest", "empty")
	req.Header.Set("Sec-Fetch-Mode", "cors")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", origin)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	if res.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte(want)) {
		return &wrongAnswer{fmt.Sprintf("%s %s: answered %s: %.200q", method, path, res.Status, answer)}
	}
	return nil
}
