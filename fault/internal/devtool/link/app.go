package link

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/trace"
)

// ErrGone is wrapped by the error of [Server.Changed] when an application went away before it answered.
var ErrGone = errors.New("the application has ended its connection")

// errFirst is about a process that does not begin as an application does.
var errFirst = errors.New("the first message is not hello")

// app is one process that has connected.
type app struct {
	conn    net.Conn
	socket  string // the path that it has come by
	handler Handler
	secrets func(names []string)
	pid     int
	gone    chan struct{} // closed when the connection has ended
	writing sync.Mutex
	taken   []int // the copies that Failed was told of; of the goroutine that serves

	mu      sync.Mutex
	paths   []string
	trees   []devlink.Tree
	seq     int64
	waiting map[int64]chan string // by Seq: who waits for Loaded; holds its answer
}

func newApp(conn net.Conn, s *Server) *app {
	return &app{conn: conn, socket: s.Path(), handler: s.handler, secrets: s.addSecrets, gone: make(chan struct{}), waiting: map[int64]chan string{}}
}

// close ends the connection from this side.
func (a *app) close() {
	_ = a.conn.Close() // What cannot be closed is closed.
}

// serve reads what the application says until the connection ends.
func (a *app) serve() {
	defer close(a.gone)
	r := bufio.NewReader(a.conn)
	first, err := devlink.Read(r)
	if err == nil && first.Type != devlink.Hello {
		err = errFirst
	}
	if err != nil {
		a.close()
		return // It is no application of ours.
	}
	a.pid = first.PID
	if a.handler.Hello != nil {
		a.handler.Hello(a.pid)
	}
	if err = a.welcome(); err == nil {
		err = a.listen(r)
	}
	if !errors.Is(err, devlink.ErrMessage) && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil // Its end, or ours; one that is killed may be cut off in the middle.
	}
	a.close()
	a.endRest()
	if a.handler.Gone != nil {
		a.handler.Gone(a.pid, err)
	}
}

func (a *app) listen(r *bufio.Reader) error {
	for {
		m, err := devlink.Read(r)
		if err != nil {
			return err
		}
		switch m.Type {
		case devlink.Secrets:
			a.secrets(m.Names)
		case devlink.Live:
			err = a.live(m.Dir)
		case devlink.Failed:
			err = a.failed(m)
		case devlink.Ending:
			err = a.ending(m)
		case devlink.Dropped:
			a.end(m.PID)
		case devlink.Loaded:
			a.loaded(m)
		}
		if err != nil {
			return err
		}
	}
}

func (a *app) live(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%w: the path of live files is not absolute: %q", devlink.ErrMessage, path)
	}
	tree := devlink.NewTree(path)
	a.mu.Lock()
	a.paths, a.trees = append(a.paths, path), append(a.trees, tree)
	a.mu.Unlock()
	if a.handler.Live != nil {
		a.handler.Live(a.pid, path)
	}
	return nil
}

// welcome asks the application for copies, if they are wanted.
func (a *app) welcome() error {
	if !a.handler.Freeze {
		return nil
	}
	return a.send(devlink.Message{Type: devlink.Welcome, PID: os.Getpid()}, time.Now().Add(writeTimeout))
}

func (a *app) failed(m devlink.Message) error {
	f := Failure{Failure: new(fault.Failure), Request: m.Request}
	if err := json.Unmarshal(m.Failure, f.Failure); err != nil {
		return fmt.Errorf("%w: its failure cannot be read: %w", devlink.ErrMessage, err)
	}
	if m.Frozen != nil {
		f.Frozen, f.FrozenStack, f.FrozenWhy = m.Frozen.PID, m.Frozen.Stack, m.Frozen.Why
	}
	if f.Frozen != 0 {
		if err := isCopy(f.Frozen, a.pid, devlink.CopyName); err != nil {
			f.Frozen, f.FrozenStack, f.FrozenWhy = 0, "", err.Error()
		}
	}
	if a.handler.Failed != nil {
		a.taken = append(a.taken, f.Frozen)
		a.handler.Failed(a.pid, f)
	}
	return a.send(devlink.Message{Type: devlink.Noted, Seq: m.Seq}, time.Now().Add(writeTimeout))
}

func (a *app) ending(m devlink.Message) error {
	var stack trace.Stack
	if err := json.Unmarshal(m.Stack, &stack); err != nil {
		return fmt.Errorf("%w: where it ends cannot be read: %w", devlink.ErrMessage, err)
	}
	if a.handler.Ending != nil {
		a.handler.Ending(a.pid, stack)
	}
	return a.send(devlink.Message{Type: devlink.Noted, Seq: m.Seq}, time.Now().Add(writeTimeout))
}

// loaded hands an answer to whoever waits for it. Who has given up is not there any more.
func (a *app) loaded(m devlink.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if answer := a.waiting[m.Seq]; answer != nil {
		answer <- m.Error // It has room for one.
		delete(a.waiting, m.Seq)
	}
}

// changed asks the application to load the files and returns what it says.
func (a *app) changed(ctx context.Context, files []string) (problem string, err error) {
	answer := make(chan string, 1)
	a.mu.Lock()
	a.seq++
	seq := a.seq
	a.waiting[seq] = answer
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.waiting, seq)
	}()
	deadline := time.Now().Add(writeTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := a.send(devlink.Message{Type: devlink.Changed, Seq: seq, Files: files}, deadline); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("telling the application that files have changed: %w", err)
	}
	select {
	case problem := <-answer:
		return problem, nil
	case <-a.gone:
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for the application to load what has changed: %w", ctx.Err())
	}
	select {
	case problem := <-answer: // The last that it said.
		return problem, nil
	default:
		return "", fmt.Errorf("waiting for the application to load what has changed: %w", ErrGone)
	}
}

// send writes a message. One that was written in part ends the connection.
func (a *app) send(m devlink.Message, deadline time.Time) error {
	line, err := m.Line()
	if err != nil {
		return err
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	if err := a.conn.SetWriteDeadline(deadline); err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	if _, err := a.conn.Write(line); err != nil {
		_ = a.conn.Close() // The rest would be read as another message.
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return nil
}

// reads tells whether the application reads the file from disk.
func (a *app) reads(file string) bool {
	a.mu.Lock()
	trees := a.trees[:len(a.trees):len(a.trees)]
	a.mu.Unlock()
	for _, t := range trees {
		if t.Holds(file) {
			return true
		}
	}
	return false
}

func (a *app) announced() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.paths[:len(a.paths):len(a.paths)]
}
