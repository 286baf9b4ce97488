package cli

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

const (
	sourceAround  = 3  // lines of source before and after the one that failed
	framesShown   = 24 // of libraries
	stepsShown    = 10
	outputShown   = 40  // lines of a crash's output
	longestHeader = 300 // columns of a header or a field of a form
)

func (w *dossierWriter) causes(f *fault.Failure) {
	w.heading("What failed (failure " + f.ID.String() + ", " + moment(f.Time, w.dossier.now) + ")")
	w.cause(f.Causes, indentBy)
	if f.Public != "" {
		w.field("shown", f.Public)
	}
}

// cause prints an error and, indented, what it wraps or joins.
func (w *dossierWriter) cause(c fault.Cause, indent int) {
	if c.Type == "" && c.Message == "" {
		return
	}
	w.line(indent, strings.TrimPrefix(c.Type+": "+c.Message, ": "))
	for _, inner := range c.Causes {
		w.cause(inner, indent+2)
	}
	if c.Cut > 0 {
		w.line(indent+2, fmt.Sprintf("and %d more that were not kept", c.Cut), dim)
	}
}

// stack prints the application's own calls first, with their source, and then the others.
func (w *dossierWriter) stack(f *fault.Failure) {
	var own, others []trace.Frame
	for _, frame := range f.Stack {
		if frame.App {
			own = append(own, frame)
		} else {
			others = append(others, frame)
		}
	}
	if len(own) > 0 {
		w.heading("The application's own calls, innermost first" + map[string]string{
			fault.StackPanic: " (where it panicked)", fault.StackWrapped: " (where the error was first wrapped)",
			fault.StackHandled: " (where the error arrived)", fault.StackExit: " (where the goroutine was ended)",
			fault.StackCrash: " (of the goroutine that ended the process)",
		}[f.StackOf])
		for _, frame := range own {
			w.frame(frame, f.Build)
		}
	}
	if len(others) == 0 {
		return
	}
	w.heading("Calls of libraries")
	for _, frame := range others[:min(len(others), framesShown)] {
		w.line(indentBy, frame.Name()+"  "+frame.Short(f.Build.Module), dim)
	}
	if more := len(others) - framesShown; more > 0 {
		w.line(indentBy, fmt.Sprintf("and %d more", more), dim)
	}
}

// frame prints a call with its source, or why there is none.
func (w *dossierWriter) frame(frame trace.Frame, build fault.Build) {
	w.line(indentBy, frame.Name()+"  "+frame.Short(build.Module), bold)
	excerpt, err := w.finder.Lines(frame, build, sourceAround)
	if err != nil {
		w.line(2*indentBy, "No source: "+sentence(err.Error()), dim)
		return
	}
	for _, l := range excerpt.Lines {
		mark := " "
		if l.Hit {
			mark = ">"
		}
		text := fmt.Sprintf("%s%s %5d  %s", strings.Repeat(" ", indentBy), mark, l.Number, plainText(strings.ReplaceAll(l.Text, "\t", "    ")))
		text = w.cut(text)
		if l.Hit {
			text = w.out.paint(text, red)
		}
		fmt.Fprintln(w.out, strings.TrimRight(text, " "))
	}
}

// output prints the end of what a process wrote as it crashed.
func (w *dossierWriter) output(f *fault.Failure) {
	if f.Output == "" {
		return
	}
	w.heading("What the process wrote as it ended")
	lines := strings.Split(strings.TrimRight(f.Output, "\n"), "\n")
	if more := len(lines) - outputShown; more > 0 {
		w.line(indentBy, fmt.Sprintf("(%d lines more; --json has them)", more), dim)
		lines = lines[more:]
	}
	for _, l := range lines {
		fmt.Fprintln(w.out, w.cut("  "+plainText(strings.ReplaceAll(l, "\t", "    "))))
	}
}

func (w *dossierWriter) request(f *fault.Failure) {
	q := f.Request
	if q == nil && f.Task == "" && f.Host == "" {
		return
	}
	title := "Where it happened"
	if q != nil {
		title = "Its request"
	}
	w.heading(title)
	if q != nil {
		w.field("request", strings.TrimSpace(q.Method+" "+q.URL+" "+q.Proto))
		w.field("route", q.Route)
	}
	// What was only reported, or ended the process, was no answer to anybody.
	if f.Status != 0 && !f.Reported && f.Kind != fault.KindCrash && f.Kind != fault.KindEnded {
		status := fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status))
		if f.Begun {
			status += ", but the answer had begun and was cut off"
		}
		w.field("status", status)
	}
	w.field("task", f.Task)
	w.field("user", f.User)
	w.field("request id", f.RequestID)
	w.field("machine", fmt.Sprintf("%s, process %d", f.Host, f.PID))
	w.field("build", strings.TrimPrefix(buildOf(f.Build), ", build "))
	if q == nil {
		return
	}
	w.field("host", q.Host)
	w.field("from", q.RemoteAddr)
	w.values("header", q.Header)
	w.values("form", q.Form)
	for _, file := range q.Files {
		w.field("file", fmt.Sprintf("%s: %q, %s", file.Field, file.Name, size(uint64(max(file.Size, 0)))))
	}
	if q.Cut {
		w.field("", "Some of it was too long and was not kept.")
	}
	if s := f.Response; s != nil {
		w.field("response", "so far: "+s.Summary())
		w.values("", s.Header)
	}
	command, notes := q.Curl(w.base, longestCommand)
	if command == "" {
		return
	}
	w.heading("The same request again")
	for l := range strings.SplitSeq(command, "\n") {
		fmt.Fprintln(w.out, l) // whole and as it is, for the clipboard; Curl leaves nothing in it that a terminal obeys
	}
	for _, note := range notes {
		w.line(indentBy, note, dim)
	}
}

// longestCommand bounds the command that sends the request again, in bytes.
const longestCommand = 4 << 10

func (w *dossierWriter) values(label string, all map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, v := range all[name] {
			w.field(label, fit(plainText(name+": "+v), longestHeader))
			label = ""
		}
	}
}

// steps prints what the request did last.
func (w *dossierWriter) steps(f *fault.Failure) {
	if len(f.Steps) == 0 {
		return
	}
	w.heading("What it did last")
	steps := f.Steps
	if more := len(steps) - stepsShown + f.StepsDropped; len(steps) > stepsShown {
		w.line(indentBy, fmt.Sprintf("(%d before; --json has what was kept of them)", more), dim)
		steps = steps[len(steps)-stepsShown:]
	}
	for _, s := range steps {
		text := s.Kind + "  " + s.Text
		if s.Duration > 0 {
			text += "  " + s.Duration.Round(10*time.Microsecond).String()
		}
		if s.Err != "" {
			text += "  failed: " + s.Err
		}
		w.line(indentBy, text)
	}
}
