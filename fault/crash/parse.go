package crash

import (
	"regexp"
	"strconv"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// A Report is what the Go runtime wrote about a crash.
type Report struct {
	// Text is what it was: "panic: boom", "fatal error: concurrent map writes", "SIGQUIT: quit". It
	// may have several lines.
	Text string
	// Causes is the same as a tree: a panic, and what was panicking when it came about. Its Type is
	// "panic", "panic of runtime.Error", "fatal error", or "signal".
	Causes fault.Cause
	// Goroutine is the number of the goroutine that crashed, or that was running when the signal
	// came; 0 if that is not known.
	Goroutine int64
	State     string // of that goroutine: "running", "chan receive"
	// Stack is its stack, innermost call first; at the end stands where the goroutine was started. Of
	// a long one the middle is missing. App is set as a fault.Catcher sets it.
	Stack trace.Stack
}

// maxFrames bounds a stack, in calls, and outerFrames is how many of those are its outermost.
const (
	maxFrames   = 64
	outerFrames = 24
)

// Parse reads what the Go runtime writes when a process crashes, as debug.SetCrashOutput passes it on
// and as it stands on standard error, there with what the program wrote before. It never fails: what
// is torn off is read as far as it goes, and what is no crash at all is taken for its text. Module is
// the module path of the application.
//
// To debug.SetCrashOutput the runtime does not pass on the text of a fatal error (go.dev/issue/76859).
// Parse tells from the stack what it most likely was.
func Parse(output, module string) Report { return parse(output, module, nil) }

// parse is Parse with the runtime's texts by their place in the memory of the process that crashed.
func parse(output, module string, texts map[string]string) Report {
	lines := strings.Split(strings.ReplaceAll(output, "\r\n", "\n"), "\n")
	start := crashStart(lines)
	head, rest := header(lines[start:])
	h := readHeader(head)
	gs := goroutines(rest)
	g, system := h.goroutine(gs, module)
	if len(h.panics) == 0 && h.fatal == "" && h.signal == "" {
		h.fatal = guessFatal(g, system, h.trap, texts)
		if h.fatal == "" && len(gs) == 0 {
			h.other = firstLine(lines)
		}
	}
	r := Report{Goroutine: g.number, State: g.state}
	r.Text, r.Causes = h.text()
	r.Stack = h.trim(g.stack)
	for i := range r.Stack {
		r.Stack[i].App = isApp(r.Stack[i], module)
	}
	return r
}

var (
	goroutineLine = regexp.MustCompile(`^goroutine (\d+)(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[([^\],]*)`)
	signalLine    = regexp.MustCompile(`^SIG[A-Z0-9]+: `)
)

// startsStacks tells whether the stacks begin at a line.
func startsStacks(line string) bool {
	return line == "runtime stack:" || goroutineLine.MatchString(line)
}

// startsText tells whether a line begins what the runtime says about a crash.
func startsText(line string) bool {
	for _, prefix := range []string{"panic: ", "fatal error: ", "[signal ", "unexpected fault address ", "runtime: "} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return signalLine.MatchString(line)
}

// crashStart returns the line where the last crash begins. Before it may stand what the program wrote.
func crashStart(lines []string) int {
	start := -1
	signal := -1
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "panic: "), strings.HasPrefix(line, "fatal error: "):
			start = i
		case signal < 0 && signalLine.MatchString(line):
			signal = i // With GOTRACEBACK=crash, one ends a panic too.
		}
	}
	if start < 0 {
		start = signal
	}
	if start < 0 {
		for i, line := range lines {
			if startsText(line) || startsStacks(line) {
				return i
			}
		}
		return 0
	}
	for start > 0 && startsText(lines[start-1]) {
		start-- // What the runtime says beforehand.
	}
	return start
}

// header returns the lines of the text, and those from the first stack on.
func header(lines []string) (head, rest []string) {
	for i, line := range lines {
		if startsStacks(line) {
			return lines[:i], lines[i:]
		}
	}
	return lines, nil
}

func firstLine(lines []string) string {
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}

// A section is one goroutine's stack, or the runtime's own with the number 0.
type section struct {
	number int64
	state  string
	system bool // the stack of the runtime itself
	stack  trace.Stack
	throw  string // address of the text of the fatal error, if that was on this stack
}

// maxSections bounds how many goroutines are looked at.
const maxSections = 256

// goroutines reads the stacks.
func goroutines(lines []string) []section {
	var all []section
	var s *section
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if startsStacks(line) {
			if len(all) == maxSections {
				break
			}
			all = append(all, section{system: true})
			s = &all[len(all)-1]
			if m := goroutineLine.FindStringSubmatch(line); m != nil {
				s.system = false
				s.state = m[2]
				s.number, _ = strconv.ParseInt(m[1], 10, 64) // 0 if there are too many digits.
			}
			continue
		}
		if s == nil || line == "" {
			s = nil
			continue
		}
		if line[0] == '\t' || i+1 >= len(lines) {
			continue
		}
		file, number, ok := place(lines[i+1])
		if !ok {
			continue
		}
		name, args := call(line)
		if base := name[strings.LastIndexByte(name, '.')+1:]; s.throw == "" && (base == "throw" || base == "fatal") {
			s.throw = args
		}
		s.add(trace.Frame{Function: name, File: file, Line: number})
		i++
	}
	return all
}

// add appends a call. Of a long stack it keeps the innermost and the outermost.
func (s *section) add(f trace.Frame) {
	if len(s.stack) >= maxFrames {
		inner := maxFrames - outerFrames
		s.stack = append(s.stack[:inner], s.stack[inner+1:]...)
	}
	s.stack = append(s.stack, f)
}

// place reads the second line of a call: "\t/path/file.go:12 +0x1d fp=0x… sp=0x… pc=0x…".
func place(line string) (file string, number int, ok bool) {
	line, ok = strings.CutPrefix(line, "\t")
	if !ok {
		return "", 0, false
	}
	for _, behind := range []string{" +0x", " fp=0x", " pc=0x"} {
		line, _, _ = strings.Cut(line, behind)
	}
	colon := strings.LastIndexByte(line, ':')
	if colon < 0 {
		return "", 0, false
	}
	number, err := strconv.Atoi(line[colon+1:])
	if err != nil || number < 0 {
		return "", 0, false
	}
	return line[:colon], number, true
}

// call reads the first line of a call: "main.(*T).run(0x1, {0x2, 0x3?}, ...)", or "created by main.main in goroutine 1".
// address is that of its first argument if that is a text.
func call(line string) (name, address string) {
	if name, ok := strings.CutPrefix(line, "created by "); ok {
		name, _, _ = strings.Cut(name, " in goroutine ")
		return name, ""
	}
	open := strings.LastIndexByte(line, '(')
	if open <= 0 || !strings.HasSuffix(line, ")") {
		return line, ""
	}
	args := line[open+1:]
	if text, ok := strings.CutPrefix(args, "{0x"); ok {
		address, _, _ = strings.Cut(text, ",")
		address = "0x" + strings.TrimRight(address, "?})")
	}
	return line[:open], address
}
