package devlink

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Variable is the environment variable by which `fault run` tells the path of its socket. It is
// fault.SupervisorVariable; any value but an absolute path says only that there is a supervisor.
const Variable = "FAULT_RUN"

// Patience bounds how long the application waits for the supervisor, each time.
const Patience = time.Second

var (
	errAlone  = errors.New("it was not started by fault run")
	errSilent = errors.New("its supervisor has named no socket in " + Variable)
)

// A Link is the process's connection to the supervisor. It is safe for concurrent use. Without a
// connection, or once it is lost, its methods do nothing: it is never made anew.
type Link struct {
	why  error // why there was no connection at the start
	warn sync.Once

	conn    net.Conn
	writing chan struct{} // holds a token while nobody writes
	gone    chan struct{} // closed when the connection is lost
	lose    sync.Once

	supervisor atomic.Int64 // the process that wants copies, 0: none does

	mu      sync.Mutex
	seq     int64
	waiting map[int64]chan struct{} // by Seq: who waits for Noted
	told    map[string]bool         // trees that were announced
	loads   []loading

	reloading sync.Mutex // one change after the other
}

// loading is what is to be done when a file of the trees has changed.
type loading struct {
	trees []Tree
	load  func() error
}

// process is the one connection of this process. It is opened once, as the environment says, and lives
// as long as the process: the supervisor knows the application by it.
var process = sync.OnceValue(func() *Link { return Open(os.Getenv(Variable)) })

// Process returns the connection of this process.
func Process() *Link { return process() }

// Open connects to the supervisor's socket, given the value of [Variable].
func Open(socket string) *Link {
	l := &Link{gone: make(chan struct{})}
	switch {
	case socket == "":
		l.why = errAlone
	case !filepath.IsAbs(socket):
		l.why = errSilent
	default:
		l.why = l.connect(socket)
	}
	if l.why != nil {
		l.lose.Do(func() { close(l.gone) })
	}
	return l
}

func (l *Link) connect(socket string) error {
	conn, err := net.DialTimeout("unix", socket, Patience)
	if err != nil {
		return fmt.Errorf("fault run does not answer: %w", err)
	}
	l.conn = conn
	l.writing = make(chan struct{}, 1)
	l.writing <- struct{}{}
	l.waiting = map[int64]chan struct{}{}
	l.told = map[string]bool{}
	l.send(Message{Type: Hello, PID: os.Getpid()}, time.Now().Add(Patience))
	go l.listen()
	return nil
}

// Connected tells whether the supervisor has answered at the start; it may be gone since.
func (l *Link) Connected() bool { return l.why == nil }

// Warn calls tell with the reason if there was no connection at the start: once, however often it is called.
func (l *Link) Warn(tell func(why error)) {
	if l.why != nil {
		l.warn.Do(func() { tell(l.why) })
	}
}

// Close ends the connection. It is for tests: that of the process ends with it.
func (l *Link) Close() { l.lost() }

func (l *Link) lost() {
	l.lose.Do(func() {
		close(l.gone)
		if l.conn != nil {
			_ = l.conn.Close() // Nobody is left to be told.
		}
	})
}

func (l *Link) isLost() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// send writes a message, until the deadline. A message that was sent in part ends the connection, because
// the rest would be read as another one.
func (l *Link) send(m Message, deadline time.Time) {
	line, err := m.Line()
	if err != nil {
		return // Too long: the supervisor does without it.
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-l.writing:
	case <-l.gone:
		return
	case <-timer.C:
		return
	}
	defer func() { l.writing <- struct{}{} }()
	if err := l.conn.SetWriteDeadline(deadline); err != nil {
		l.lost()
		return
	}
	if _, err := l.conn.Write(line); err != nil {
		l.lost()
	}
}

// Supervisor returns the process that wants a copy of this one with each failure, and owns it then; 0 if no
// process does.
func (l *Link) Supervisor() int {
	if l.isLost() {
		return 0
	}
	return int(l.supervisor.Load())
}

// Owner returns the process that owns a copy of this one which is made when it ends, as [CopiesVariable] says; 0 if no
// process does.
func Owner() int {
	pid, err := strconv.Atoi(os.Getenv(CopiesVariable))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

// Dropped tells the supervisor to end a copy that it was not told of in Failed.
func (l *Link) Dropped(copy int) {
	if !l.isLost() {
		l.send(Message{Type: Dropped, PID: copy}, time.Now().Add(Patience))
	}
}

// Failed tells the supervisor of a failure, a fault.Failure, and returns when that has noted it, or after
// [Patience] if it does not, or at once if it is gone. request is the value of the request's
// [RequestHeader]; "" is outside one. frozen is nil if no copy of the process was wanted.
func (l *Link) Failed(request string, failure any, frozen *Frozen) {
	if l.isLost() {
		return
	}
	text, err := json.Marshal(failure)
	if err != nil {
		if frozen != nil && frozen.PID != 0 {
			l.Dropped(frozen.PID)
		}
		return // The log and the record have it all the same.
	}
	l.tell(Message{Type: Failed, Request: request, Failure: text, Frozen: frozen})
}

// Ending tells the supervisor that the application is about to end itself, and where: stack is a trace.Stack. It returns
// as Failed does.
func (l *Link) Ending(stack any) {
	if text, err := json.Marshal(stack); err == nil && !l.isLost() {
		l.tell(Message{Type: Ending, Stack: text})
	}
}

// tell sends a message and returns when the supervisor has noted it, after [Patience] at the latest.
func (l *Link) tell(m Message) {
	deadline := time.Now().Add(Patience)
	seq, noted := l.expect()
	defer l.forget(seq)
	m.Seq = seq
	l.send(m, deadline)
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-noted:
	case <-l.gone:
	case <-timer.C:
	}
}

func (l *Link) expect() (int64, chan struct{}) {
	noted := make(chan struct{})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	l.waiting[l.seq] = noted
	return l.seq, noted
}

func (l *Link) forget(seq int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, seq)
}

func (l *Link) noted(seq int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if noted := l.waiting[seq]; noted != nil {
		close(noted)
		delete(l.waiting, seq)
	}
}

// Secrets tells names of the application's own under which there are secrets.
func (l *Link) Secrets(names []string) {
	if len(names) == 0 || l.isLost() {
		return
	}
	l.send(Message{Type: Secrets, Names: names}, time.Now().Add(Patience))
}

// Live announces trees whose files the application reads from disk, by their absolute paths. load, which
// may be nil, is called whenever any of them has changed, for as long as the process lives, on a goroutine
// of the link and never twice at the same time; its error, or its panic, is the supervisor's to show.
func (l *Link) Live(paths []string, load func() error) {
	if l.isLost() {
		return
	}
	trees := make([]Tree, len(paths))
	for i, path := range paths {
		trees[i] = NewTree(path)
	}
	var fresh []string
	l.mu.Lock()
	if load != nil {
		l.loads = append(l.loads, loading{trees, load})
	}
	for _, t := range trees {
		if !l.told[t.path] {
			l.told[t.path] = true
			fresh = append(fresh, t.path)
		}
	}
	l.mu.Unlock()
	deadline := time.Now().Add(Patience)
	for _, path := range fresh {
		l.send(Message{Type: Live, Dir: path}, deadline)
	}
}

// listen reads until the connection ends, or until something comes that is no message.
func (l *Link) listen() {
	defer l.lost()
	r := bufio.NewReader(l.conn)
	for {
		m, err := Read(r)
		if err != nil {
			return
		}
		switch m.Type {
		case Welcome:
			l.supervisor.Store(int64(m.PID))
		case Noted:
			l.noted(m.Seq)
		case Changed:
			// Not here: what is loaded may fail, and waits for Noted then.
			go l.changed(m)
		}
	}
}
