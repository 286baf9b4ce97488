package crash

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/filelock"
)

// The files of one process, after the ID of the failure that they become.
const (
	markSuffix   = ".running"
	outputSuffix = ".output"
)

// maxMark bounds what is read of a marker, in bytes.
const maxMark = 64 << 10

// state is what a marker says of its process, as JSON. An empty marker is one that is being made, or
// that of a process that ended cleanly.
type state struct {
	Version int           `json:"version"` // 1
	ID      fault.ID      `json:"id"`      // of the failure, if it does not end cleanly
	PID     int           `json:"pid"`
	Host    string        `json:"host,omitempty"`
	Started time.Time     `json:"started"`
	Beat    time.Duration `json:"beat"` // nanoseconds
	Module  string        `json:"module,omitempty"`
	Build   fault.Build   `json:"build"`
	Boot    string        `json:"boot,omitempty"` // which start of the machine
	Kills   kills         `json:"kills"`          // how often the kernel had killed for memory at the last heartbeat
	// Texts are the runtime's own texts by their place in the process's memory, see fatalTexts.
	Texts map[string]string `json:"texts,omitempty"`
	// Told says that the end was written to a log already.
	Told bool `json:"told,omitempty"`
}

// mark is this process's marker.
type mark struct {
	path   string
	file   *os.File // holds the lock
	output string   // path of the crash output, "" if there is none
	state  state
}

// newMark marks this process as running.
func (w *Watcher) newMark() (_ *mark, err error) {
	var id fault.ID
	_, _ = rand.Read(id[:]) // It never fails: without randomness the process ends.
	m := &mark{
		path: filepath.Join(w.dir, id.Full()+markSuffix),
		state: state{
			Version: 1, ID: id, PID: os.Getpid(), Host: w.host, Started: time.Now().UTC().Round(0), Beat: w.heartbeat,
			Module: w.module, Build: w.build, Boot: bootID(), Kills: readKills(),
		},
	}
	if m.file, err = os.OpenFile(m.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			m.drop()
			_ = os.Remove(m.path) // It is empty or of no use, which others see as well.
		}
	}()
	if err := lockSoon(m.file); err != nil {
		return nil, err
	}
	if !w.noOutput {
		m.state.Texts = fatalTexts()
	}
	if err := write(m.file, m.state); err != nil {
		return nil, err
	}
	if err := syncFile(m.file, w.dir); err != nil {
		return nil, err
	}
	if w.noOutput {
		return m, nil
	}
	// Last, so that on a full disk an output set before stays the runtime's, and none is left over.
	m.output = filepath.Join(w.dir, id.Full()+outputSuffix)
	return m, setOutput(m.output)
}

// lockSoon takes the lock on a new file, at which another process may be looking just now. Where
// there are no locks, the heartbeat has to do.
func lockSoon(f *os.File) error {
	const (
		tries = 200
		pause = 5 * time.Millisecond
	)
	for range tries {
		err := filelock.Try(f)
		if err == nil || errors.Is(err, errors.ErrUnsupported) {
			return nil
		}
		time.Sleep(pause)
	}
	return filelock.ErrLocked
}

// setOutput has the runtime write to a new file when the process crashes.
func setOutput(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // The runtime has its own handle of it.
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("setting the crash output: %w", err)
	}
	return nil
}

// write puts the state into a marker whose lock is held.
func write(f *os.File, s state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if _, err := f.WriteAt(text, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(text)))
}

// beat tells that the process is alive.
func (m *mark) beat() error {
	if k := readKills(); k != m.state.Kills {
		m.state.Kills = k
		if err := write(m.file, m.state); err != nil {
			return err
		}
	}
	now := time.Now()
	return os.Chtimes(m.path, now, now)
}

// remove takes the marker and the output away. Whenever it is cut short, what is left reads as a
// clean end.
func (m *mark) remove() error {
	err := m.file.Truncate(0)
	if m.output != "" {
		_ = debug.SetCrashOutput(nil, debug.CrashOptions{}) // Nothing is opened by that.
	}
	m.drop()
	return errors.Join(err, removeFiles(m.path, m.output))
}

// drop gives up the lock. It is closed with the file.
func (m *mark) drop() { _ = m.file.Close() }

// removeFiles removes a marker and its output, where there are any, the output first: without a marker
// nobody would find it.
func removeFiles(mark, output string) error {
	var errs []error
	for _, path := range []string{output, mark} {
		if path == "" {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// readState reads a marker. empty says that there is nothing in it.
func readState(f *os.File) (s state, empty bool, err error) {
	text := make([]byte, maxMark)
	n, _ := f.ReadAt(text, 0) // What cannot be read is as good as torn.
	text = bytes.TrimSpace(text[:n])
	if len(text) == 0 {
		return state{}, true, nil
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return state{}, false, err
	}
	if s.Version != 1 {
		return state{}, false, fmt.Errorf("it is of version %d", s.Version)
	}
	return s, false, nil
}

// idOf returns the ID that a marker is named after.
func idOf(name string) (fault.ID, bool) {
	stem, ok := strings.CutSuffix(name, markSuffix)
	if !ok {
		return fault.ID{}, false
	}
	id, err := fault.ParseID(stem)
	return id, err == nil && id.Full() == stem
}
