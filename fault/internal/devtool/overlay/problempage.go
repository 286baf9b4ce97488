package overlay

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault/internal/devtool/problem"
)

// How much code is shown around a line.
const (
	firstAround = 5
	otherAround = 2
)

// problemPage is the page about a problem.
type problemPage struct {
	shell
	Kind     string
	Heading  string
	Hint     string
	Messages []messageView
	Calls    []callView
	Groups   []callGroup
	Command  string
	Output   string
	Fold     bool // the output is folded, since the messages say it better
	Served   bool
	Newest   bool
	Over     bool // there is no problem
	GoOn     string
	Time     string
	Text     string // the whole, for a clipboard
	UnderWay string // which requests were
	Debugger string // where the debugger shows it; "" is none
	Embed    string // the same, for a frame over this page; "" is that it is shown in a tab of its own
}

// messageView is a mistake.
type messageView struct {
	Place   place
	Head    string // the first line of what it says
	Rest    string // further lines
	Hint    string
	Lines   []codeLine
	Related []string
}

// callView is a call of a stack.
type callView struct {
	Number   int // in the whole stack, from 0
	Function string
	Place    place
	App      bool
	Lines    []codeLine
	Why      string // why there are no Lines
	Open     bool
	Top      bool // it is the one that is shown at the top of the page
	Creator  bool // it is no call: it has started the goroutine
	Room     bool // it is opened even without Lines: there is a debugger
}

// callGroup is one call of the application, or those of libraries that follow each other, or ones that repeat those before.
type callGroup struct {
	App   bool
	Same  bool
	Label string
	Calls []callView
}

func kindText(k problem.Kind) string {
	switch k {
	case problem.Build:
		return "It does not build"
	case problem.Vet:
		return "go vet has found a mistake"
	case problem.Template:
		return "A template does not load"
	case problem.Start:
		return "It does not start"
	case problem.Crash:
		return "It has crashed"
	}
	return line(string(k))
}

// kindOf is the kind of a problem, "" where its title says it.
func kindOf(p *problem.Problem) string {
	if p.Kind == problem.Crash && strings.HasPrefix(p.Title, "The application ") {
		return ""
	}
	return kindText(p.Kind)
}

func problemPageOf(r *http.Request, p *problem.Problem, to string, framed bool) problemPage {
	to = localPath(to)
	v := problemPage{
		shell: shellOf(r, line(p.Title), "problem", ""),
		Kind:  kindOf(p), Heading: line(p.Title), Hint: lines(p.Hint),
		Command: line(p.Command), Output: lines(strings.TrimRight(p.Output, "\n")),
		Served: p.Served, Newest: p.Newest, Over: p.Kind == "",
		GoOn: Prefix + "last-good?to=" + url.QueryEscape(to), Text: problemText(p), UnderWay: underWay(p.Requests),
	}
	if !p.Time.IsZero() {
		v.Time = p.Time.Format(time.TimeOnly)
	}
	v.ID, v.Framed = line(p.ID), framed
	if v.Debugger = p.Debugger; v.Debugger != "" && !framed {
		v.Embed = framedAt(v.Debugger)
	}
	if !v.Over {
		v.State = v.ID + "," + strconv.FormatBool(p.Served) + "," + strconv.FormatBool(p.Newest)
	}
	if strings.HasPrefix(r.URL.Path, Prefix) {
		v.To = to // It is not the page that was asked for.
	}
	for i, m := range p.Messages {
		n := otherAround
		if i == 0 {
			n = firstAround
		}
		v.Messages = append(v.Messages, messageOf(m, n))
	}
	v.Fold = len(v.Messages) > 0 || len(p.Stack) > 0
	shown := false
	for i, f := range p.Stack {
		c := callView{
			Number: i, Function: line(f.Function), Place: placeOf(f.File, f.Path, f.Line, 0), App: f.App,
			Lines: excerptOf(f.File, around(f.Excerpt, 3), 0), Creator: i == len(p.Stack)-1 && isCreator(p.Output, 0, f.Function),
		}
		if f.App && len(p.Messages) > 0 && p.Messages[0].Path == f.Path && p.Messages[0].Line == f.Line {
			c.Top = true
		} else if f.App && !shown && len(c.Lines) > 0 {
			c.Open, shown = true, true
		}
		v.Calls = append(v.Calls, c)
	}
	v.Groups = groupsOf(v.Calls)
	return v
}

func messageOf(m problem.Message, n int) messageView {
	head, rest, _ := strings.Cut(strings.Trim(lines(m.Text), "\n"), "\n")
	v := messageView{
		Place: placeOf(m.File, m.Path, m.Line, m.Column), Head: strings.TrimSpace(head), Rest: rest, Hint: lines(m.Hint),
		Lines: excerptOf(m.File, around(m.Excerpt, n), m.Column),
	}
	for _, related := range m.Related {
		v.Related = append(v.Related, line(related))
	}
	return v
}

// groupsOf puts the calls of libraries together that follow each other.
func groupsOf(calls []callView) []callGroup {
	var groups []callGroup
	names := make([]string, len(calls))
	for i, c := range calls {
		if c.App && !c.Creator {
			names[i] = c.Function
		}
	}
	again := repeatsOf(names)
	for i, c := range calls {
		if len(again) > 0 && i >= again[0].to {
			again = again[1:]
		}
		if len(again) > 0 && i >= again[0].from {
			if i == again[0].from {
				groups = append(groups, callGroup{Same: true, Label: again[0].text(names)})
			}
			c.Open = false
			groups[len(groups)-1].Calls = append(groups[len(groups)-1].Calls, c)
			continue
		}
		if n := len(groups); !c.App && n > 0 && !groups[n-1].App && !groups[n-1].Same {
			groups[n-1].Calls = append(groups[n-1].Calls, c)
			continue
		}
		groups = append(groups, callGroup{App: c.App, Calls: []callView{c}})
	}
	for i, g := range groups {
		if !g.App && !g.Same {
			groups[i].Label = count(len(g.Calls), "call", "calls") + " in " + packagesOf(g.Calls)
		}
	}
	return groups
}

// packagesOf names the packages of calls, in their order.
func packagesOf(calls []callView) string {
	var names []string
	for _, c := range calls {
		slash := strings.LastIndexByte(c.Function, '/') + 1
		name, _, _ := strings.Cut(c.Function[slash:], ".")
		if name = c.Function[:slash] + name; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch len(names) {
	case 0:
		return "libraries"
	case 1:
		return names[0]
	case 2:
		return names[0] + " and " + names[1]
	}
	return names[0] + ", " + names[1] + " and " + count(len(names)-2, "more package", "more packages")
}

// repeat is the middle of a run of calls that repeat those before them: calls of functions that call themselves, or each other.
type repeat struct{ from, to, period int }

const (
	maxPeriod   = 4 // functions that call each other
	leastRepeat = 4 // calls that are folded
)

// repeatsOf finds where the names of functions repeat. The first and the last ones of each run are no part of it; "" is like no other.
func repeatsOf(names []string) (all []repeat) {
	for i := 0; i < len(names); {
		end := i + 1
		for period := 1; period <= maxPeriod; period++ {
			n := i + period
			for n < len(names) && names[n] != "" && names[n] == names[n-period] {
				n++
			}
			if n-i-2*period >= leastRepeat {
				all = append(all, repeat{i + period, n - period, period})
				end = n
				break
			}
		}
		i = end
	}
	return all
}

// text is what stands for the calls.
func (r repeat) text(names []string) string {
	what := "more calls like this"
	if r.period > 1 {
		what = "more calls like these"
	}
	return strings.Join(names[r.from-r.period:r.from], ", ") + ": " + strconv.Itoa(r.to-r.from) + " " + what
}

var goroutineHead = regexp.MustCompile(`(?m)^goroutine (\d+) .*\[`)

// isCreator tells whether a function has started the goroutine, by what the Go runtime says of it in its output. The number 0 is
// the first goroutine there.
func isCreator(output string, number int64, function string) bool {
	for _, at := range goroutineHead.FindAllStringSubmatchIndex(output, -1) {
		if n := output[at[2]:at[3]]; number != 0 && n != strconv.FormatInt(number, 10) {
			continue
		}
		stack, _, _ := strings.Cut(output[at[0]:], "\n\n")
		return strings.Contains(stack+"\n", "\ncreated by "+function+" in goroutine ") || strings.Contains(stack+"\n", "\ncreated by "+function+"\n")
	}
	return false
}
