// Package explain tells what a failure most likely means, in the terms of the code and the values of the call in which it
// happened, and what to try.
//
// A recorded failure holds the texts and the types of its errors, not the errors, so texts are what is recognised here.
// Nothing but what people read depends on that. What is said of a value was looked up; where nothing could be looked up, an
// explanation says what is likely and that it is.
package explain

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/visible"
	"example.org/microblog/fault/redact"
)

// An Explanation is what one error of a failure means. Code within its texts is in backquotes. Characters that act on a
// terminal or hide are spelled out, but for a page its texts are as foreign as the failure's own.
type Explanation struct {
	Title string   `json:"title"` // a few words: "Write to a nil map"
	Text  string   `json:"text"`  // whole sentences
	Try   []string `json:"try,omitempty"`
	// Mark is the part of the call's line that failed; nil if that is not known.
	Mark *Mark `json:"-"`
}

// A Mark is a piece of a line of code.
type Mark struct {
	Line     int // its number, from 1
	From, To int // bytes of its text as Call.Lines have it, To behind the last one
}

// A Call is the one that is looked at, normally the innermost of the application's own.
type Call struct {
	// Lines are the code around the call's line, which has Hit; nil is unknown.
	Lines []problem.Line
	// File has the lines, if it may be read: what it imports tells the names of packages from others. "" is none.
	File string
	// Function is the call's own function by its full name, "" is not known: one that is no function literal did nothing of what the
	// literals on its line do.
	Function string
	// Below is the function that this line has called and in which it happened, however many calls further: "strings.Repeat".
	// "" means that it happened in this call itself.
	Below string
	// Called is the function that this line itself has called then: "strings.Repeat"; "" is not known.
	Called string
	// Elsewhere says that this is not where a panic happened that is among the errors: something recovered it and made it
	// the error that this call has got.
	Elsewhere bool
	// Lookup evaluates a Go expression in the call and returns its value as text, or false if it cannot. It is asked
	// for nothing that calls a function of a program, and at most 64 times; "p == nil" and the like must give "true" or
	// "false". nil means that there is no debugger: what is said then is what the text and the code tell.
	Lookup func(expression string) (value string, ok bool)
}

// At is the call of f's stack with that index, as a Call without Lookup. Of a stack that a debugger shows, which need not be
// f's, make the Call by hand.
func At(f *fault.Failure, index int, lines []problem.Line) Call {
	c := Call{Lines: lines, Elsewhere: f.StackOf == fault.StackWrapped || f.StackOf == fault.StackHandled}
	if index >= 0 && index < len(f.Stack) {
		c.Function = f.Stack[index].Function
		if lines != nil {
			c.File = f.Stack[index].File
		}
	}
	for _, frame := range f.Stack[:min(max(index, 0), len(f.Stack))] {
		// The runtime is how a panic comes about, not where.
		if pkg := frame.Package(); pkg != "runtime" && !strings.HasPrefix(pkg, "internal/runtime/") {
			c.Below, c.Called = frame.Name(), f.Stack[index-1].Name()
			break
		}
	}
	return c
}

const (
	maxExplanations = 4
	maxLookups      = 64
	maxShown        = 160 // bytes of a piece of code or a value
)

// Explain returns what is known about the errors of a failure, the root of it first: at most 4, nil if nothing is. It may be
// called by several goroutines at once if the Lookup may. It takes no longer than some milliseconds and its lookups.
func Explain(f *fault.Failure, call Call) []Explanation {
	s := &subject{f: f, call: call, code: newCode(call.Lines)}
	s.code.literals = call.Function == "" || inLiteral.MatchString(call.Function)
	s.hidden = s.code.hidden()
	s.here = call.Below == ""
	type found struct {
		Explanation
		depth int
	}
	var all []found
	said := map[string]bool{}
	s.walk(f.Causes, 0, func(c fault.Cause, depth int) {
		r, m := match(c)
		if r == nil || said[r.topic] {
			return
		}
		said[r.topic] = true
		if r.topic == topicHang { // It comes of the panic, which the others are about.
			depth = -1
		}
		all = append(all, found{s.fill(r, m), depth})
	})
	for _, r := range s.circumstances() {
		if !said[r.topic] {
			said[r.topic] = true
			all = append(all, found{s.fill(r, nil), -1})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.depth, a.depth) })
	var explanations []Explanation
	for _, e := range all[:min(len(all), maxExplanations)] {
		explanations = append(explanations, e.Explanation)
	}
	return explanations
}

// subject is what is explained.
type subject struct {
	f       *fault.Failure
	call    Call
	code    *code
	here    bool // it happened in the call itself
	lookups int
	// hidden are the names that the line gives to new variables, while it uses others of that name.
	hidden map[string]bool
	// packages are the names of those that the code's file imports, once they have been asked for.
	packages map[string]bool
}

// walk visits the causes, the outer before the inner.
func (s *subject) walk(c fault.Cause, depth int, visit func(fault.Cause, int)) {
	visit(c, depth)
	for _, inner := range c.Causes {
		s.walk(inner, depth+1, visit)
	}
}

// lookup is Call.Lookup within its bounds.
func (s *subject) lookup(expression string) (string, bool) {
	if s.call.Lookup == nil || s.lookups >= maxLookups || len(s.hidden) > 0 && uses(expression, s.hidden) {
		return "", false
	}
	s.lookups++
	return s.call.Lookup(expression)
}

// inLiteral is the name of a function literal.
var inLiteral = regexp.MustCompile(`\.func\d+(?:\.\d+|\.func\d+|-range\d+|\.gowrap\d+|\.deferwrap\d+)*$`)

// truth is what a condition is; known is false if it cannot be told.
func (s *subject) truth(condition string) (is, known bool) {
	switch v, ok := s.lookup(condition); {
	case ok && v == "true":
		return true, true
	case ok && v == "false":
		return false, true
	}
	return false, false
}

// refuted tells whether a condition is known to be false.
func (s *subject) refuted(condition string) bool {
	is, known := s.truth(condition)
	return known && !is
}

// holds tells whether a condition is known to be true.
func (s *subject) holds(condition string) bool {
	is, known := s.truth(condition)
	return is && known
}

// value is the value of an expression in backquotes with a text before it, "" if it cannot be told, or if the expression is it. A text under
// a secret's name is masked: an explanation is copied to where others read it.
func (s *subject) value(before, expression string) string {
	v, ok := s.lookup(expression)
	if !ok || v == "" || v == expression {
		return ""
	}
	if strings.ContainsAny(v, "\"`") && (*redact.Redactor)(nil).IsSecretKey(expression) {
		v = redact.Mask
	}
	return before + quoted(v)
}

// sentence tells the value of an expression, "" if it cannot be told.
func (s *subject) sentence(expression string) string {
	if v := s.value(quoted(expression)+" is ", expression); v != "" {
		return v + "."
	}
	return ""
}

// rule is what is known about one kind of error.
type rule struct {
	topic string // rules of one topic say the same; the first that applies speaks
	// types are Go's names of the error's type, which may end in *; nil is any. An error whose type tells nothing, such as
	// the one of errors.New, may be a copy of such an error's text, unless strict is set.
	types  []string
	strict bool
	text   string // a regular expression that the error's text must match
	// wraps says that such an error may be one of fmt.Errorf that wraps another.
	wraps bool

	// What to say. $1 is what the first group of text has matched.
	title, say string
	try        []string
	// more adds what this call tells.
	more func(s *subject, m []string, e *Explanation)

	expression *expression
}

// match returns the first rule for an error, and what its text matched.
func match(c fault.Cause) (*rule, []string) {
	typ := strings.TrimPrefix(c.Type, "panic of ")
	text := c.Message
	if strings.HasPrefix(c.Type, "panic") {
		text = strings.TrimPrefix(text, "panic: ")
	}
	plain := len(c.Causes) == 0 && isPlain(typ)
	for _, r := range rules() {
		if r.types != nil && !fits(r.types, typ) && (r.strict || !plain) {
			continue
		}
		if r.types == nil && len(c.Causes) > 0 && isPlain(typ) && !r.wraps {
			continue // It only passes on what its cause says.
		}
		if m := r.expression.match(text); m != nil {
			return r, m
		}
	}
	return nil, nil
}

func fits(types []string, typ string) bool {
	return slices.ContainsFunc(types, func(t string) bool {
		prefix, open := strings.CutSuffix(t, "*")
		return t == typ || open && strings.HasPrefix(typ, prefix)
	})
}

// isPlain tells whether a type of errors means nothing but a text.
func isPlain(typ string) bool {
	switch typ {
	case "", "*errors.errorString", "*errors.joinError", "*fmt.wrapError", "*fmt.wrapErrors", "*trace.made", "*trace.wrapped",
		"*fault.Error", "*fault.panicked", "string", "panic", "crash", "errorString":
		return true
	}
	return false
}

// fill makes the explanation of a rule.
func (s *subject) fill(r *rule, m []string) Explanation {
	e := Explanation{Title: expand(r.title, m), Text: expand(r.say, m)}
	for _, t := range r.try {
		if t = expand(t, m); t != "" {
			e.Try = append(e.Try, t)
		}
	}
	switch {
	case r.strict && s.call.Elsewhere:
		if r.more != nil {
			r.more(&subject{f: s.f, code: newCode(nil), here: true}, m, &e)
		}
		e.add("It was recovered on its way here, so this call tells nothing about it.")
	case r.more != nil:
		r.more(s, m, &e)
	}
	if e.Mark == nil && !s.here && (s.f.StackOf == fault.StackPanic || s.f.StackOf == fault.StackCrash) {
		e.Mark = s.failedCall()
	}
	e.Title, e.Text = visible.Line(e.Title), visible.Line(strings.TrimSpace(e.Text))
	for i, t := range e.Try {
		e.Try[i] = visible.Line(t)
	}
	return e
}

// add appends sentences to an explanation's text.
func (e *Explanation) add(sentences ...string) {
	for _, s := range sentences {
		if s != "" {
			e.Text += " " + s
		}
	}
}

// first puts a thing to try before the others.
func (e *Explanation) first(try string) { e.Try = slices.Insert(e.Try, 0, try) }

// expand puts the groups of a match into a text, as code where the text has them in backquotes.
func expand(text string, m []string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) || text[i+1] != '$' && (text[i+1] < '0' || text[i+1] > '9') {
			b.WriteByte(text[i])
			continue
		}
		if i++; text[i] == '$' { // "$$" is a dollar.
			b.WriteByte('$')
			continue
		}
		if n := int(text[i] - '0'); n < len(m) {
			b.WriteString(bare(m[n]))
		}
	}
	return strings.ReplaceAll(b.String(), " ``", "") // What the error does not tell.
}

// bare makes a text fit to stand between backquotes, on one line and not too long.
func bare(s string) string {
	s = strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "`", "'")
	if len(s) > maxShown {
		end := maxShown
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return s
}

func quoted(s string) string { return "`" + bare(s) + "`" }

// list joins things for a sentence: "a, b and c".
func list(things []string) string {
	if len(things) < 2 {
		return strings.Join(things, "")
	}
	last := len(things) - 1
	return strings.Join(things[:last], ", ") + " and " + things[last]
}
