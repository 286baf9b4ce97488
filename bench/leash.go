package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// leashVariable tells a process of the measured application where its leash is.
const leashVariable = "BENCH_LEASH"

// leashPackage is what a measured application holds the leash with.
//
//go:embed testdata/leash/leash.go
var leashPackage []byte

// writeLeash puts that package into an application.
func writeLeash(dir string) error {
	dir = filepath.Join(dir, "internal", "leash")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("writing the application: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "leash.go"), leashPackage, 0o666); err != nil {
		return fmt.Errorf("writing the application: %w", err)
	}
	return nil
}

// leash knows which processes of an application run, whoever started them: each is connected for
// its whole life, and ends when the leash is let go. So none of them outlives the benchmark.
// The methods may be called concurrently.
type leash struct {
	listener net.Listener
	serving  sync.WaitGroup

	mu      sync.Mutex
	held    map[net.Conn]bool
	started int
	last    time.Time // of the newest start or end
	gone    bool
}

func newLeash() (*leash, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the application's processes: %w", err)
	}
	s := &leash{listener: l, held: make(map[net.Conn]bool), last: time.Now()}
	s.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if !s.take(conn) {
				_ = conn.Close()
				return
			}
			s.serving.Go(func() {
				_, _ = io.Copy(io.Discard, conn) // until the process has ended
				s.drop(conn)
			})
		}
	})
	return s, nil
}

func (s *leash) take(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return false
	}
	s.held[conn], s.last = true, time.Now()
	s.started++
	return true
}

func (s *leash) drop(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, conn)
	s.last = time.Now()
}

func (s *leash) address() string { return s.listener.Addr().String() }

// state returns how many processes run, how many were ever started, and for how long neither has
// changed.
func (s *leash) state() (running, started int, calm time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held), s.started, time.Since(s.last)
}

// letGo ends all processes and waits for that, at most stopTimeout.
func (s *leash) letGo() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.gone = true // no process is taken any more
	for conn := range s.held {
		err = errors.Join(err, conn.(*net.TCPConn).CloseWrite())
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
		return err
	case <-time.After(stopTimeout):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.held {
		err = errors.Join(err, conn.Close()) // ends the goroutines that wait for it
	}
	return errors.Join(err, fmt.Errorf("%d processes of the application were still running after %v", len(s.held), stopTimeout))
}
