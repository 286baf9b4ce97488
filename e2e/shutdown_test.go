package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
)

// Whoever waits for an answer when the server is asked to end gets it; nobody new is let in.
func TestGracefulShutdown(t *testing.T) {
	t.Parallel()
	s := start(t, options{args: []string{"--drill"}})
	answer := s.begin(t, "/drill/slow?ms=1500")
	s.signal(t, syscall.SIGTERM)
	soon(t, "waiting for the door to be closed", func() error {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return nil
		}
		conn.Close()
		return errors.New("the server takes new connections")
	})
	select {
	case <-s.ended:
		t.Fatal("the server ended before the running request")
	default:
	}
	if got := <-answer; got != "200 This took 1.5s.\n" {
		t.Errorf("the running request got %q", got)
	}
	if code := s.waitEnd(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	records := parseLog(t, "the log", s.logText())
	if last := records[len(records)-1].message; last != "Microblog stopped" {
		t.Errorf("the log ends %q, want Microblog stopped", last)
	}
	if s.stderr.String() != "" {
		t.Errorf("standard error says %q", s.stderr.String())
	}
}

// A second signal ends the process at once, for those who do not want to wait.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := start(t, options{args: []string{"--drill"}, anyEnd: true})
	s.begin(t, "/drill/slow?ms=60000")
	s.signal(t, syscall.SIGTERM)
	soon(t, "waiting for the log to say that it is stopping", func() error {
		if !strings.Contains(s.logText(), "is stopping") {
			return errors.New("it does not")
		}
		return nil
	})
	s.signal(t, syscall.SIGTERM)
	if code := s.waitEnd(t); code == 0 {
		t.Error("exit code 0 for a process that was ended the hard way")
	}
}

// begin sends a request and returns when the server has it. The channel gets status and body of the
// answer, or the error.
func (s *server) begin(t *testing.T, path string) <-chan string {
	t.Helper()
	sent := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) }})
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+path, nil)
	must(t, err)
	answer := make(chan string, 1)
	go func() {
		resp, err := new(http.Transport).RoundTrip(req)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- fmt.Sprintf("%d %s", resp.StatusCode, body)
	}()
	<-sent
	// Connections are taken in the order in which they come: with the next, the server has this one. That its handler
	// has begun cannot be seen from here; net/http drops a request it has not begun. After some more it has.
	for range 10 {
		s.dialOnce(t)
	}
	return answer
}

// dialOnce makes one request on a connection of its own.
func (s *server) dialOnce(t *testing.T) {
	t.Helper()
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get(s.url + "/healthz")
	must(t, err)
	must(t, resp.Body.Close())
}
