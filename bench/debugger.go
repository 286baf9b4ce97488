package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// debuggerName is what --run matches for this part.
	debuggerName = "debugger"

	hookTag   = "faulthook"                  // of builds whose panics are seen as they begin
	hookEvery = 15 * time.Second             // a file is saved, so that there is such a build
	unhooked  = "shown without their frames" // fault run says, where there can be none

	asksPerFailure = 3    // expressions
	smallestApp    = 20   // MB
	largestApp     = 8000 // MB
)

// debuggerOptions are those of the part "debugger".
type debuggerOptions struct {
	sizes    []int // megabytes of the application that are in memory
	failures int   // of each kind, at each size
	hookWait time.Duration
}

// debugging is how long a developer waits for a failure's page, its variables and answers, and what that costs others.
type debugging struct {
	Failures int            `json:"failures"`
	Hooked   bool           `json:"hooked"`             // panics are copied as they begin
	Werkzeug string         `json:"werkzeug,omitempty"` // what it is compared with, with versions
	Sizes    []debuggedSize `json:"sizes"`
	Costs    []runningCost  `json:"costs"`
	Missing  []missingTool  `json:"not_measured,omitempty"`
}

// debuggedSize are the figures with so much in memory.
type debuggedSize struct {
	Megabytes int    `json:"megabytes"` // asked for
	Memory    memory `json:"memory"`    // before the first failure
	After     memory `json:"after"`     // the last
	Collected memory `json:"collected"` // without garbage: what grows here has leaked

	Page    answering `json:"page"`    // of a failing request, to its end
	Release answering `json:"release"` // the same request in a release build

	// From the page until all variables of all frames are there: of the first failure, and of later ones.
	First     time.Duration `json:"first_variables_ns"`
	Variables answering     `json:"variables"`
	Frames    int           `json:"frames"`
	Values    int           `json:"values"` // variables in them

	Expression answering `json:"expression"`
	Call       answering `json:"call"`

	Frozen    stalls `json:"frozen"`    // what other requests wait while one fails
	Attaching stalls `json:"attaching"` // while the debugger attaches and reads

	Trouble string `json:"trouble,omitempty"` // why there are no variables, or not all figures
}

// answering is how long something took, and beside it the same with Werkzeug, in turns.
type answering struct {
	Times    []time.Duration `json:"times_ns"`
	Werkzeug []time.Duration `json:"werkzeug_ns,omitempty"`
}

// measureDebugger measures an application with the kit under "fault run". With an error too, what was measured is returned.
func measureDebugger(ctx context.Context, o options, dir string, progress io.Writer) (r debugging, err error) {
	r.Failures = o.debugger.failures
	if err := os.MkdirAll(toolsDir(dir), 0o777); err != nil {
		return r, fmt.Errorf("making a directory for the tools: %w", err)
	}
	// The kit is copied, so that whoever works on it meanwhile does not have fault run build the application anew.
	kit := filepath.Join(dir, "kit")
	if err := os.CopyFS(kit, os.DirFS("fault")); err != nil {
		return r, fmt.Errorf("copying the kit (run this from inside the repository): %w", err)
	}
	b := &debuggerBench{options: o, dir: filepath.Join(dir, "orders"), progress: progress}
	fmt.Fprintln(progress, "building fault and an application with the kit")
	if b.fault, err = knownTool(faultTool).obtain(ctx, dir); err != nil {
		return r, err
	}
	if err := writeOrders(b.dir, kit); err != nil {
		return r, err
	}
	b.binary = filepath.Join(dir, executable("orders-release"))
	build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, ".")
	build.Dir = b.dir
	if out, err := build.CombinedOutput(); err != nil {
		return r, fmt.Errorf("building the application: %w\n%s", err, out)
	}
	if r.Hooked, err = b.prepare(ctx); err != nil {
		return r, err
	}
	w, err := startWerkzeug(ctx, dir)
	switch {
	case ctx.Err() != nil:
		return r, ctx.Err()
	case err != nil:
		fmt.Fprintf(progress, "Werkzeug's debugger is not measured: %v\n", err)
		r.Missing = append(r.Missing, missingTool{"Werkzeug's debugger", oneLine(err)})
	default:
		b.werkzeug, r.Werkzeug = w, w.name
		defer func() {
			if b.lost != nil {
				r.Missing = append(r.Missing, missingTool{w.name, oneLine(b.lost)})
			}
			err = errors.Join(err, w.stop())
		}()
	}
	for _, megabytes := range o.debugger.sizes {
		size, err := b.measure(ctx, megabytes)
		if len(size.Page.Times) > 0 {
			r.Sizes = append(r.Sizes, size)
		}
		if err != nil {
			return r, err
		}
	}
	r.Costs, err = b.measureCosts(ctx)
	return r, err
}

// debuggerBench is what all sizes have in common.
type debuggerBench struct {
	options  options
	dir      string    // of the application
	fault    string    // programs
	binary   string    // the application's release build
	werkzeug *werkzeug // nil: there is none
	lost     error     // why there is none any more
	progress io.Writer
}

// prepare has done what is done once on a machine, and is kept: Delve is built, and the Go runtime with its hook compiled. It
// reports whether there was enough time for the latter. What is missing will be told about when it is missed.
func (b *debuggerBench) prepare(ctx context.Context) (hooked bool, err error) {
	d, err := debugOrders(ctx, b.dir, b.fault, 0)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if failure, _, err := d.fail(ctx); err == nil {
		if _, err := d.variables(ctx, failure, firstAttachTimeout); err != nil && ctx.Err() == nil {
			fmt.Fprintf(b.progress, "there will be no variables: %v\n", err)
		}
	}
	var texts counter
	for begin, saved := time.Now(), time.Now(); ; {
		f, err := d.facts(ctx)
		switch {
		case err != nil:
			return false, err
		case slices.Contains(strings.Split(f.Tags, ","), hookTag):
			return true, nil
		case runtime.GOOS != "linux", strings.Contains(d.output.String(), unhooked), time.Since(begin) >= b.options.debugger.hookWait:
			return false, nil
		case time.Since(saved) >= hookEvery:
			if saved == begin {
				fmt.Fprintln(b.progress, "waiting until fault run has compiled the runtime that tells of panics as they begin")
			}
			if err := touchOrders(b.dir, texts.next("text")); err != nil {
				return false, err
			}
			saved = time.Now()
		}
		if err := d.pause(ctx, 500*time.Millisecond); err != nil {
			return false, err
		}
	}
}

// start starts the application with so much in memory: its release build, and under "fault run".
func (b *debuggerBench) start(ctx context.Context, megabytes int) (_ *debuggedApp, err error) {
	resident := int64(megabytes) * 1e6
	a := &debuggedApp{debuggerBench: b}
	if a.release, err = releaseOrders(ctx, b.dir, b.binary, resident); err != nil {
		return nil, err
	}
	if a.app, err = debugOrders(ctx, b.dir, b.fault, resident); err != nil {
		return nil, errors.Join(err, a.release.stop())
	}
	return a, nil
}

// measure takes the figures about failures with so much in memory.
func (b *debuggerBench) measure(ctx context.Context, megabytes int) (s debuggedSize, err error) {
	s.Megabytes = megabytes
	fmt.Fprintf(b.progress, "starting the application with %d MB\n", megabytes)
	a, err := b.start(ctx, megabytes)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, a.stop()) }()
	a.figures = &s
	facts, err := a.app.facts(ctx)
	if err != nil {
		return s, err
	}
	if s.Memory, err = memoryOf(facts.PID); err != nil {
		return s, err
	}
	if err := a.all(ctx); err != nil {
		return s, err
	}
	if s.After, err = memoryOf(facts.PID); err != nil {
		return s, err
	}
	if _, _, _, err := a.app.page(ctx, "/collect", http.StatusOK); err != nil {
		return s, err
	}
	s.Collected, err = memoryOf(facts.PID)
	fmt.Fprintf(b.progress, "%d MB: page %v, variables %v, the first time %v\n", megabytes, s.Page, s.Variables, s.First)
	return s, err
}

// debuggedApp is the application while it is measured.
type debuggedApp struct {
	*debuggerBench
	release *program
	app     *debugged
	figures *debuggedSize
}

func (a *debuggedApp) stop() error { return errors.Join(a.app.stop(), a.release.stop()) }

// all takes all figures about failures.
func (a *debuggedApp) all(ctx context.Context) error {
	first := true // of this run of fault run, which has never attached
	for range a.options.debugger.failures {
		failure, w, err := a.fail(ctx)
		if err != nil {
			return err
		}
		if a.figures.Trouble != "" {
			continue
		}
		err = a.look(ctx, failure, w, first)
		first = false
		if unavailable := (*unavailableError)(nil); errors.As(err, &unavailable) {
			a.figures.Trouble = oneLine(err)
		} else if err != nil {
			return err
		}
	}
	var err error
	if a.figures.Frozen, err = watchStalls(ctx, a.app.program, a.options.debugger.failures, func() error {
		_, _, err := a.app.fail(ctx)
		return err
	}); err != nil || a.figures.Trouble != "" {
		return err
	}
	failure := ""
	a.figures.Attaching, err = watchStalls(ctx, a.app.program, a.options.debugger.failures, func() error {
		if failure != "" {
			if err := a.app.drop(ctx, failure); err != nil {
				return err
			}
		}
		var err error
		if failure, _, err = a.app.fail(ctx); err != nil {
			return err
		}
		_, err = a.app.variables(ctx, failure, attachTimeout)
		return err
	})
	return err
}

// fail has the request fail in each of the programs.
func (a *debuggedApp) fail(ctx context.Context) (failure string, w werkzeugFailure, err error) {
	_, _, took, err := a.release.page(ctx, billPath, http.StatusInternalServerError)
	if err != nil {
		return "", w, fmt.Errorf("the release build: %w", err)
	}
	a.figures.Release.Times = append(a.figures.Release.Times, took)
	if failure, took, err = a.app.fail(ctx); err != nil {
		return "", w, err
	}
	a.figures.Page.Times = append(a.figures.Page.Times, took)
	err = a.beside(ctx, &a.figures.Page, func(z *werkzeug) (took time.Duration, err error) {
		w, took, err = z.fail(ctx)
		return took, err
	})
	return failure, w, err
}

// beside does the same with Werkzeug, if it is there. If that goes wrong it is done without from then on.
func (a *debuggedApp) beside(ctx context.Context, into *answering, do func(z *werkzeug) (time.Duration, error)) error {
	if a.werkzeug == nil {
		return nil
	}
	took, err := do(a.werkzeug)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		a.werkzeug, a.lost = nil, err
	default:
		into.Werkzeug = append(into.Werkzeug, took)
	}
	return nil
}

// look looks at a failure: all variables, expressions, a call. Then it is dropped.
func (a *debuggedApp) look(ctx context.Context, failure string, w werkzeugFailure, first bool) error {
	begin := time.Now()
	v, err := a.app.variables(ctx, failure, attachTimeout)
	took := time.Since(begin)
	if err != nil {
		return err
	}
	if f := a.figures; first {
		f.First, f.Frames = took, len(v.Frames)
		for _, frame := range v.Frames {
			f.Values += len(frame.variables())
		}
	} else {
		f.Variables.Times = append(f.Variables.Times, took)
	}
	for i := range asksPerFailure + 1 {
		q, into := askedExpression, &a.figures.Expression
		if i == asksPerFailure {
			q, into = askedCall, &a.figures.Call
		}
		if took, err = a.app.ask(ctx, failure, v, q); err != nil {
			return err
		}
		into.Times = append(into.Times, took)
		if err := a.beside(ctx, into, func(z *werkzeug) (time.Duration, error) { return z.ask(ctx, w, q) }); err != nil {
			return err
		}
	}
	return a.app.drop(ctx, failure)
}

// parseResidents reads the sizes of the application.
func parseResidents(text string) ([]int, error) {
	var sizes []int
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < smallestApp || n > largestApp {
			return nil, fmt.Errorf("%q is not a number of megabytes from %d to %d", field, smallestApp, largestApp)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}
