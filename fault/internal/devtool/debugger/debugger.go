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
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
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
	// Crashed says that the copy was made by the Go runtime as it ended the process: it is left where it stands, and
	// calls are not possible.
	Crashed bool
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
	frames    []frame
	stack     stackBounds
	moved     []stackBounds // where the stack was before calls
	places    places
	types     map[string]bool              // names of all types; nil: not yet asked
	sizes     map[string]string            // basicOf of types that were asked for
	reasons   []string                     // why goroutines wait, by the runtime's numbers; nil: not yet asked
	packages  []string                     // import paths; nil: not yet asked
	globals   map[string]ast.Expr          // what is known of packages' variables
	files     map[string]map[string]string // imports of source files by name
	slots     *slots                       // of package calls; nil: not yet asked
	goVersion string
	tables    *tables     // nil: not yet read
	memory    io.ReaderAt // of the process; nil: not yet opened, or not to be had
	collected *collected  // nil: not yet asked
	collector bool        // it has been switched off
	noCalls   string      // why calls are no longer possible; "": they are
	ended     error       // why nothing is possible any more

	closing sync.Once
	failure error
}

// A Frame is a call of a function that had not returned when the copy was made.
type Frame struct {
	Index    int    `json:"index"` // 0 is the innermost; the same for as long as the session lives
	Function string `json:"function"`
	File     string `json:"file,omitempty"` // absolute, as the compiler saw it; "" if it wrote the function itself
	Line     int    `json:"line,omitempty"`
	App      bool   `json:"app"` // it is the application's own
	// Optimized says that the function was built with optimisation: many of its variables cannot be read.
	Optimized bool `json:"optimized,omitempty"`
	// Offset is where the frame lies, in bytes from the base of the stack: the same in every copy made while
	// that call runs.
	Offset int64 `json:"offset"`
}

type frame struct {
	Frame
	number int // Delve's; changes with calls
	pc     uint64
	entry  uint64 // where its function begins
	// faulted says that the frame stands at an instruction that failed, and not at a call.
	faulted  bool
	inUse    *inUse          // nil: not known
	held     map[uint64]bool // what those point to that only the frame itself can change
	mapsRead bool            // inUse has been asked for
	// locals are its variables by their names, with what there is to doubt about them; nil: not yet asked.
	locals map[string]string
}

type stackBounds struct{ low, high uint64 }

func (b stackBounds) has(address uint64) bool { return b.low <= address && address < b.high }

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
	s.noCalls = "The process has crashed: nothing can be called in it any more."
	return nil
}

func (s *Session) stacktrace(ctx context.Context, goroutine int64) ([]wireFrame, error) {
	depth := maxFrames + 64
	if s.options.Crashed {
		depth = maxCrashFrames
	}
	out, err := get[struct{ Locations []wireFrame }](ctx, s.wire, "Stacktrace", map[string]any{"Id": goroutine, "Depth": depth})
	if err != nil {
		return nil, err
	}
	for i := range out.Locations {
		s.locate(&out.Locations[i].wireLocation)
	}
	return out.Locations, nil
}

// locate gives a place in the source the path of its file.
func (s *Session) locate(l *wireLocation) {
	if s.options.Located != nil && l.File != "" && l.File != autogenerated {
		l.File = s.options.Located(l.File)
	}
}

func (l *wireLocation) name() string {
	if l.Function == nil {
		return ""
	}
	return l.Function.Name
}

// readStack reads the frames for the first time.
func (s *Session) readStack(ctx context.Context) error {
	stack, err := s.stacktrace(ctx, s.goroutine)
	if err != nil {
		return s.diagnose(err)
	}
	top := true
	for number, f := range stack {
		name := f.name()
		if top && s.isAbove(name) {
			continue
		}
		if len(s.frames) == maxFrames || name == "runtime.goexit" && number == len(stack)-1 {
			break
		}
		top = false
		if isPlumbing(&f.wireLocation, s.frames) {
			continue
		}
		optimized := f.Function != nil && f.Function.Optimized
		shown := Frame{
			Index: len(s.frames), Function: name, File: f.File, Line: f.Line,
			App: s.isApp(name, optimized), Optimized: optimized, Offset: f.FrameOffset,
		}
		if f.File == autogenerated {
			shown.File, shown.Line = "", 0
		}
		found := frame{Frame: shown, number: number, pc: f.PC, faulted: number > 0 && stack[number-1].name() == "runtime.sigpanic"}
		if f.Function != nil {
			found.entry = f.Function.Value
		}
		s.frames = append(s.frames, found)
	}
	if len(s.frames) == 0 {
		return &UnavailableError{
			Text: "The copy has no frames that could be shown.",
			Fix:  "The stack of the failure itself is above.",
		}
	}
	if s.stack, err = s.bounds(ctx); err != nil {
		return err
	}
	return s.followStack(ctx)
}

// isApp reports whether a function is the application's.
func (s *Session) isApp(name string, optimized bool) bool {
	if s.options.App != nil {
		return s.options.App(name)
	}
	return !optimized && name != ""
}

// isAbove reports whether a frame of this function at the top of the stack comes of the freezing.
func (s *Session) isAbove(function string) bool {
	path := packageOf(function)
	return path == "" || path == "runtime" || strings.HasPrefix(path, "internal/runtime/") || function == "os.runtime_beforeExit" ||
		path == packageOf(s.options.Marker) || slices.Contains(s.options.Above, path)
}

// passesOn are the functions of the runtime that make calls for package reflect and for defer, and those that the
// compiler makes of the calls in defer and go statements.
var passesOn = regexp.MustCompile(`^runtime\.(?:call\d+|reflectcall|deferreturn)$|\.(?:deferwrap|gowrap)\d+$`)

// isPlumbing reports whether a frame is none of the program's calls: one that only passes a call on, to the
// last of the inner frames. The runtime leaves out the same ones when it tells a stack.
func isPlumbing(l *wireLocation, inner []frame) bool {
	name := l.name()
	if passesOn.MatchString(name) {
		return len(inner) > 0
	}
	if l.File != autogenerated || len(inner) == 0 {
		return false
	}
	return methodOf(name) == methodOf(inner[len(inner)-1].Function)
}

// autogenerated is the file of functions that the compiler has written.
const autogenerated = "<autogenerated>"

// methodOf is the last part of a function's name: "m" of "a.b/c.(*T).m-fm".
func methodOf(function string) string {
	function = strings.TrimSuffix(function, "-fm")
	return function[strings.LastIndexByte(function, '.')+1:]
}

// bounds reads where the stack of the goroutine lies.
func (s *Session) bounds(ctx context.Context) (stackBounds, error) {
	read := func(field string) (uint64, error) {
		v, err := s.eval(ctx, evalScope{s.goroutine, 0}, "runtime.curg.stack."+field, loadScalars)
		if err != nil {
			return 0, fmt.Errorf("reading where the stack lies: %w", err)
		}
		return strconv.ParseUint(v.Value, 10, 64)
	}
	low, err := read("lo")
	if err != nil {
		return stackBounds{}, err
	}
	high, err := read("hi")
	return stackBounds{low, high}, err
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

// Frames returns the frames of the goroutine that failed, innermost first, without those of the runtime
// and of the kit that come of the freezing; at most 512.
func (s *Session) Frames(ctx context.Context) ([]Frame, error) {
	var frames []Frame
	err := s.do(ctx, func(context.Context) error {
		for _, f := range s.frames {
			frames = append(frames, f.Frame)
		}
		return nil
	})
	return frames, err
}

// An UnknownError says that there is no such frame, or no such reference.
type UnknownError struct{ Text string }

func (e *UnknownError) Error() string { return e.Text }

func (s *Session) frame(index int) (*frame, error) {
	if index < 0 || index >= len(s.frames) {
		return nil, &UnknownError{fmt.Sprintf("There is no frame %d: they are numbered from 0 to %d.", index, len(s.frames)-1)}
	}
	return &s.frames[index], nil
}

func (s *Session) scope(f *frame) evalScope { return evalScope{s.goroutine, f.number} }

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
			_ = s.memory.(io.Closer).Close() // It was only read.
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

// packageOf is the import path in a function's name: "a.b/c" of "a.b/c.(*T).m".
func packageOf(function string) string {
	// What is in brackets may have paths of its own.
	head, _, _ := strings.Cut(function, "[")
	slash := strings.LastIndexByte(head, '/') + 1
	dot := strings.IndexByte(head[slash:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(head[:slash+dot], "%2e", ".")
}
