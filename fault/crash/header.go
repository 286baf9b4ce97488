package crash

import (
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// crashHeader is what the runtime says about a crash before the stacks.
type crashHeader struct {
	panics []panicked // the first one first; each came while the one before it was panicking
	fatal  string
	signal string // "SIGQUIT: quit"
	trap   string // "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47b8e5]"
	other  string // what could not be read
}

// panicked is one panic.
type panicked struct {
	text      string
	recovered bool // something recovered it and panicked again
	same      bool // with the same value
}

// maxPanics bounds how many panics are kept, the last ones.
const maxPanics = 16

// readHeader reads the text of a crash. What follows a line and begins with a tab belongs to it.
func readHeader(lines []string) (h crashHeader) {
	var text *string // the one being read, without what it has got in more
	var more strings.Builder
	end := func() {
		if text != nil {
			*text += more.String()
		}
		text = nil
		more.Reset()
	}
	for _, line := range lines {
		nested := strings.TrimPrefix(line, "\t")
		switch {
		case strings.HasPrefix(nested, "panic: ") && (nested == line || len(h.panics) > 0):
			end()
			if len(h.panics) == maxPanics {
				h.panics = append(h.panics[:0], h.panics[1:]...)
			}
			h.panics = append(h.panics, panicked{text: nested[len("panic: "):]})
			text = &h.panics[len(h.panics)-1].text
		case strings.HasPrefix(nested, "fatal error: ") && (nested == line || len(h.panics) > 0):
			end()
			h.fatal = nested[len("fatal error: "):]
			text = &h.fatal
		case signalLine.MatchString(line) && h.signal == "":
			end()
			h.signal = line
		case strings.HasPrefix(line, "[signal "):
			end()
			h.trap = line
		case nested != line && text != nil:
			more.WriteString("\n" + nested)
		default:
			end()
		}
	}
	end()
	for i := range h.panics {
		p := &h.panics[i]
		if p.text, p.same = strings.CutSuffix(p.text, " [recovered, repanicked]"); !p.same {
			p.text, p.recovered = strings.CutSuffix(p.text, " [recovered]")
		}
		p.recovered = p.recovered || p.same
	}
	return h
}

// text returns what the crash was, for people and as a tree.
func (h crashHeader) text() (string, fault.Cause) {
	var text string
	var tree fault.Cause
	for i, p := range h.panics {
		c := fault.Cause{Type: "panic", Message: "panic: " + p.text}
		if strings.HasPrefix(p.text, "runtime error: ") {
			c.Type = "panic of runtime.Error"
		}
		if i > 0 {
			c.Causes = []fault.Cause{tree}
		}
		text, tree = c.Message, c
	}
	switch {
	case h.fatal != "":
		c := fault.Cause{Type: "fatal error", Message: "fatal error: " + h.fatal}
		if h.trap != "" && !strings.Contains(h.trap, h.fatal) {
			c.Message += " " + h.trap // "fault" alone says little.
		}
		if len(h.panics) > 0 {
			c.Causes = []fault.Cause{tree}
		}
		return c.Message, c
	case len(h.panics) > 0:
		return text, tree
	case h.signal != "":
		return h.signal, fault.Cause{Type: "signal", Message: h.signal}
	case h.other != "":
		return h.other, fault.Cause{Type: "crash", Message: h.other}
	}
	const unknown = "fatal error (the Go runtime wrote its text to standard error only)"
	return unknown, fault.Cause{Type: "fatal error", Message: unknown}
}

// goroutine chooses the goroutine that crashed, and returns the runtime's own stack too if there is
// one. The runtime writes the one that crashed first; a signal comes to whichever runs, and then the
// first one with the application's own code tells most.
func (h crashHeader) goroutine(all []section, module string) (chosen, system section) {
	found := false
	for _, s := range all {
		switch {
		case s.system:
			if system.stack == nil {
				system = s
			}
		case !found && (s.number != 0 || len(all) == 1):
			chosen, found = s, true
		}
	}
	if h.signal == "" || len(h.panics) > 0 || h.fatal != "" || hasApp(chosen.stack, module) {
		return chosen, system
	}
	for _, s := range all {
		if !s.system && hasApp(s.stack, module) {
			return s, system
		}
	}
	return chosen, system
}

func hasApp(stack trace.Stack, module string) bool {
	for _, f := range stack {
		if isApp(f, module) {
			return true
		}
	}
	return false
}

// trim takes away from a stack how the runtime came to crash, and what is beneath every goroutine.
func (h crashHeader) trim(s trace.Stack) trace.Stack {
	if len(h.panics) > 0 && h.fatal == "" && h.original() {
		for i := len(s) - 1; i >= 0; i-- {
			if s[i].Function == "panic" {
				s = s[i:] // Where it panicked first; above is who panicked again.
				break
			}
		}
	}
	whole := s
	for len(s) > 0 && ofRuntime(s[0]) {
		s = s[1:]
	}
	if len(s) == 0 {
		s = whole // All of it is the runtime's.
	}
	kept := make(trace.Stack, 0, len(s))
	for _, f := range s {
		if f.Function != "runtime.goexit" && f.Function != "runtime.main" {
			kept = append(kept, f)
		}
	}
	return kept
}

// original tells whether the last panic says again what the one before it said, which somebody had
// recovered.
func (h crashHeader) original() bool {
	last := h.panics[len(h.panics)-1]
	if last.same || len(h.panics) == 1 {
		return last.same
	}
	before := h.panics[len(h.panics)-2]
	return before.recovered && strings.Contains(last.text, before.text)
}

func ofRuntime(f trace.Frame) bool {
	pkg := f.Package()
	base := f.Function[strings.LastIndexByte(f.Function, '.')+1:]
	return f.Function == "panic" || pkg == "runtime" || strings.HasPrefix(pkg, "internal/runtime/") || base == "fatal" && pkg != "main" && !strings.Contains(pkg, ".")
}
