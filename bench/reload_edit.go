package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	editTimeout = 30 * time.Second // a save that nothing has come of after that is a missed one
	pollEvery   = 2 * time.Millisecond
	pollTimeout = 500 * time.Millisecond

	// After an edit the next one waits until no process has started or ended for calmTime. Where
	// the page was right without a new process, a tool has lateTime to start one all the same.
	calmTime = time.Second
	lateTime = 3 * time.Second
	// calmInLoad and pollInLoad are for edits under load, whose own time does not matter.
	calmInLoad = 500 * time.Millisecond
	pollInLoad = 20 * time.Millisecond
)

// errMissed is an edit that nothing has come of.
var errMissed = fmt.Errorf("no right answer within %v", editTimeout)

// counter makes texts that no file has had before.
type counter int

func (c *counter) next(word string) string {
	*c++
	return fmt.Sprintf("%s%06d", word, *c)
}

// edit changes a file and waits for the page that shows it. It returns when the next edit may come.
func (d *development) edit(ctx context.Context, e edit, texts *counter, poll, calm time.Duration) (time.Duration, error) {
	file := filepath.Join(d.dir, filepath.FromSlash(e.file))
	_, before, _ := d.leash.state()
	if e.broken {
		name := texts.next("mistake")
		content, err := e.without(name)
		if err != nil {
			return 0, err
		}
		if err := os.WriteFile(file, content, 0o666); err != nil {
			return 0, fmt.Errorf("saving: %w", err)
		}
		if err := d.noticed(ctx, name); err != nil {
			return 0, err
		}
		if err := d.settle(ctx, before, 0, calm); err != nil {
			return 0, err
		}
	}
	text := texts.next("text")
	content, err := e.with(text)
	if err != nil {
		return 0, err
	}
	_, before, _ = d.leash.state()
	saved := time.Now()
	if err := os.WriteFile(file, content, 0o666); err != nil {
		return 0, fmt.Errorf("saving: %w", err)
	}
	took, err := d.await(ctx, e.path, text, saved, editTimeout, poll)
	if err != nil {
		return 0, err
	}
	return took, d.settle(ctx, before, lateTime, calm)
}

// noticed waits until the tool has told of a mistake: what it prints names it.
func (d *development) noticed(ctx context.Context, name string) error {
	for end := time.Now().Add(editTimeout); !strings.Contains(d.output.String(), name); {
		if time.Now().After(end) {
			return fmt.Errorf("the tool did not tell of a mistake: %w", errMissed)
		}
		if err := d.pause(ctx, pollEvery); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until no process of the application has started or ended for the time calm. Where
// none has started since there were before, it waits for one, at most for the time late.
func (d *development) settle(ctx context.Context, before int, late, calm time.Duration) error {
	begin := time.Now()
	for {
		_, started, since := d.leash.state()
		if min(since, time.Since(begin)) >= calm && (started > before || time.Since(begin) >= late) {
			return nil
		}
		if time.Since(begin) > editTimeout {
			return fmt.Errorf("the tool starts the application over and over: %d times", started-before)
		}
		if err := d.pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits, and fails when the tool has ended.
func (d *development) pause(ctx context.Context, t time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-d.ended:
		return fmt.Errorf("it has ended (%v) and said: %s", d.err, d.output)
	case <-time.After(t):
		return nil
	}
}

// await asks for a page as a browser does, each time with a new connection, until the answer is 200
// and holds the text. It returns the time since saved.
func (d *development) await(ctx context.Context, path, text string, saved time.Time, within, poll time.Duration) (time.Duration, error) {
	client := &http.Client{
		Transport: &http.Transport{DialContext: dialHere, DisableKeepAlives: true},
		Timeout:   pollTimeout,
	}
	next := time.Now()
	for {
		if body, status, err := get(ctx, client, "http://"+d.address+path); err == nil && status == http.StatusOK && strings.Contains(body, text) {
			return time.Since(saved), nil
		}
		if time.Since(saved) > within {
			return 0, errMissed
		}
		next = next.Add(poll)
		if now := time.Now(); next.Before(now) {
			next = now
		}
		if err := d.pause(ctx, time.Until(next)); err != nil {
			return 0, err
		}
	}
}

// get asks for a page as a browser does when somebody opens it.
func get(ctx context.Context, client *http.Client, url string) (body string, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", 0, err
	}
	for name, value := range map[string]string{
		"Accept":         "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Sec-Fetch-Dest": "document",
		"Sec-Fetch-Mode": "navigate",
		"Sec-Fetch-Site": "none",
	} {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return string(text), res.StatusCode, err
}

// dialHere connects to this machine and nowhere else.
func dialHere(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%q is not an address and port of this machine", address)
	}
	return (&net.Dialer{Timeout: answerTimeout}).DialContext(ctx, network, address)
}
