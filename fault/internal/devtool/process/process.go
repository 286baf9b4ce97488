// Package process runs the application: it starts a process, tells when it is ready and why it is not,
// ends it with everything that it has started, and says what it died of.
package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Spec says what to run.
type Spec struct {
	Path string   // the program; a relative one is relative to the working directory of this process
	Args []string // without the program's name
	Dir  string   // its working directory; "" is that of this process
	Env  []string // nil is that of this process
	// Stdout and Stderr get what the process writes, in pieces as they come, each from one goroutine.
	// Nil drops it. A Write that takes its time holds the process up; after one that fails, the rest is
	// dropped.
	Stdout, Stderr io.Writer
	// Terminal is the terminal where Stdout and Stderr show what they get, if they are no *os.File
	// themselves. The process then sees a terminal of that size.
	//
	// A process whose standard output and standard error are both a terminal writes both to one, so
	// that their order is kept; all of it goes to Stdout.
	Terminal *os.File
	// Panicked is told of each panic of a handler that a server of net/http logs, after that has been passed on. The output that it
	// stands in waits meanwhile. It may be nil.
	Panicked func(ServedPanic)
}

// A Process is a running program. It is made by Start; its methods may be called by several goroutines
// at once.
type Process struct {
	pid     int
	started time.Time
	group   *group
	streams *streams
	record  *record
	done    chan struct{}
	exit    Exit // before done is closed, written by watch only

	mu      sync.Mutex
	ended   bool // the process has ended: its number may be another's by now
	stopped bool // we told it to end
}

// Start runs the program in a process group of its own, without standard input. The process cannot
// outlive this one: if this one ends in whatever way, the group is killed by the system, or by a small
// keeper process that waits for it. What the process has started ends with it, but for what has left
// both its group and its session on purpose, as daemons do.
func Start(s Spec) (*Process, error) {
	program, err := filepath.Abs(s.Path)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.Path, err)
	}
	streams, err := openStreams(s)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.Path, err)
	}
	p := &Process{group: newGroup(), streams: streams, record: &record{}, done: make(chan struct{})}
	command := func() *exec.Cmd {
		return &exec.Cmd{
			Path: program, Args: append([]string{s.Path}, s.Args...), Dir: s.Dir, Env: s.Env,
			Stdout: streams.stdout, Stderr: streams.stderr, SysProcAttr: p.group.attributes(),
		}
	}
	started := make(chan error)
	go p.watch(command, streams, started)
	if err := <-started; err != nil {
		streams.close()
		p.group.close()
		return nil, fmt.Errorf("starting %s: %w", s.Path, err)
	}
	return p, nil
}

// watch starts the process, and waits for its end. All of it happens on one thread, which lives as
// long as the process does: on Linux, a process is killed when the thread ends that has started it.
func (p *Process) watch(command func() *exec.Cmd, streams *streams, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := time.Now()
	cmd := command()
	err := cmd.Start()
	for wait := time.Millisecond; errors.Is(err, syscall.ETXTBSY) && wait < time.Second; wait *= 2 {
		// Some other process was started while the program was being written, and has not yet closed it.
		time.Sleep(wait)
		cmd = command()
		err = cmd.Start()
	}
	if err != nil {
		started <- err
		return
	}
	p.pid, p.started = cmd.Process.Pid, began
	p.group.begin(cmd.Process)
	streams.copy(p.record, p.group)
	started <- nil

	awaitEnd(cmd, p.end)
	ended := time.Now()
	p.exit = Exit{Code: cmd.ProcessState.ExitCode(), Signal: signalName(cmd.ProcessState), Ran: ended.Sub(began)}
	streams.drain()
	p.group.close()
	p.exit.Output, p.exit.LastOutput, p.exit.Crash = p.record.texts(ended)
	p.mu.Lock()
	p.exit.Stopped = p.stopped
	p.mu.Unlock()
	close(p.done)
}

// end kills what the process leaves.
func (p *Process) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.group.kill()
	p.ended = true
}

// PID is the number of the process.
func (p *Process) PID() int { return p.pid }

// Done is closed when the process has ended, nothing of it is left, and its output has been passed on.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit waits for Done and says how the process ended.
func (p *Process) Exit() Exit {
	<-p.done
	return p.exit
}

// killLimit bounds how long a killed process may take to end. One that waits for a broken disk may not
// end at all.
const killLimit = 10 * time.Second

// Stop asks the process and what it has started to end (SIGTERM; on Windows, Ctrl-Break), waits for so
// long at most, and then kills what is left. It returns when Done is closed, or with an error if even
// a killed process does not end within 10 seconds.
func (p *Process) Stop(grace time.Duration) error {
	p.tell(p.group.terminate)
	return p.await(grace)
}

// Quit is Stop with SIGQUIT to the process alone, upon which a Go program writes where each of its
// goroutines is: Exit.Problem shows it. On Windows it is Kill.
func (p *Process) Quit(grace time.Duration) error {
	p.tell(p.group.quit)
	return p.await(grace)
}

// Kill ends the process and what it has started at once. It returns as Stop does.
func (p *Process) Kill() error {
	p.tell(p.group.kill)
	return p.await(killLimit)
}

// tell does something to the group unless that has ended.
func (p *Process) tell(signal func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.stopped = true
		signal()
	}
}

func (p *Process) await(grace time.Duration) error {
	if p.doneWithin(grace) {
		return nil
	}
	p.tell(p.group.kill)
	if p.doneWithin(killLimit) {
		return nil
	}
	return fmt.Errorf("process %d does not end although it was killed", p.pid)
}

func (p *Process) doneWithin(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}
