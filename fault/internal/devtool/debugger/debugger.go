// Package debugger reads frozen copies of a process: their frames, variables and goroutines, and what any
// expression in them is worth. It runs Delve for that and speaks to it over a private socket.
//
// Delve is spoken to by its JSON-RPC interface rather than by the Debug Adapter Protocol, which has values as
// text only (so that a string with an ellipsis in it and a string that was cut look alike), does not tell
// arguments from locals, nor frames by their place, and cannot end a call that hangs.
package debugger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"

	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.org/microblog/fault/internal/devtool/process"
)

// Options say what to attach to.
type Options struct {
	Delve string // the program, as by Installer.Ensure
	PID   int    // the process
	// Marker is the function that a frozen copy calls again and again, "example.org/kit/freeze.Marker"; ""
	// is that of the kit.
	Marker string
	// Crashed says that the copy was made by the Go runtime, as where it ends the process: it is left where it stands, and
	// calls are not possible.
	Crashed bool
	// NoCalls says why they are not; "" is that the process has crashed.
	NoCalls string
	// Goroutine is, of such a copy, whose frames are shown if none was running, as in a deadlock; 0 is not known.
	Goroutine int64
	// Above are the import paths of packages whose frames are left out at the top of the stack, as those of
	// the runtime and of Marker are; nil are those of the kit that lie between a failure and its copy.
	Above []string
	// App reports whether a function, as "example.org/app/web.(*Server).home", is the application's. Nil
	// asks the compiler: what was built without optimisation is.
	App func(function string) bool
	// Located returns the path of a source file from its name in the program, as with -trimpath. Nil takes names for paths.
	Located func(file string) string
	// Began is when the request began that failed. What its frames hold is then known to be right if no memory
	// was collected since. With the zero time, it is taken that memory was.
	Began time.Time
	// CallLimit is how long a call of Evaluate may take; 0 is 3 seconds.
	CallLimit time.Duration
	// KillProcess ends the process, too, when the session is closed.
	KillProcess bool
}

// A Session is Delve, attached to a process. Its methods may be called by several goroutines at once; they
// are done one after the other.
type Session struct {
	options   Options
	dir       string // of the socket
	delve     *process.Process
	wire      *wire
	goroutine int64

	lane chan struct{} // has room for one: who may speak to Delve

	// What follows belongs to the one in the lane.
	frames     []frame
	stack      stackBounds
	moved      []stackBounds // where the stack was before calls
	places     places
	types      map[string]bool              // names of all types; nil: not yet asked
	known      map[string]bool              // of single types, whether they are there
	placeable  map[string]bool              // types that were asked for, see canBePlaced
	sizes      map[string]string            // basicOf of types that were asked for
	reasons    []string                     // why goroutines wait, by the runtime's numbers; nil: not yet asked
	packages   []string                     // import paths; nil: not yet asked
	globals    map[string]ast.Expr          // what is known of packages' variables
	files      map[string]map[string]string // imports of source files by name
	signatures map[uint64]*signature        // of functions by where they begin
	slots      *slots                       // of package calls; nil: not yet asked
	goVersion  string
	tables     *tables       // nil: not yet read
	memory     processMemory // of the process; nil: not yet opened, or not to be had
	collected  *collected    // nil: not yet asked
	collector  bool          // it has been switched off
	noCalls    string        // why calls are no longer possible; "": they are
	ended      error         // why nothing is possible any more

	closing sync.Once
	failure error
}

const (
	defaultCallLimit = 3 * time.Second
	maxFrames        = 512
	// maxCrashFrames bounds the stack of a crash, with the runtime's own calls: one that has overflown has millions.
	maxCrashFrames = 128
	// delveGC has Delve collect its own memory more rarely: most of the time to attach goes into reading debug data, of
	// which nearly all stays. It saves a fifth of it, for some 70 MB.
	delveGC = "400"
	// markerLimit is how long a copy may take to get to its marker. It does so every few milliseconds.
	markerLimit = 10 * time.Second
	// stepLimit bounds everything that Delve is asked for, but for calls: it answers in milliseconds, and
	// one that does not has broken down.
	stepLimit = 30 * time.Second
)

// kit is the import path of this kit.
func kit() string {
	return strings.TrimSuffix(reflect.TypeFor[Session]().PkgPath(), "/internal/devtool/debugger")
}

// Attach starts Delve, attaches it to the process and lets a frozen copy run up to its marker. It takes
// a second or so; the end of ctx ends it. Whether the session lives longer does not depend on ctx: Close
// it. An *UnavailableError says what to do about it.
func Attach(ctx context.Context, o Options) (*Session, error) {
	o.Marker = cmp.Or(o.Marker, kit()+"/internal/freeze.Marker")
	o.CallLimit = cmp.Or(o.CallLimit, defaultCallLimit)
	if o.Above == nil {
		o.Above = []string{kit(), kit() + "/trace", kit() + "/internal/freeze"}
	}
	if err := supported(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "fault-debugger-")
	if err != nil {
		return nil, fmt.Errorf("a directory for the debugger's socket: %w", err)
	}
	s := &Session{options: o, dir: dir, lane: make(chan struct{}, 1), files: map[string]map[string]string{}}
	if err := s.attach(ctx); err != nil {
		_ = s.Close() // What went wrong first is told.
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return s, nil
}

func (s *Session) attach(ctx context.Context) error {
	if err := s.start(ctx); err != nil {
		return err
	}
	version, err := get[struct{ TargetGoVersion string }](ctx, s.wire, "GetVersion", struct{}{})
	if err != nil {
		return s.diagnose(err)
	}
	s.goVersion = version.TargetGoVersion
	if s.options.Crashed {
		if err := s.findCrash(ctx); err != nil {
			return err
		}
	} else if err := s.runToMarker(ctx); err != nil {
		return err
	}
	return s.readStack(ctx)
}

// start starts Delve and connects to it.
func (s *Session) start(ctx context.Context) error {
	socket := filepath.Join(s.dir, "s") // The path of a socket has little room.
	if err := noTelemetry(s.dir); err != nil {
		return fmt.Errorf("the debugger's settings: %w", err)
	}
	var environment []string
	for _, setting := range os.Environ() {
		// Settings of its user would change what Delve does, and it might ask servers for debug data.
		if name, _, _ := strings.Cut(setting, "="); name != "XDG_CONFIG_HOME" && name != "DEBUGINFOD_URLS" {
			environment = append(environment, setting)
		}
	}
	var err error
	s.delve, err = process.Start(process.Spec{
		Path: s.options.Delve, Dir: s.dir, Env: append(environment, "XDG_CONFIG_HOME="+s.dir, "GOGC="+delveGC),
		Args: []string{"attach", strconv.Itoa(s.options.PID), "--headless", "--api-version=2", "--listen=unix:" + socket},
	})
	if err != nil {
		return s.noStart(err)
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			s.wire = newWire(conn)
			return nil
		}
		select {
		case <-time.After(wait):
		case <-s.delve.Done():
			return s.diagnose(err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// noTelemetry has Delve, whose settings are below dir, count and send nothing: a process of its own would
// write there even after the end of Delve.
func noTelemetry(dir string) error {
	telemetry := filepath.Join(dir, "go", "telemetry")
	if err := os.MkdirAll(telemetry, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(telemetry, "mode"), []byte("off"), 0o600)
}

// runToMarker lets the copy run up to its marker, where calls are possible.
func (s *Session) runToMarker(ctx context.Context) error {
	type breakpoint struct {
		FunctionName string `json:"functionName"`
	}
	in := struct{ Breakpoint breakpoint }{breakpoint{s.options.Marker}}
	if _, err := get[struct{}](ctx, s.wire, "CreateBreakpoint", in); err != nil {
		if _, ok := refused(err); ok {
			return &UnavailableError{
				Text: "The program has no function " + s.options.Marker + ", at which a frozen copy stops.",
				Fix:  "Build it with `fault run`, which builds it with the tag faultdev, and with debug data: without -ldflags=-s or -w.",
				Err:  err,
			}
		}
		return s.diagnose(err)
	}
	near, cancel := context.WithTimeout(ctx, markerLimit)
	defer cancel()
	state, err := s.command(near, map[string]any{"name": "continue"})
	switch {
	case near.Err() != nil && ctx.Err() == nil:
		return &UnavailableError{
			Text: "The frozen copy does not come to the place where it can be read: a call in it hangs, or it is something else than a copy.",
			Fix:  "Let the request fail once more.",
			Err:  near.Err(),
		}
	case err != nil:
		return s.diagnose(err)
	case state.Exited || state.SelectedGoroutine == nil:
		return s.gone()
	}
	s.goroutine = state.SelectedGoroutine.ID
	return nil
}

// command resumes the process, and returns when it has stopped.
func (s *Session) command(ctx context.Context, command map[string]any) (*wireState, error) {
	out, err := get[struct{ State *wireState }](ctx, s.wire, "Command", command)
	if err != nil {
		return nil, err
	}
	if out.State == nil {
		return nil, errors.New("no state in the answer")
	}
	return out.State, nil
}

// findCrash finds the goroutine that has ended the process: the one whose thread the copy has. The runtime may have ended it
// on a thread without a goroutine, as in a deadlock; then it is the one that was told of.
func (s *Session) findCrash(ctx context.Context) error {
	out, err := get[struct{ Threads []wireThread }](ctx, s.wire, "ListThreads", struct{}{})
	if err != nil {
		return s.diagnose(err)
	}
	s.goroutine = s.options.Goroutine
	for _, thread := range out.Threads {
		if thread.GoroutineID > 0 {
			s.goroutine = thread.GoroutineID
		}
	}
	if s.goroutine == 0 {
		return &UnavailableError{
			Text: "No goroutine ran when the process ended.",
			Fix:  "What the process wrote as it ended tells where each of them was.",
		}
	}
	s.noCalls = cmp.Or(s.options.NoCalls, "The process has crashed: nothing can be called in it any more.")
	return nil
}

// eval evaluates an expression of Delve's language.
func (s *Session) eval(ctx context.Context, scope evalScope, expression string, load loadConfig) (*wireVariable, error) {
	out, err := get[struct{ Variable *wireVariable }](ctx, s.wire, "Eval", struct {
		Scope evalScope
		Expr  string
		Cfg   loadConfig
	}{scope, expression, load})
	if err != nil {
		return nil, err
	}
	if out.Variable == nil {
		return nil, errors.New("no value in the answer")
	}
	s.readZeros(ctx, out.Variable)
	return out.Variable, nil
}

// do has work done by the one in the lane. The end of ctx ends the wait for the lane; work, which takes
// milliseconds but for calls, is done to its end, since some of it is remembered.
func (s *Session) do(ctx context.Context, work func(context.Context) error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case s.lane <- struct{}{}:
		defer func() { <-s.lane }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.ended != nil {
		return s.ended
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepLimit+2*s.options.CallLimit)
	defer cancel()
	err := work(bounded)
	if err == nil {
		return nil
	}
	if _, ok := refused(err); ok || isOurs(err) {
		return err
	}
	s.ended = s.diagnose(err)
	return s.ended
}

// isOurs reports whether err tells of something else than a broken session.
func isOurs(err error) bool {
	var evaluate *EvaluateError
	var unavailable *UnavailableError
	var unknown *UnknownError
	return errors.As(err, &evaluate) || errors.As(err, &unavailable) || errors.As(err, &unknown)
}

// An UnknownError says that there is no such frame, or no such reference.
type UnknownError struct{ Text string }

func (e *UnknownError) Error() string { return e.Text }

// Done is closed when Delve has ended, by Close or of itself.
func (s *Session) Done() <-chan struct{} { return s.delve.Done() }

// Close ends Delve. A frozen copy goes on waiting, and another session may be attached to it, unless a call
// hangs in it; if Options.KillProcess is set, it is ended, too. Close interrupts what is being done.
func (s *Session) Close() error {
	s.closing.Do(func() {
		if s.wire != nil {
			s.detach()
			s.wire.close()
		}
		if s.delve != nil {
			s.failure = s.delve.Kill()
		}
		if s.memory != nil {
			_ = s.memory.Close() // What was written is there.
		}
		if s.options.KillProcess {
			if p, err := os.FindProcess(s.options.PID); err == nil {
				_ = p.Kill() // It has ended.
			}
		}
		_ = os.RemoveAll(s.dir) // The system empties its directory for temporary files.
	})
	return s.failure
}

// detach has Delve take its breakpoint out of the process, which would die of it, unless it is busy.
func (s *Session) detach() {
	const patience, limit = 100 * time.Millisecond, 2 * time.Second
	if s.options.KillProcess {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	select {
	case s.lane <- struct{}{}:
		s.ended = cmp.Or(s.ended, errClosed)
		<-s.lane
		// An answer may not come: Delve ends.
		_ = s.wire.call(ctx, "Detach", map[string]any{"Kill": false}, new(json.RawMessage))
	case <-time.After(patience):
	}
}

var errClosed error = &UnavailableError{Text: "The debugger of this failure has been closed.", Fix: "Open the failure again."}
