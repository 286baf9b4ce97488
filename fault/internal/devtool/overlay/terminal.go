package overlay

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

// problemText is a problem for a terminal: the mistakes and their places first.
func problemText(p *problem.Problem) string {
	var t page
	head := p.Title
	if kind := kindOf(p); kind != "" {
		head = kind + ": " + head
	}
	t.put("", head)
	if p.Hint != "" {
		t.put("", p.Hint)
	}
	if text := underWay(p.Requests); text != "" {
		t.put("", text)
	}
	for i, m := range p.Messages {
		t.blank()
		n := otherAround
		if i == 0 {
			n = firstAround
		}
		if place := at(m.File, m.Line, m.Column); m.File != "" {
			t.verbatim("", line(place))
		} else if m.Path != "" {
			t.verbatim("", line(at(m.Path, m.Line, m.Column)))
		}
		t.put("  ", m.Text)
		t.excerpt(around(m.Excerpt, n), m.Column)
		if m.Hint != "" {
			t.put("  ", m.Hint)
		}
		for _, related := range m.Related {
			t.put("  ", "see "+related)
		}
	}
	if len(p.Stack) > 0 {
		t.blank()
		t.put("", "Calls, innermost first:")
		calls := make([]textCall, len(p.Stack))
		for i, f := range p.Stack {
			calls[i] = textCall{f.App, i == len(p.Stack)-1 && isCreator(p.Output, 0, f.Function), at(f.File, f.Line, 0), f.Function}
		}
		t.calls(calls)
	}
	if p.Output != "" && len(p.Messages)+len(p.Stack) == 0 || p.Output != "" && (p.Kind == problem.Start || p.Kind == problem.Crash) {
		t.blank()
		end, more := tail(p.Output, textTail)
		if more {
			t.put("", "The end of its output:")
		} else {
			t.put("", "Its output:")
		}
		t.verbatim("  ", end)
	}
	t.blank()
	if p.Debugger != "" {
		if len(p.Stack) == 0 {
			t.put("", "The debugger knows where it was.")
		}
		t.verbatim("", "Debugger: "+line(p.Debugger))
	}
	if p.Command != "" {
		t.verbatim("", "$ "+line(p.Command))
	}
	switch {
	case p.Kind == "":
	case p.Newest:
		t.put("", "The newest version is being served.")
	case p.Served:
		t.put("", "Other requests are answered by the last good version meanwhile.")
	default:
		t.put("", "Nothing is being served until this is mended.")
	}
	return t.String()
}

// textCall is one call of a stack.
type textCall struct {
	app, creator    bool
	place, function string
}

// calls writes a stack. Calls that repeat those before them are one line.
func (p *page) calls(all []textCall) {
	names := make([]string, len(all))
	for i, c := range all {
		if c.app && !c.creator {
			names[i] = line(c.function)
		}
	}
	again := repeatsOf(names)
	for i := 0; i < len(all); i++ {
		if len(again) > 0 && i == again[0].from {
			p.verbatim("", "  … "+again[0].text(names))
			i = again[0].to - 1
			again = again[1:]
			continue
		}
		mark, by := "  ", ""
		if all[i].app {
			mark = "> "
		}
		if all[i].creator {
			by = "created by "
		}
		p.verbatim("", mark+line(all[i].place)+"  "+by+line(all[i].function))
	}
}

func waitText(v Waiting) string {
	doing := ""
	if v.Doing != "" {
		doing = " (" + line(v.Doing) + ")"
	}
	return "The application is not ready yet" + doing + ". Please ask again in a moment.\n"
}

// failureText is a failure for a terminal.
func failureText(r *http.Request, f *Failure, status int) string {
	var t page
	head := statusText(status)
	if f.Reported || head == "" {
		head = howFailed(f.Failure)
	}
	if q := f.Request; q != nil {
		head += ": " + q.Method + " " + q.URL
	}
	t.put("", line(head))
	t.put("", f.Message)
	if text := underWay(f.UnderWay); text != "" {
		t.put("", text)
	}
	if f.Begun {
		t.put("", "(The response had begun, so the connection was cut off.)")
	}
	top := slices.IndexFunc(f.Stack, func(c trace.Frame) bool { return c.App })
	if top < 0 && len(f.Stack) > 0 {
		top = 0
	}
	if top >= 0 {
		c := f.Stack[top]
		t.blank()
		t.verbatim("", line(c.Short(f.Build.Module))+"  "+line(c.Name()))
		if source := f.excerpt(top); len(source) > 0 {
			t.excerpt(around(source, firstAround), 0)
		} else if why := whyText(f.why(top)); why != "" {
			t.put("  ", why+".")
		}
	}
	if len(f.Causes.Causes) > 0 {
		t.blank()
		t.put("", "Causes:")
		t.cause("  ", f.Causes)
	}
	if len(f.Stack) > 1 {
		t.blank()
		t.put("", stackText(f.StackOf)+", innermost call first:")
		calls := make([]textCall, len(f.Stack))
		for i, c := range f.Stack {
			creator := isEnd(f.Failure) && i == len(f.Stack)-1 && isCreator(f.Output, f.Goroutine, c.Function)
			calls[i] = textCall{c.App, creator, c.Short(f.Build.Module), c.Name()}
		}
		t.calls(calls)
	}
	if len(f.Steps) > 0 {
		t.blank()
		t.put("", "What the request did:")
		if f.StepsDropped > 0 {
			t.put("  ", fmt.Sprintf("(%s before these)", count(f.StepsDropped, "step", "steps")))
		}
		for _, s := range f.Steps {
			text := s.Kind + "  " + strings.Join(strings.Fields(lines(s.Text)), " ")
			if len(s.Args) > 0 {
				text += "  [" + strings.Join(s.Args, ", ") + "]"
			}
			if s.Duration > 0 {
				text += "  " + took(s.Duration)
			}
			t.put("  ", line(text))
			if s.Err != "" {
				t.put("      ", s.Err)
			}
		}
	}
	if q := f.Request; q != nil {
		t.blank()
		t.put("", "Request:")
		t.verbatim("  ", line(q.Method+" "+q.URL))
		if f.User != "" {
			t.verbatim("  ", "User: "+line(f.User))
		}
		for _, h := range []map[string][]string{q.Header, q.Form} {
			for _, name := range slices.Sorted(maps.Keys(h)) {
				for _, value := range h[name] {
					t.verbatim("  ", line(name)+": "+line(value))
				}
			}
		}
	}
	if q := f.Request; q != nil && q.Body != "" {
		t.blank()
		t.put("", "Its body:")
		for text := range strings.Lines(q.Body) {
			t.verbatim("  ", line(strings.TrimRight(text, "\r\n")))
		}
	}
	if s := f.Response; s != nil {
		t.blank()
		t.put("", "Response so far:")
		t.verbatim("  ", line(s.Summary()))
		for _, name := range slices.Sorted(maps.Keys(s.Header)) {
			for _, value := range s.Header[name] {
				t.verbatim("  ", line(name)+": "+line(value))
			}
		}
	}
	t.blank()
	t.verbatim("", "Failure "+f.ID.String()+whenText(f.Failure, f.Generation))
	if f.Answer != "" && strings.HasPrefix(f.Answer, Prefix) {
		t.verbatim("", "What a visitor would have got: "+line(baseURL(r)+f.Answer))
	}
	if debugger := debuggerOf(r, f.Debugger); debugger != "" {
		t.verbatim("", "Debugger: "+line(debugger))
	}
	return t.String()
}

// whenText tells when a failure happened and in which version.
func whenText(f *fault.Failure, generation int) string {
	s := ""
	if !f.Time.IsZero() {
		s += " at " + f.Time.Local().Format(time.TimeOnly)
	}
	if generation > 0 {
		s += " in version " + strconv.Itoa(generation)
	}
	return s
}

func (p *page) cause(indent string, c fault.Cause) {
	text := c.Message
	if c.Type != "" {
		text = line(c.Type) + "  " + text
	}
	p.put(indent, text)
	if c.Cut > 0 {
		p.put(indent, "  ("+count(c.Cut, "further cause", "further causes")+")")
	}
	for _, inner := range c.Causes {
		p.cause(indent+"  ", inner)
	}
}

func overviewText(o Overview) string {
	var t page
	t.verbatim("", line(o.Package))
	state := "nothing is served"
	if o.Generation > 0 {
		state = "version " + strconv.Itoa(o.Generation)
		if o.Built > 0 {
			state += ", built in " + took(o.Built)
		}
	}
	if o.Doing != "" {
		state += ", " + line(o.Doing)
	}
	t.put("", state)
	if o.Problem != nil {
		t.blank()
		t.WriteString(problemText(o.Problem))
	}
	if len(o.Failures) > 0 {
		t.blank()
		t.put("", count(len(o.Failures), "failure", "failures")+", newest first:")
		for _, f := range o.Failures {
			asked := occasionOf(f.Failure)
			if f.Request != nil {
				asked = f.Request.Method + " " + f.Request.URL
			}
			t.verbatim("  ", line(f.Time.Local().Format(time.TimeOnly)+"  "+f.ID.String()+"  "+asked))
			t.put("    ", clip(f.Message, 400))
		}
	}
	if o.Mailbox != "" {
		t.blank()
		t.verbatim("", "Mails are at "+line(o.Mailbox))
	}
	return t.String()
}
