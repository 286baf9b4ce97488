package reproduce

import (
	"errors"
	"go/ast"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// kit is the import path of package fault.
var kit = reflect.TypeFor[fault.Catcher]().PkgPath()

// Find looks in the source of the application for what answers the request in a test. It reads the packages of the
// application's calls and the program's own, where they lie in the module that the failure names, as they are now. What it
// cannot find it leaves out; Looked says why then.
//
// It prefers what makes the whole handler (a function without parameters, or with those that a test has, that returns one and
// whose code leads to the function that failed) to that function alone. Where a test of that package asks for the same address, it is
// called as there; where its code leads there on a condition only, the function alone comes first.
func Find(f *fault.Failure) TestOptions {
	o, err := find(f)
	if err != nil {
		return TestOptions{Looked: err.Error()}
	}
	return o
}

var errNoSource = errors.New("the source of the application could not be read")

func find(f *fault.Failure) (TestOptions, error) {
	var m *module
	var calls []call
	for i, frame := range f.Stack {
		if !frame.App || !filepath.IsAbs(frame.File) {
			continue
		}
		if m == nil {
			m = moduleOf(frame)
		}
		if m == nil {
			continue
		}
		pkg := m.of(frame)
		if pkg == nil {
			continue
		}
		c := call{pkg: pkg, name: parseName(frame), outermost: i+1 >= len(f.Stack) || !f.Stack[i+1].App}
		c.decl = pkg.function(c.name)
		calls = append(calls, c)
	}
	if len(calls) == 0 {
		return TestOptions{}, errNoSource
	}
	s := search{f: f, module: m, calls: calls}
	return s.best()
}

// call is one of the application's calls of a stack.
type call struct {
	pkg       *goPackage
	name      funcName
	decl      *function // nil is not found
	outermost bool      // a library has called it
}

// funcName is the name of a function as the runtime has it, in parts.
type funcName struct {
	receiver string // the type, without a star; "" is none
	name     string // of the declared function
	literal  bool   // it is a function literal within that
}

// parseName takes the name of a frame's function to pieces.
func parseName(frame trace.Frame) funcName {
	rest := strings.TrimPrefix(frame.Name()[strings.IndexByte(frame.Name(), '.')+1:], ".")
	rest = strings.TrimSuffix(rest, "-fm")
	for { // type arguments
		from, to := strings.IndexByte(rest, '['), strings.LastIndexByte(rest, ']')
		if from < 0 || to < from {
			break
		}
		rest = rest[:from] + rest[to+1:]
	}
	var n funcName
	if strings.HasPrefix(rest, "(*") {
		n.receiver, rest, _ = strings.Cut(rest[2:], ").")
	}
	var names []string
	for part := range strings.SplitSeq(rest, ".") {
		if isLiteral(part) {
			n.literal = true
		} else if part != "" {
			names = append(names, part)
		}
	}
	switch {
	case len(names) == 0:
	case n.receiver == "" && len(names) == 2 && !n.literal:
		n.receiver, n.name = names[0], names[1]
	case n.receiver == "" && len(names) > 1: // a method's literal, or what was inlined
		n.receiver, n.name = names[len(names)-2], names[len(names)-1]
	default:
		n.name = names[len(names)-1]
	}
	return n
}

// isLiteral tells whether it is a part of a name that the compiler gives to function literals: "func1", "2", "gowrap1".
func isLiteral(part string) bool {
	for _, prefix := range []string{"func", "gowrap", "deferwrap", ""} {
		if digits, has := strings.CutPrefix(part, prefix); has {
			if _, err := strconv.Atoi(digits); err == nil {
				return true
			}
		}
	}
	return false
}

// search looks for a handler.
type search struct {
	f      *fault.Failure
	module *module
	calls  []call
}

// candidate is something that can answer the request.
type candidate struct {
	pkg        *goPackage
	test       bool   // its package is the external test package of pkg
	name       string // for people
	setup      []string
	expression string // "Handler()"
	why        string
	score      int
	inner      int // how many other candidates it leads to
	imports    []string
	decl       *function
	alone      bool // it is the handler that failed and not all of the application's
}

// How good candidates are. What may not know the route comes last.
const (
	scoreWhole   = 100 // it makes the application's handler
	scoreForTest = 10  // more, if it is made for tests
	scoreUsed    = 5   // more, if a test asks for the route with it; twice that if for the very address
	scoreAlone   = 80  // the function that failed
	scoreMethod  = 75  // the method that failed
	scoreMaybe   = 60
)

// best returns the best candidate as options.
func (s *search) best() (TestOptions, error) {
	target := s.target()
	if target == nil {
		return TestOptions{}, errors.New("none of the application's calls is that of a handler, func(http.ResponseWriter, *http.Request)")
	}
	all, near := s.constructors(target)
	if alone := s.handler(target); alone != nil {
		all = append(all, *alone)
	}
	if len(all) == 0 {
		text := "nothing was found that makes the handler without arguments, and " + target.name.String() + " cannot be called by itself"
		if len(near) > 0 {
			text += "; these need arguments: " + strings.Join(near[:min(len(near), 4)], ", ")
		}
		return TestOptions{}, errors.New(text)
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		if a.score != b.score {
			return b.score - a.score
		}
		return b.inner - a.inner
	})
	c := all[0]
	o := TestOptions{
		Package: c.pkg.name, Dir: c.pkg.dir, Path: c.pkg.rel, Setup: c.setup, Handler: c.expression,
		Imports: c.imports, Taken: c.pkg.taken(c.test), Chosen: c.name + ": " + c.why,
	}
	if c.test {
		o.Package += "_test"
	}
	o.Whole = !c.alone
	if c.alone {
		o.Pattern = s.pattern()
	}
	for _, other := range all[1:min(len(all), 5)] {
		name := other.name
		if other.pkg != c.pkg || other.test != c.test {
			name += " of " + path.Join(".", other.pkg.rel)
		}
		o.Others = append(o.Others, name)
	}
	return o, nil
}

// target is the application's handler: the innermost of those that a library has called, or of all.
func (s *search) target() *call {
	var inner *call
	for i := range s.calls {
		c := &s.calls[i]
		if c.decl == nil || !c.name.literal && !c.decl.isHandler() || c.name.literal && !c.decl.hasHandlerLiteral() {
			continue
		}
		if c.outermost {
			return c
		}
		if inner == nil {
			inner = c
		}
	}
	return inner
}

func (n funcName) String() string {
	text := n.name
	if n.receiver != "" {
		text = n.receiver + "." + n.name
	}
	if n.literal {
		return "the function literal in " + text
	}
	return text
}

// constructors are the functions that make a handler which leads to the target, and those that would if they had their
// arguments.
func (s *search) constructors(target *call) (all []candidate, near []string) {
	serving := map[string]bool{} // types of the application whose ServeHTTP is on the stack
	for _, c := range s.calls {
		if c.name.name == "ServeHTTP" && c.name.receiver != "" {
			serving[c.pkg.path+"."+c.name.receiver] = true
		}
	}
	name := target.name.name
	if name == "ServeHTTP" { // Every middleware mentions that.
		name = target.name.receiver
	}
	for _, pkg := range s.packages(target) {
		registered := pkg.has(s.route())
		for _, fn := range pkg.functions {
			if fn.receiver != "" || fn.decl.Body == nil || fn.decl.Type.TypeParams != nil || fn.name == "init" || fn.name == "main" || fn.name == "_" || fn.name == "t" {
				continue
			}
			made, ok := s.made(pkg, fn)
			if !ok {
				continue
			}
			leads := fn == target.decl || pkg.leads(fn, name, true)
			if !leads && !serving[made.typ] {
				continue
			}
			c := candidate{
				pkg: pkg, test: fn.external, name: fn.name, score: scoreWhole, decl: fn, why: "it makes a handler, and leads to " + target.name.String() + ", which failed",
			}
			args, imports, fits := fn.arguments()
			as := pkg.called(fn, s.path())
			switch {
			case as.level > 1, as.level > 0 && (!fits || as.args != args):
				args, imports = as.args, as.imports
				c.score += scoreUsed * as.level
				c.why += "; " + as.by + " calls it so"
			case !fits:
				near = append(near, fn.name+fn.parameters())
				continue
			case registered && !pkg.leads(fn, literalName(s.route()), true):
				c.score = scoreMaybe
				c.why += "; what registers " + s.route() + " was not found in it"
			case leads && fn != target.decl && !pkg.leads(fn, name, false):
				c.score = scoreMaybe
				c.why += "; but whether it knows the route depends on a condition, which may need other arguments"
			}
			if fn.test {
				c.score += scoreForTest
				c.why += "; it is made for tests"
			}
			setup, value := made.value(fn.name + "(" + args + ")")
			c.setup, c.expression, c.imports = setup, value+made.rest, imports
			all = append(all, c)
		}
	}
	for i := range all {
		for j := range all {
			if i != j && all[i].pkg == all[j].pkg && all[i].pkg.leads(all[i].decl, all[j].decl.name, true) {
				all[i].inner++
			}
		}
	}
	return all, near
}

// packages are those in which a constructor may be: the handler's own first, those of the other calls, and the programs'.
func (s *search) packages(target *call) []*goPackage {
	all := []*goPackage{target.pkg}
	add := func(p *goPackage) {
		if p != nil && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	for _, c := range s.calls {
		add(c.pkg)
	}
	for _, p := range s.module.programs(target.pkg) {
		add(p)
	}
	return all
}

// handler is the function that failed, by itself; nil if it cannot be called by itself.
func (s *search) handler(target *call) *candidate {
	fn := target.decl
	if target.name.literal || !fn.isHandler() || fn.decl.Type.TypeParams != nil {
		return nil
	}
	c := candidate{pkg: target.pkg, test: fn.external, name: fn.name, score: scoreAlone, alone: true, decl: fn, why: "it is the handler that failed"}
	function := fn.name
	if fn.receiver != "" {
		made, ok := s.receiver(target)
		if !ok {
			return nil
		}
		c.name, c.score, c.setup, c.imports = fn.receiver+"."+fn.name, scoreMethod, made.setup, made.imports
		c.why += ", of " + made.why
		function = made.expression + "." + fn.name
	} else if fn.name == "t" {
		return nil
	}
	switch {
	case !fn.returnsError():
		c.expression = "http.HandlerFunc(" + function + ")"
	case c.pkg.module.requires(kit):
		c.expression = "fault.New(fault.Options{}).Handle(" + function + ")"
		c.imports = append(c.imports, kit)
		c.why += ", in a Catcher without options"
	default:
		c.expression = "http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {\nif err := " + function +
			"(w, r); err != nil {\nhttp.Error(w, err.Error(), http.StatusInternalServerError)\n}\n})"
	}
	return &c
}

// receiver is an expression for the receiver of the target.
func (s *search) receiver(target *call) (candidate, bool) {
	pkg, want := target.pkg, target.decl.receiver
	var best *candidate
	for _, fn := range pkg.functions {
		results := fn.results()
		if fn.receiver != "" || fn.decl.Body == nil || fn.decl.Type.TypeParams != nil || len(results) == 0 || len(results) > 2 || fn.name == "t" || fn.external {
			continue
		}
		typ := results[0]
		star, isPointer := typ.(*ast.StarExpr)
		if isPointer {
			typ = star.X
		}
		if name, is := typ.(*ast.Ident); !is || name.Name != want || !isPointer && target.decl.pointer {
			continue
		}
		fails, cleans, ok := fn.second(results)
		args, imports, fit := fn.arguments()
		if !ok || !fit {
			continue
		}
		setup, value := madeBy{fails: fails, cleans: cleans}.value(fn.name + "(" + args + ")")
		c := candidate{setup: setup, expression: value, imports: imports, why: "what " + fn.name + " makes"}
		if fn.test {
			c.score = 10
			c.why += ", which is for tests"
		}
		if best == nil || c.score > best.score {
			best = &c
		}
	}
	if best != nil {
		return *best, true
	}
	if spec := pkg.types[want]; spec != nil && spec.TypeParams == nil {
		if st, is := spec.Type.(*ast.StructType); is && st.Fields.NumFields() == 0 {
			return candidate{expression: "new(" + want + ")", why: "an empty " + want}, true
		}
	}
	return candidate{}, false
}

// madeBy is what a function makes.
type madeBy struct {
	typ           string // of the application: path and name; "" is another one
	rest          string // how the handler is taken of it
	fails, cleans bool
}

// value is the expression for what the call of the function makes, and what has to stand before it.
func (m madeBy) value(call string) (setup []string, value string) {
	switch {
	case m.fails:
		return []string{"made, err := " + call, "if err != nil {\nt.Fatal(err)\n}"}, "made"
	case m.cleans:
		return []string{"made, stop := " + call, "t.Cleanup(stop)"}, "made"
	}
	return nil, call
}

// made tells how a handler comes of what a function returns.
func (s *search) made(pkg *goPackage, fn *function) (madeBy, bool) {
	results := fn.results()
	if len(results) == 0 || len(results) > 2 {
		return madeBy{}, false
	}
	var m madeBy
	var ok bool
	if m.fails, m.cleans, ok = fn.second(results); !ok {
		return m, false
	}
	m.typ, m.rest, ok = s.module.handlerType(pkg, fn.file, results[0], 0)
	return m, ok
}

// handlerTypes are types of libraries that are handlers, or have one.
var handlerTypes = map[string]string{
	"net/http.Handler": "", "net/http.HandlerFunc": "", "*net/http.ServeMux": "", "*net/http.Server": ".Handler", "*net/http/httptest.Server": ".Config.Handler",
	"github.com/go-chi/chi/v5.Router": "", "*github.com/go-chi/chi/v5.Mux": "", "*github.com/gorilla/mux.Router": "", "*github.com/gin-gonic/gin.Engine": "",
	"*github.com/labstack/echo/v4.Echo": "", "*github.com/julienschmidt/httprouter.Router": "",
}

// pattern is the route of the request, if the handler needs it for the values of its path: "" is not.
func (s *search) pattern() (pattern string) {
	q := s.f.Request
	if q == nil || !strings.Contains(q.Route, "{") {
		return ""
	}
	defer func() {
		if recover() != nil { // It is no pattern; it may have been cut.
			pattern = ""
		}
	}()
	mux := http.NewServeMux()
	mux.HandleFunc(q.Route, http.NotFound)
	u, err := url.ParseRequestURI(target(q.URL))
	if err != nil {
		return ""
	}
	if _, matched := mux.Handler(&http.Request{Method: q.Method, Host: q.Host, URL: u}); matched != q.Route {
		return "" // It belongs to a part of the address, as behind http.StripPrefix.
	}
	return q.Route
}

// route is the pattern that the request was routed by, as it is registered; "" is not known.
func (s *search) route() string {
	if s.f.Request == nil {
		return ""
	}
	return s.f.Request.Route
}

// path is the part of the route's path before its first wildcard, or the path that was asked for.
func (s *search) path() string {
	if s.f.Request == nil {
		return ""
	}
	pattern := s.route()
	if pattern == "" {
		asked, _, _ := strings.Cut(target(s.f.Request.URL), "?")
		return asked
	}
	_, pattern, _ = strings.Cut(pattern, "/")
	pattern, _, _ = strings.Cut(pattern, "{")
	return "/" + pattern
}

// has tells whether the code of the package, without its tests, has a string.
func (p *goPackage) has(text string) bool {
	if text == "" {
		return false
	}
	p.index()
	return slices.ContainsFunc(p.mentioning[true][literalName(text)], func(f *function) bool { return !f.test })
}

// leads tells whether the code of a function leads to one of that name, by the names that it and what it leads to mention;
// those within conditions only if they are asked for.
func (p *goPackage) leads(from *function, name string, conditions bool) bool {
	p.index()
	key := mention{name, conditions}
	leading, known := p.leading[key]
	if !known {
		leading = map[*function]bool{}
		seen := map[string]bool{name: true}
		for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
			for _, f := range p.mentioning[conditions][queue[0]] {
				leading[f] = true
				if !seen[f.name] {
					seen[f.name] = true
					queue = append(queue, f.name)
				}
			}
		}
		p.leading[key] = leading
	}
	return leading[from]
}

// index notes which functions mention which names.
func (p *goPackage) index() {
	if p.mentioning != nil {
		return
	}
	p.mentioning, p.leading = map[bool]map[string][]*function{false: {}, true: {}}, map[mention]map[*function]bool{}
	for _, f := range p.functions {
		for mentioned, always := range f.mentions() {
			p.mentioning[true][mentioned] = append(p.mentioning[true][mentioned], f)
			if always {
				p.mentioning[false][mentioned] = append(p.mentioning[false][mentioned], f)
			}
		}
	}
}
