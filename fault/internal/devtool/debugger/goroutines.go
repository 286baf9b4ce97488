package debugger

import (
	"context"
	"fmt"
	"maps"
	"reflect"
)

// A Goroutine is one of the process, as it was when the copy was made.
type Goroutine struct {
	ID int64 `json:"id"`
	// Failing says that it is the one that failed, of which Frames are.
	Failing bool `json:"failing,omitempty"`
	// State is "running", "runnable", "waiting", "in a system call" or another word for that.
	State string `json:"state"`
	Wait  string `json:"wait,omitempty"` // what for, in the runtime's words: "chan receive"
	// Where it is, outside of the runtime; nil: that is not known, because it ran on a thread that the copy
	// does not have.
	Where *Location `json:"where,omitempty"`
	// Function is what it was started with, and Created where: nil for the first one.
	Function string            `json:"function,omitempty"`
	Created  *Location         `json:"created,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"` // of runtime/pprof
	// Request says that it is of the request that failed: the failing one, or one that this has started, or
	// a goroutine that has begun so.
	Request bool `json:"request,omitempty"`
	// System says that it is one of the runtime's own.
	System     bool   `json:"system,omitempty"`
	Unreadable string `json:"unreadable,omitempty"` // why the rest is missing, in a sentence
}

// A Location is a place in the source.
type Location struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

func (l *wireLocation) location() *Location {
	if l.PC == 0 && l.Function == nil {
		return nil
	}
	return &Location{l.name(), l.File, l.Line}
}

// maxGoroutines bounds Goroutines.
const maxGoroutines = 5000

// Goroutines returns those of the process, the failing one first; at most 5000.
func (s *Session) Goroutines(ctx context.Context) ([]Goroutine, error) {
	var all []Goroutine
	err := s.do(ctx, func(ctx context.Context) error {
		out, err := get[struct{ Goroutines []wireGoroutine }](ctx, s.wire, "ListGoroutines", map[string]int{"Start": 0, "Count": maxGoroutines})
		if err != nil {
			return err
		}
		s.readReasons(ctx)
		siblings := s.siblings(ctx)
		for i := range out.Goroutines {
			switch out.Goroutines[i].Status &^ scanBit {
			case stateIdle, stateDead, stateSpare:
				continue
			}
			g := s.goroutineOf(&out.Goroutines[i])
			g.Request = siblings[g.ID]
			if g.Failing {
				all = append([]Goroutine{g}, all...)
				continue
			}
			all = append(all, g)
		}
		return nil
	})
	return all, err
}

// siblings are the goroutines of the request that failed, as Goroutine.Request has it: their profiler labels, which
// a goroutine hands down to those that it starts, are not only the same, but lie at the same address.
func (s *Session) siblings(ctx context.Context) map[int64]bool {
	scope, memory := evalScope{s.goroutine, 0}, s.openMemory()
	address := func(expression string) uint64 {
		w, err := s.eval(ctx, scope, expression, loadConfig{})
		if err != nil {
			return 0
		}
		return w.Addr
	}
	failing, id, labels := address("runtime.curg"), address("runtime.curg.goid"), address("runtime.curg.labels")
	all, err := s.eval(ctx, scope, "runtime.allgs", loadConfig{MaxArrayValues: 2 * maxGoroutines})
	if err != nil || memory == nil || failing == 0 || id < failing || labels < failing {
		return nil
	}
	own := wordOf(memory, labels)
	if own == 0 {
		return nil
	}
	found := map[int64]bool{}
	for i := range all.Children {
		if g := &all.Children[i]; len(g.Children) == 1 && wordOf(memory, g.Children[0].Addr+labels-failing) == own {
			found[int64(wordOf(memory, g.Children[0].Addr+id-failing))] = true
		}
	}
	return found
}

// Numbers of the runtime for what a goroutine does; they have not changed since Go 1.4.
const (
	stateIdle     = 0
	stateRunnable = 1
	stateRunning  = 2
	stateSyscall  = 3
	stateWaiting  = 4
	stateDead     = 6
	stateSpare    = 11     // of threads of C
	scanBit       = 0x1000 // its stack is being scanned
)

// scopeLabel is the kit's own label, by package freeze.
const scopeLabel = "fault"

func (s *Session) goroutineOf(w *wireGoroutine) Goroutine {
	g := Goroutine{ID: w.ID, Failing: w.ID == s.goroutine, Labels: w.Labels}
	if g.Labels[scopeLabel] != "" { // By which the kit knows the goroutines of a request.
		g.Labels = maps.Clone(g.Labels)
		delete(g.Labels, scopeLabel)
	}
	if w.Unreadable != "" {
		g.State, g.Unreadable = "unknown", "Delve cannot read it: "+sentence(w.Unreadable)
		return g
	}
	g.Where, g.Created, g.Function = w.UserCurrentLoc.location(), w.GoStatementLoc.location(), w.StartLoc.name()
	switch w.Status &^ scanBit {
	case stateRunnable:
		g.State = "runnable"
	case stateRunning:
		g.State = "running"
		if w.ThreadID == 0 {
			// Its registers are those of the moment when it was last put aside.
			g.Where, g.Unreadable = nil, "It ran on another thread when the copy was made: where it was is not known."
		}
	case stateSyscall:
		g.State = "in a system call"
	case stateWaiting:
		g.State = "waiting"
		if w.WaitReason >= 0 && int(w.WaitReason) < len(s.reasons) {
			g.Wait = s.reasons[w.WaitReason]
		}
	default:
		g.State = fmt.Sprintf("state %d", w.Status)
	}
	if g.Failing {
		g.Where = &Location{s.frames[0].Function, s.frames[0].File, s.frames[0].Line}
		g.State, g.Wait, g.Unreadable = "running", "", ""
	}
	if created := g.Created; created != nil && (created.File == autogenerated || g.Function == "runtime.main") {
		g.Created = nil
	}
	g.System = packageOf(g.Function) == "runtime" && g.Function != "runtime.main"
	return g
}

// readReasons reads the runtime's words for what goroutines wait for.
func (s *Session) readReasons(ctx context.Context) {
	if s.reasons != nil {
		return
	}
	s.reasons = []string{}
	w, err := s.eval(ctx, evalScope{s.goroutine, 0}, "runtime.waitReasonStrings", loadConfig{MaxVariableRecurse: 1, MaxStringLen: 64, MaxArrayValues: 128})
	if err != nil || w.Kind != reflect.Array {
		return // This Go has none of that name.
	}
	for i := range w.Children {
		s.reasons = append(s.reasons, w.Children[i].text())
	}
}

// Memory is what a session costs, in bytes of memory that nothing else has.
type Memory struct {
	Process  int64 `json:"process"`  // that of the copy which it does not share with the program
	Debugger int64 `json:"debugger"` // Delve's
}

// Memory reads it from the system.
func (s *Session) Memory() (Memory, error) {
	copied, err := privateMemory(s.options.PID)
	if err != nil {
		return Memory{}, err
	}
	delve, err := privateMemory(s.delve.PID())
	return Memory{copied, delve}, err
}
