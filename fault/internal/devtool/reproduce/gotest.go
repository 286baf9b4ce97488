package reproduce

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/visible"
	"example.org/microblog/fault/redact"
)

// TestOptions are what a test needs to know of the application. Find finds it in the source.
type TestOptions struct {
	// Package is the name of the package that the test is of; "" is that of the innermost call of the application's.
	Package string
	// Dir is the directory that the test belongs into, and Path the same within its module, with slashes: "internal/web".
	Dir, Path string
	// Setup are statements that come first, and Handler is a Go expression for the http.Handler of the application:
	// "newTestServer(t)". In both t is the *testing.T, and other names are those of the package. With "" the test fails
	// until somebody has put a handler in.
	Setup   []string
	Handler string
	// Whole says that Handler is more than what failed, and may not lead to it: the test fails, too, if the answer is that there
	// is no such route, or if it sends away whoever is not signed in while what was masked is missing.
	Whole bool
	// Pattern is what the handler is to be registered as, so that it gets the values of its path; "" is nothing.
	Pattern string
	// Imports are what Setup and Handler need: import paths, each with a name before it if it has one of its own.
	Imports []string
	// Taken are the names that the package declares, which imports must not have.
	Taken map[string]bool
	// Chosen says what Handler is and why, and Others name what else there was. Looked says why there is no Handler.
	Chosen string
	Others []string
	Looked string
}

// A Test is a file of Go source with a test that sends the request of a failure.
type Test struct {
	Name   string   `json:"name"` // of the file: "failure_7f3k92qd_test.go"
	Dir    string   `json:"dir,omitempty"`
	Func   string   `json:"func"` // of the test: "TestFailure7F3K92QD"
	Source string   `json:"source"`
	Notes  []string `json:"notes,omitempty"` // in what it is not the same request; they are in the source, too
}

// GoTest returns a test that sends the request by net/http/httptest, and fails as long as the handler panics or answers with a
// status of 500 or above. But for what its Handler needs it depends on the standard library only; it compiles as it is, and is
// formatted as gofmt does. Masked secrets are constants to be filled in. It returns ErrNoRequest if too little is known.
func GoTest(f *fault.Failure, o TestOptions) (*Test, error) {
	q := request(f)
	if q == nil {
		return nil, ErrNoRequest
	}
	id := strings.ReplaceAll(f.ID.String(), "-", "")
	t := &Test{Name: "failure_" + strings.ToLower(id) + "_test.go", Func: "TestFailure" + id}
	pkg := o.Package
	for _, call := range f.Stack {
		if call.App && call.File != "" {
			t.Dir = path.Dir(strings.ReplaceAll(call.File, `\`, "/"))
			if pkg == "" {
				pkg = packageName(call.Package())
			}
			break
		}
	}
	if !token.IsIdentifier(pkg) {
		pkg = "main"
	}
	if o.Dir != "" {
		t.Dir = o.Dir
	}
	g := &goTest{f: f, q: q, o: o, test: t, imports: map[string]bool{"net/http": true, "net/http/httptest": true, "runtime/debug": true, "testing": true}}
	for _, i := range o.Imports {
		g.imports[strings.ReplaceAll(i, `"`, "")] = true
	}
	g.function(t.Func)
	source, err := renamed(g.file(pkg), o.Taken)
	if err != nil {
		return nil, fmt.Errorf("writing the test: %w", err) // Only Setup, Handler or Imports can be the reason.
	}
	t.Source, t.Notes = source, g.notes
	return t, nil
}

// renamed is the formatted source, with other names for the imports whose names are taken.
func renamed(source string, taken map[string]bool) (string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	names := map[string]string{}
	for _, i := range file.Imports {
		name := packageName(importPath(i))
		if i.Name != nil || !taken[name] {
			continue
		}
		other := strings.NewReplacer("/", "", "-", "", ".", "").Replace(importPath(i))
		if !token.IsIdentifier(other) {
			other = name
		}
		for other == name || taken[other] {
			other += "pkg"
		}
		names[name] = other
		i.Name = ast.NewIdent(other)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, is := n.(*ast.SelectorExpr); is {
			if x, is := sel.X.(*ast.Ident); is && names[x.Name] != "" {
				x.Name = names[x.Name]
			}
		}
		return true
	})
	var b strings.Builder
	if err := format.Node(&b, fset, file); err != nil {
		return "", err
	}
	formatted, err := format.Source([]byte(b.String()))
	return string(formatted), err
}

var version = regexp.MustCompile(`^v[0-9]+$`)

// packageName is the name that a package of that import path has, as a rule.
func packageName(importPath string) string {
	name := path.Base(importPath)
	if version.MatchString(name) {
		name = path.Base(path.Dir(importPath))
	}
	return strings.TrimPrefix(strings.NewReplacer("-", "", ".", "").Replace(strings.TrimPrefix(name, "go-")), "_test")
}

type goTest struct {
	f       *fault.Failure
	q       *fault.Request
	o       TestOptions
	test    *Test
	imports map[string]bool
	notes   []string
	secrets []secret
	b       bytes.Buffer // the function
}

// secret is a constant in place of what was masked.
type secret struct{ name, where string }

func (g *goTest) line(format string, args ...any) { fmt.Fprintf(&g.b, format+"\n", args...) }

func (g *goTest) note(format string, args ...any) {
	g.notes = append(g.notes, fmt.Sprintf(format, args...))
}

// file is the whole source.
func (g *goTest) file(pkg string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport (\n", pkg)
	all := slices.Sorted(maps.Keys(g.imports))
	isOther := func(i string) bool { // not of the standard library
		first, _, _ := strings.Cut(i[strings.LastIndexByte(i, ' ')+1:], "/")
		return strings.Contains(first, ".")
	}
	standard := slices.DeleteFunc(slices.Clone(all), isOther)
	if all = slices.DeleteFunc(all, func(i string) bool { return !isOther(i) }); len(all) > 0 {
		all = append([]string{""}, all...)
	}
	for _, i := range append(standard, all...) {
		if i == "" {
			b.WriteString("\n")
			continue
		}
		if name, rest, named := strings.Cut(i, " "); named {
			fmt.Fprintf(&b, "%s %q\n", name, strings.TrimSpace(rest))
		} else {
			fmt.Fprintf(&b, "%q\n", i)
		}
	}
	b.WriteString(")\n\n")
	b.WriteString(comment(g.about()))
	if g.o.Path != "" {
		file, dir := path.Join(g.o.Path, g.test.Name), strings.TrimSuffix("./"+path.Join(g.o.Path), "/.")
		b.WriteString("//\n" + comment(fmt.Sprintf("Save it as %s within the module, and run it by: go test -run %s %s", file, g.test.Func, dir)))
	}
	for _, n := range g.notes {
		b.WriteString("//\n" + comment(n))
	}
	b.Write(g.b.Bytes())
	return b.String()
}

// about tells which failure it was.
func (g *goTest) about() string {
	f := g.f
	s := "Failure " + f.ID.String()
	if !f.Time.IsZero() {
		s += " of " + f.Time.Format("2006-01-02 15:04:05 MST")
	}
	s += ": " + g.q.Method + " " + clip(g.q.URL, 200) + " was answered " + strconv.Itoa(f.Status)
	if f.User != "" {
		s += ", asked by " + f.User
	}
	return s + ":\n" + clip(f.Message, 500)
}

// comment makes comment lines of a text, none of which can be a directive.
func comment(text string) string {
	var b strings.Builder
	for l := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(strings.TrimRight("// "+visible.Line(strings.TrimSpace(l)), " ") + "\n")
	}
	return b.String()
}

// function writes the test. What its parts need as constants stands before them.
func (g *goTest) function(name string) {
	body := g.body()
	address := g.address()
	before := g.b.String()
	g.b.Reset()
	g.settings()
	after := g.b.String()
	g.b.Reset()

	g.line("func %s(t *testing.T) {", name)
	g.begin()
	if len(g.secrets) > 0 {
		g.line("// Masked when it was recorded: put something in place of each.\nconst (")
		for _, s := range g.secrets {
			g.line("%s = %q // %s", s.name, redact.Mask, visible.Line(s.where))
		}
		g.line(")\n")
	}
	g.b.WriteString(before)
	g.line("r := httptest.NewRequest(%s, %s, %s)", strconv.Quote(g.method()), address, body)
	g.b.WriteString(after)
	g.line("")
	g.line("defer func() {\nif p := recover(); p != nil {")
	g.line(`t.Errorf("%%s %%s panicked: %%v\n%%s", r.Method, r.URL, p, debug.Stack())`)
	g.line("}\n}()")
	g.line("w := httptest.NewRecorder()")
	if g.f.Kind == fault.KindNoAnswer {
		g.line("w.Code = 0 // until there is an answer")
	}
	g.line("handler.ServeHTTP(w, r)")
	if g.f.Kind == fault.KindNoAnswer {
		g.line("if w.Code == 0 || w.Code >= http.StatusInternalServerError {")
	} else {
		g.line("if w.Code >= http.StatusInternalServerError {")
	}
	g.line(`t.Errorf("%%s %%s was answered %%d:\n%%s", r.Method, r.URL, w.Code, w.Body)`)
	g.line("}")
	if g.o.Whole {
		g.reached()
	}
	g.line("}")
	if g.q.Cut {
		g.note("The request was cut when it was recorded; it had more, or longer values.")
	}
}

// reached writes the checks that the request came as far as the code that failed.
func (g *goTest) reached() {
	if g.f.Status != http.StatusNotFound && g.f.Status != http.StatusMethodNotAllowed {
		g.line("if w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed { // Take this out if it is the right answer.")
		g.line(`t.Errorf("this handler does not know the route, or has nothing there: %%s %%s was answered %%d", r.Method, r.URL, w.Code)`)
		g.line("}")
	}
	for _, s := range g.secrets {
		if s.where != "the header Authorization" && !strings.HasPrefix(s.where, "the cookie ") {
			continue
		}
		g.line("if %s == %q && (w.Code/100 == 3 || w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden) {", s.name, redact.Mask)
		g.line(`t.Errorf("put in what was masked: without it, %%s %%s was answered %%d %%s", r.Method, r.URL, w.Code, w.Header().Get("Location"))`)
		g.line("}")
		break
	}
}

// settings writes the lines that change the request once it is made.
func (g *goTest) settings() {
	if g.q.Host != "" {
		g.line("r.Host = %s", g.text(g.q.Host, "the host"))
	}
	if g.q.RemoteAddr != "" {
		g.line("r.RemoteAddr = %s", g.text(g.q.RemoteAddr, "the address of the client"))
	}
	if major, minor, ok := http.ParseHTTPVersion(g.q.Proto); ok && (major != 1 || minor != 1) {
		g.line("r.Proto, r.ProtoMajor, r.ProtoMinor = %q, %d, %d", g.q.Proto, major, minor)
	}
	g.headers()
}

// begin writes where the handler comes from.
func (g *goTest) begin() {
	if g.o.Handler == "" {
		g.line("var handler http.Handler // Put in what answers the application's requests, as its server has it.")
		if g.o.Looked != "" {
			g.b.WriteString(comment("It could not be chosen: " + g.o.Looked + "."))
		}
		g.line("if handler == nil {")
		g.line(`t.Fatal("the test has no handler: put the application's own in, where it says var handler")`)
		g.line("}\n")
		return
	}
	if g.o.Chosen != "" {
		g.b.WriteString(comment(g.o.Chosen + "."))
		if len(g.o.Others) > 0 {
			g.b.WriteString(comment("Others that could take its place: " + strings.Join(g.o.Others, ", ") + "."))
		}
	}
	for _, s := range g.o.Setup {
		g.line("%s", s)
	}
	g.line("var handler http.Handler = %s", g.o.Handler)
	if g.o.Pattern != "" {
		g.line("mux := http.NewServeMux() // It gives the handler the values of its path.")
		g.line("mux.Handle(%q, handler)", g.o.Pattern)
		g.line("handler = mux")
	}
	g.line("")
}

func (g *goTest) method() string {
	if g.q.Method == "" {
		return http.MethodGet
	}
	if !isToken(g.q.Method) {
		g.note("The method %q cannot be sent; this is a GET.", g.q.Method)
		return http.MethodGet
	}
	return g.q.Method
}

// address is the expression for what is asked for.
func (g *goTest) address() string {
	asked := target(g.q.URL)
	if !canAsk(g.methodOnly(), asked) {
		g.note("The address %q cannot be sent; this asks for / instead.", clip(g.q.URL, 200))
		return `"/"`
	}
	encoded := url.QueryEscape(redact.Mask)
	inPath := func(name string) string { return "url.PathEscape(" + name + ")" }
	inQuery := func(name string) string { return "url.QueryEscape(" + name + ")" }
	path, query, has := strings.Cut(strings.ReplaceAll(asked, encoded, redact.Mask), "?")
	e := g.masked(nil, path, "the path", inPath)
	if has {
		before := "?"
		for pair := range strings.SplitSeq(query, "&") {
			name, _, _ := strings.Cut(pair, "=")
			e = g.masked(e, before+pair, "the parameter "+name, inQuery)
			before = "&"
		}
	}
	if len(e) > 1 {
		g.imports["net/url"] = true
	}
	return e.String()
}

// methodOnly is the method without a note.
func (g *goTest) methodOnly() string {
	if isToken(g.q.Method) {
		return g.q.Method
	}
	return http.MethodGet
}

// canAsk tells whether httptest.NewRequest takes an address; it panics if not.
func canAsk(method, address string) (can bool) {
	defer func() {
		if recover() != nil {
			can = false
		}
	}()
	httptest.NewRequest(method, address, nil)
	return true
}

// headers writes the lines that set the headers.
func (g *goTest) headers() {
	kind := bodyOf(g.q)
	for _, name := range slices.Sorted(maps.Keys(g.q.Header)) {
		canonical := http.CanonicalHeaderKey(name)
		if canonical == "Content-Length" || canonical == "Transfer-Encoding" || canonical == "Host" || kind == multiBody && canonical == "Content-Type" {
			continue
		}
		values := make([]string, len(g.q.Header[name]))
		for i, value := range g.q.Header[name] {
			values[i] = g.headerValue(canonical, value)
		}
		g.line("r.Header[%q] = []string{%s}", name, strings.Join(values, ", "))
	}
	switch {
	case kind == multiBody:
		g.line("r.Header.Set(\"Content-Type\", form.FormDataContentType())")
	case kind == formBody && g.q.Header.Get("Content-Type") == "":
		g.line("r.Header.Set(\"Content-Type\", \"application/x-www-form-urlencoded\")")
	}
}

// headerValue is the expression for the value of a header. Of cookies, each has a constant of its name.
func (g *goTest) headerValue(name, value string) string {
	if name != "Cookie" {
		return g.text(value, "the header "+name)
	}
	var e expression
	before := ""
	for pair := range strings.SplitSeq(value, ";") {
		cookie, _, _ := strings.Cut(strings.TrimSpace(pair), "=")
		e = g.masked(e, before+strings.TrimSpace(pair), "the cookie "+cookie, plain)
		before = "; "
	}
	return e.String()
}

// body writes what the body is made of and returns the expression for it.
func (g *goTest) body() string {
	switch bodyOf(g.q) {
	case formBody:
		g.imports["net/url"], g.imports["strings"] = true, true
		g.line("form := url.Values{")
		for _, name := range slices.Sorted(maps.Keys(g.q.Form)) {
			var values []string
			for _, v := range g.q.Form[name] {
				values = append(values, g.text(v, "the field "+name))
			}
			g.line("%s: {%s},", g.text(name, "a field's name"), strings.Join(values, ", "))
		}
		g.line("}")
		return "strings.NewReader(form.Encode())"
	case multiBody:
		return g.multipart()
	case textBody:
		g.imports["strings"] = true
		return "strings.NewReader(" + g.text(g.q.Body, "the body") + ")"
	case lostBody:
		g.imports["strings"] = true
		length := "of unknown length"
		if n := g.q.ContentLength; n > 0 {
			length = fmt.Sprintf("of %d bytes", n)
		}
		kind := g.q.Header.Get("Content-Type")
		if kind == "" {
			kind = "an unknown type"
		}
		g.note("The request had a body %s, %s, which was not kept: write one into the constant body.", length, kind)
		g.line("const body = `` // It was not kept: %s, %s.", length, visible.Line(kind))
		return "strings.NewReader(body)"
	}
	return "nil"
}

func (g *goTest) multipart() string {
	g.imports["bytes"], g.imports["mime/multipart"] = true, true
	g.line("var body bytes.Buffer")
	g.line("form := multipart.NewWriter(&body)")
	for _, name := range slices.Sorted(maps.Keys(g.q.Form)) {
		for _, v := range g.q.Form[name] {
			g.line("if err := form.WriteField(%s, %s); err != nil {\nt.Fatal(err)\n}", g.text(name, "a field's name"), g.text(v, "the field "+name))
		}
	}
	for i, file := range g.q.Files {
		size := min(max(file.Size, 0), maxFile)
		g.note("The content of the uploaded file %q, %d bytes, was not kept: the letter x stands for it %d times.", file.Name, file.Size, size)
		g.line("file%d, err := form.CreateFormFile(%s, %s)\nif err != nil {\nt.Fatal(err)\n}", i+1, strconv.Quote(file.Field), strconv.Quote(file.Name))
		g.line("if _, err := file%d.Write(bytes.Repeat([]byte(\"x\"), %d)); err != nil {\nt.Fatal(err)\n}", i+1, size)
	}
	g.line("if err := form.Close(); err != nil {\nt.Fatal(err)\n}")
	return "&body"
}

// clip cuts a text to so many bytes, at a character.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
