package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// maxTitle bounds a title, in characters.
const maxTitle = 120

// Group tells which failures belong together. Keys of failures that do not are different.
type Group struct {
	// Key stands for the kind, the types of the errors, the messages as [Normalise] returns them, and
	// the functions, files and lines of the application's own calls. It is 32 hexadecimal digits, and
	// so are Coarse and Place.
	Key string
	// Coarse is Key without the lines, so that it outlives an edit of the source. Two places in one
	// function may have the same.
	Coarse string
	// Place is Coarse without the messages.
	Place string
	// Title is what failed, in the failure's own words: one line of at most 120 characters, safe to
	// show as text. Those of a group differ in data.
	Title string
	// Culprit names the innermost of the application's own calls for people, "web.(*Server).profile".
	// Without one it is the route, the task or the innermost call of all, or "".
	Culprit string
	// Line is the line of that call in its file, 0 if it is not the application's own: of several
	// keys with the same Coarse those with the nearest lines are likely the same.
	Line int
}

// GroupOf returns the group of a failure. It depends on the failure alone, so that every process
// counts alike. A process that crashed is grouped by what it wrote as it ended; one that ended
// without a word by the reason.
func GroupOf(f *fault.Failure) Group {
	if f.Kind == fault.KindEnded {
		key := hashOf(string(f.Kind), f.Causes.Type)
		return Group{Key: key, Coarse: key, Place: key, Title: titleOf(f)}
	}
	o := ownCallsOf(f.Stack)
	place := append([]string{string(f.Kind)}, typesOf(f.Causes, nil)...)
	place = append(place, o.functions...)
	place = append(place, elsewhere(f, o)...)
	g := Group{Place: hashOf(place...), Title: titleOf(f), Culprit: culpritOf(f, o), Line: o.line}
	g.Coarse = hashOf(append([]string{g.Place}, messagesOf(f)...)...)
	g.Key = hashOf(append([]string{g.Coarse}, o.lines...)...)
	return g
}

// ownCalls are the application's own calls of a stack, innermost first, each function once: how deep
// a recursion went is data.
type ownCalls struct {
	functions []string // with their files
	lines     []string
	culprit   string
	line      int
	closure   bool // the only one is a function without a name
}

func ownCallsOf(stack trace.Stack) (o ownCalls) {
	for _, f := range stack {
		if !f.App {
			continue
		}
		name, closure := functionName(f)
		id := name
		if closure {
			// Of one that was inlined with what surrounds it, the name begins with the function that
			// it was inlined into, if the compiler saw fit.
			id = name[strings.LastIndexByte(name, '.')+1:]
		}
		id = f.Package() + " " + id + " " + fileName(f)
		if o.culprit == "" {
			o.culprit, o.line, o.closure = path.Base(f.Package())+"."+name, f.Line, closure
		}
		if !slices.Contains(o.functions, id) {
			o.functions = append(o.functions, id)
			o.lines = append(o.lines, strconv.Itoa(f.Line))
		}
	}
	o.closure = o.closure && len(stack) == 1
	return o
}

func fileName(f trace.Frame) string { return path.Base(strings.ReplaceAll(f.File, `\`, "/")) }

// generated are what the toolchain appends, with a number, to the name of the function around one
// without a name of its own; "" is for those within such a one.
var generated = []string{".func", ".gowrap", ".deferwrap", "-range", "."}

// functionName returns the name of a frame's function as the source has it, without its package: the
// next edit changes the numbers of those without a name. closure tells that it is such a one; the
// name is then that of the function around it.
func functionName(f trace.Frame) (name string, closure bool) {
	name = strings.TrimSuffix(strings.ReplaceAll(f.Name(), "[...]", ""), "-fm")
	_, name, _ = strings.Cut(name, ".")
	for {
		short := withoutNumber(name)
		if short == name || short == "" {
			return name, closure
		}
		name, closure = short, true
	}
}

func withoutNumber(name string) string {
	rest := strings.TrimRight(name, "0123456789")
	if rest == name {
		return name
	}
	for _, suffix := range generated {
		if short, ok := strings.CutSuffix(rest, suffix); ok {
			return strings.TrimRight(short, ".")
		}
	}
	return name
}

// elsewhere returns what tells places apart beside the application's own calls: without one the
// route or the task, and the library's function.
func elsewhere(f *fault.Failure, o ownCalls) []string {
	task := Normalise(f.Task)
	switch {
	case len(o.functions) == 0:
		return []string{routeOf(f), task, innermost(f.Stack)}
	case f.StackOf == fault.StackHandled && o.closure:
		return []string{routeOf(f)} // Perhaps the function that wraps all the handlers.
	case f.StackOf == fault.StackHandled && task != "":
		return []string{task} // All that is known is where it was started.
	}
	return nil
}

func routeOf(f *fault.Failure) string {
	if f.Request == nil {
		return ""
	}
	return f.Request.Route
}

// innermost names the innermost function that is not the runtime's.
func innermost(stack trace.Stack) string {
	for _, f := range stack {
		if pkg := f.Package(); pkg != "runtime" && pkg != "" && !strings.HasPrefix(pkg, "internal/runtime/") {
			name, _ := functionName(f)
			return pkg + "." + name
		}
	}
	return ""
}

func culpritOf(f *fault.Failure, o ownCalls) string {
	for _, name := range []string{o.culprit, routeOf(f), f.Task} {
		if name != "" {
			return printable(name)
		}
	}
	name := innermost(f.Stack)
	return printable(name[strings.LastIndexByte(name, '/')+1:])
}

// plainTypes are those of errors that tell no more than their text, or than what they wrap.
var plainTypes = []string{
	"*errors.errorString", "*fmt.wrapError", "*fmt.wrapErrors", "*errors.joinError", "*trace.wrapped", "*trace.made",
}

// typesOf returns the types of a tree of errors, of several alike that are joined only one.
func typesOf(c fault.Cause, found []string) []string {
	if !slices.Contains(plainTypes, c.Type) {
		found = append(found, "type "+c.Type)
	}
	if len(c.Causes) == 1 {
		return typesOf(c.Causes[0], found)
	}
	var branches []string
	for _, inner := range c.Causes {
		branches = append(branches, strings.Join(typesOf(inner, nil), " "))
	}
	slices.Sort(branches)
	return append(found, slices.Compact(branches)...)
}

// messagesOf returns the texts of a tree of errors without data: of several alike that are joined only
// one, in whichever order they came.
func messagesOf(f *fault.Failure) []string {
	r := requestedBy(f)
	if f.Causes.Message == "" && f.Causes.Type == "" {
		return []string{Normalise(r.remove(f.Message))}
	}
	return textsOf(f.Causes, r)
}

func textsOf(c fault.Cause, r requested) []string {
	fork := c
	for len(fork.Causes) == 1 {
		fork = fork.Causes[0]
	}
	if len(fork.Causes) == 0 {
		return []string{Normalise(r.remove(c.Message))}
	}
	around := c.Message // Without what the branches say.
	var branches []string
	for _, inner := range fork.Causes {
		if inner.Message != "" {
			around = strings.Replace(around, inner.Message, "", 1)
		}
		branches = append(branches, strings.Join(textsOf(inner, r), "\n"))
	}
	slices.Sort(branches)
	return append([]string{Normalise(r.remove(around))}, slices.Compact(branches)...)
}

// titleOf returns what a person reads of a failure in a list.
func titleOf(f *fault.Failure) string {
	for _, text := range []string{f.Message, f.Causes.Message, f.Causes.Type, string(f.Kind)} {
		if text = printable(text); text != "" {
			return cutMiddle(text, maxTitle)
		}
	}
	return "a failure without a text"
}

// printable returns a text as one line, its lines divided by "; " as the log has them, without what
// could make it read like something else: control characters and those that change the direction of
// writing.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r':
			return '\n'
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case r == '\u200D' || r == '\u200C': // Joiners, which scripts and emoji need.
			return r
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// cutMiddle cuts a text to so many characters. What was being done stands at its beginning and the
// cause at its end, so it is the middle that goes.
func cutMiddle(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	runes := []rune(s)
	head, tail := most*2/5, len(runes)-(most-most*2/5-3)
	// To the ends of words, unless that costs much.
	for i := head; i > head-16; i-- {
		if runes[i] == ' ' {
			head = i
			break
		}
	}
	for i := tail; i < tail+16; i++ {
		if runes[i-1] == ' ' {
			tail = i
			break
		}
	}
	return strings.TrimSpace(string(runes[:head])) + " … " + strings.TrimSpace(string(runes[tail:]))
}

// hashOf stands for a list of texts.
func hashOf(parts ...string) string {
	list, _ := json.Marshal(parts) // Texts can always be marshalled.
	sum := sha256.Sum256(list)
	return hex.EncodeToString(sum[:16])
}
