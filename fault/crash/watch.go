package crash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
)

// Options configure [Watch]. All but Dir may be left out.
type Options struct {
	// Dir holds the markers and the crash output. It is made if missing, with mode 0700: what a
	// crashing process writes is masked only when it is found. Several processes may share it.
	Dir string
	// Recorder keeps what is found. Nil means that the log is all there is.
	Recorder fault.Recorder
	// Redactor masks secrets in what is found. Nil masks by the default names.
	Redactor *redact.Redactor
	// Module is the module path of the application, which tells its own code from its libraries' in
	// a stack. "" means the main module of the build.
	Module string
	// Logger gets one record at CRITICAL (slog.Level 12) for each end that is found. Nil means
	// slog.Default() at that moment.
	Logger *slog.Logger
	// Host is this machine's name; "" means that of the operating system.
	Host string
	// NoOutput leaves the process's crash output to somebody else, such as a supervisor that reads
	// its standard error. A crash then reads like any end without a word.
	NoOutput bool
	// Heartbeat is how often the marker is touched, and others' are looked at. 0 means 10 s. It is
	// how exactly the time of an end without a word is known.
	Heartbeat time.Duration
}

const (
	defaultHeartbeat = 10 * time.Second
	// lookTimeout bounds how long Watch looks for earlier ends; what is left is looked at with the
	// next heartbeat.
	lookTimeout = 5 * time.Second
	// recordTimeout bounds how long one call of the Recorder is waited for.
	recordTimeout = 2 * time.Second
)

// A Watcher marks this process as running. It is made by [Watch].
type Watcher struct {
	dir       string
	recorder  fault.Recorder
	redactor  *redact.Redactor
	logger    *slog.Logger
	host      string
	build     fault.Build
	module    string
	noOutput  bool
	heartbeat time.Duration

	mark      *mark
	recording chan struct{} // full while a call of the Recorder is under way
	warned    bool          // of trouble, which is not over
	stop      context.CancelFunc
	done      chan struct{} // closed when the heart no longer beats
	close     sync.Once
	closeErr  error
}

// Watch marks this process as running and looks for the ends of others: each that was not clean
// becomes a failure of the kind fault.KindCrash or fault.KindEnded, with the ID, build, machine and
// process of the one that ended. It is written to the log and given to the Recorder; what the
// Recorder cannot keep stays and is tried again with each heartbeat and at the next start, under the
// same ID.
//
// It takes a few milliseconds, and at most five seconds if the Recorder is slow. ctx bounds that part
// only. An error means that this process is not watched, because the directory cannot be used; the
// application may go on without. There should be one Watcher in a process, because crash output is
// the process's. Its heartbeat is a timer, and with one of those in a program the Go runtime does not
// notice that all goroutines wait for each other.
func Watch(ctx context.Context, o Options) (*Watcher, error) {
	if o.Dir == "" {
		return nil, errors.New("crash.Watch needs a directory (Options.Dir)")
	}
	w := &Watcher{
		dir:       o.Dir,
		recorder:  o.Recorder,
		redactor:  o.Redactor,
		logger:    o.Logger,
		host:      o.Host,
		build:     fault.ReadBuild(),
		module:    o.Module,
		noOutput:  o.NoOutput,
		heartbeat: o.Heartbeat,
		recording: make(chan struct{}, 1),
		done:      make(chan struct{}),
	}
	if w.heartbeat <= 0 {
		w.heartbeat = defaultHeartbeat
	}
	if w.module == "" {
		w.module = w.build.Module
	}
	if w.host == "" {
		w.host, _ = os.Hostname() // Without a name the failure has none.
	}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory for crashes: %w", err)
	}
	// First of all, so that a crash in what follows is found too.
	mark, err := w.newMark()
	if err != nil {
		return nil, fmt.Errorf("marking this process as running: %w", err)
	}
	w.mark = mark
	look, cancel := context.WithTimeout(ctx, lookTimeout)
	w.warn(ctx, w.look(look))
	cancel()
	beat, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = stop
	go w.beat(beat)
	return w, nil
}

// Close tells that the end is a clean one: nothing of this process stays in the directory. It should
// be among the last things that a process does; what happens after it is not found. It does not wait
// for a call of the Recorder that is under way, but cancels its context; what was being recorded is
// found again. Further calls return the same; it is safe on a nil Watcher.
func (w *Watcher) Close() error {
	if w == nil {
		return nil
	}
	w.close.Do(func() {
		w.stop()
		<-w.done
		if err := w.mark.remove(); err != nil {
			w.closeErr = fmt.Errorf("taking away the marker of a running process: %w", err)
		}
	})
	return w.closeErr
}

// beat keeps the marker fresh and looks for others that have ended.
func (w *Watcher) beat(ctx context.Context) {
	defer close(w.done)
	ticker := time.NewTicker(w.heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := w.mark.beat()
		if errors.Is(err, os.ErrNotExist) {
			err = w.markAgain()
		}
		if err != nil {
			err = fmt.Errorf("keeping the marker of this process fresh: %w", err)
		}
		look, cancel := context.WithTimeout(ctx, lookTimeout)
		w.warn(ctx, errors.Join(err, w.look(look)))
		cancel()
	}
}

// markAgain replaces a marker that somebody has deleted.
func (w *Watcher) markAgain() error {
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return err
	}
	mark, err := w.newMark()
	if err != nil {
		return err
	}
	old := w.mark
	w.mark = mark
	old.drop()
	return removeFiles("", old.output) // The runtime writes to the new one. Without a marker nobody would find it.
}

// warn tells about trouble once, until it is over.
func (w *Watcher) warn(ctx context.Context, err error) {
	if err != nil && !w.warned {
		w.log().LogAttrs(ctx, slog.LevelWarn, "Ends of processes may not be found",
			slog.String("dir", w.dir), slog.String("error", oneLine(err.Error())))
	}
	w.warned = err != nil
}

func (w *Watcher) log() *slog.Logger {
	if w.logger != nil {
		return w.logger
	}
	return slog.Default()
}
