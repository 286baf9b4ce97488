package reproduce_test

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/reproduce"
	"example.org/microblog/fault/trace"
)

// application is a module with many ways to have a handler. Each has a line with "// mend: " and what to put in its place.
var application = map[string]string{
	"main.go": `package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"example.test/app/admin"
	"example.test/app/clash"
	"example.test/app/drill"
	"example.test/app/hidden"
	"example.test/app/shop"

	"example.org/microblog/fault"
)

type recorder struct{ last *fault.Failure }

func (r *recorder) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	r.last = f
	return fault.Receipt{}
}

func adminServer() *admin.Server { return admin.New(admin.Config{Limit: 2}) }

func main() {
	var kept recorder
	catcher := fault.New(fault.Options{Recorder: &kept, Module: "example.test/app", Logger: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plain", shop.Show)
	mux.HandleFunc("GET /method", shop.NewShop().Buy)
	mux.Handle("/routes/", shop.Routes())
	mux.HandleFunc("GET /wild/{name}/{rest...}", shop.Profile)
	mux.Handle("GET /fails", catcher.Handle(shop.Load))
	mux.Handle("POST /upload", shop.Handler())
	mux.HandleFunc("POST /clash", clash.Handle)
	h, err := shop.New(context.Background())
	if err != nil {
		panic(err)
	}
	mux.Handle("GET /made", h)
	mux.Handle("GET /helper", shop.NewServer(shop.Config{Names: []string{"a"}}))
	mux.Handle("GET /admin", adminServer())
	mux.Handle("/drill/", drill.New(drill.Options{Drill: true}))
	mux.Handle("/hidden", hidden.New(true))
	mux.Handle("GET /silent", catcher.Handle(shop.Nothing))
	mux.HandleFunc("GET /literal", func(w http.ResponseWriter, r *http.Request) { panic("in a literal") })

	server := httptest.NewServer(catcher.Middleware(mux))
	defer server.Close()
	all := map[string]*fault.Failure{}
	ask := func(name, method, path, contentType string, body io.Reader) {
		r, err := http.NewRequest(method, server.URL+path, body)
		if err != nil {
			panic(err)
		}
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		r.Header.Set("X-Level", "7")
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
		}
		all[name], kept.last = kept.last, nil
	}
	for _, name := range []string{"plain", "method", "routes/a?n=3", "wild/susan/and/more", "fails", "made", "helper", "admin", "silent", "literal", "drill/names", "hidden"} {
		short, _, _ := strings.Cut(name, "/")
		ask(short, "GET", "/"+name, "", nil)
	}
	ask("clash", "POST", "/clash?x=1", "application/x-www-form-urlencoded", strings.NewReader("name=susan&a=b+c"))
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("photo", "me.png")
	if err != nil {
		panic(err)
	}
	io.WriteString(file, strings.Repeat("p", 20))
	w.WriteField("about", "me")
	w.Close()
	ask("upload", "POST", "/upload", w.FormDataContentType(), &form)
	json.NewEncoder(os.Stdout).Encode(all)
}
`,
	"shop/plain.go": `package shop

import "net/http"

func Show(w http.ResponseWriter, r *http.Request) {
	names := []string{"a", "b"}
	n := len(r.Header.Get("X-Level")) + 4
	w.Write([]byte(names[n])) // mend: w.Write([]byte(names[n%2]))
}
`,
	"shop/method.go": `package shop

import "net/http"

type Shop struct{ prices map[string]int }

func NewShop() *Shop { return &Shop{} } // mend: func NewShop() *Shop { return &Shop{map[string]int{}} }

func (s *Shop) Buy(w http.ResponseWriter, r *http.Request) { s.buy(w, "book") }

func (s *Shop) buy(w http.ResponseWriter, what string) {
	s.prices[what]++
	w.WriteHeader(http.StatusNoContent)
}
`,
	"shop/routes.go": `package shop

import (
	"net/http"
	"strconv"
)

// Routes is the inner one, which the outer one has as well.
func Routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/routes/", logged(inner()))
	return mux
}

func inner() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /routes/{which}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("n"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Write([]byte(r.PathValue("which")[:n])) // mend: w.Write([]byte(r.PathValue("which")[:min(n, 1)]))
	})
	return mux
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}
`,
	"shop/wild.go": `package shop

import "net/http"

func Profile(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("name") == "susan" && r.PathValue("rest") == "and/more" { // mend: if false {
		panic("there is no " + r.PathValue("name"))
	}
}
`,
	"shop/fails.go": `package shop

import (
	"errors"
	"net/http"

	"example.org/microblog/fault"
)

func Load(w http.ResponseWriter, r *http.Request) error {
	return errors.New("the disk is full") // mend: return errors.Join(fault.NotFound("There is nothing."))
}

var _ = fault.NotFound
`,
	"shop/upload.go": `package shop

import (
	"io"
	"net/http"
)

type photos struct{ seen map[string]bool }

func (p *photos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, header, err := r.FormFile("photo")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	all, err := io.ReadAll(file)
	if err == nil && len(all) == 20 && r.Header.Get("X-Level") == "7" && r.FormValue("about") == "me" {
		p.seen[header.Filename] = true // mend: p.seen = map[string]bool{header.Filename: true}
	}
}

func Handler() http.Handler { return &photos{} }
`,
	"clash/clash.go": `package clash

import web "net/http"

var (
	http, url, strings, testing, debug = 1, 2, 3, 4, 5
	handler, mux, form, body, r, w     = 1, 2, 3, 4, 5, 6
)

type httptest struct{}

func nethttp() {}

func Handle(w web.ResponseWriter, r *web.Request) {
	if r.FormValue("name") == "susan" && r.FormValue("a") == "b c" { // mend: if false {
		panic(http + url + strings + testing + debug + handler + mux + form + body)
	}
	nethttp()
	_ = httptest{}
}
`,
	"shop/made.go": `package shop

import (
	"context"
	"net/http"
)

type options func(*server)

type server struct{ *http.ServeMux }

func New(ctx context.Context, o ...options) (*server, error) {
	s := &server{http.NewServeMux()}
	s.HandleFunc("GET /made", s.page)
	return s, ctx.Err()
}

func (s *server) page(w http.ResponseWriter, r *http.Request) {
	var nobody *http.Request // mend: nobody := r
	w.Write([]byte(nobody.Method))
}
`,
	"shop/helper.go": `package shop

import "net/http"

type Config struct{ Names []string }

type Server struct{ c Config }

func NewServer(c Config) *Server { return &Server{c} }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.page(w, r) }

func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	w.Write([]byte(s.c.Names[4])) // mend: w.Write([]byte(s.c.Names[0]))
}
`,
	"shop/helper_test.go": `package shop_test

import (
	"net/http/httptest"
	"testing"

	"example.test/app/shop"
)

type site struct {
	*httptest.Server
	t testing.TB
}

func newSite(t testing.TB, names ...string) *site {
	s := &site{httptest.NewServer(shop.NewServer(shop.Config{Names: []string{"a", "b"}})), t}
	t.Cleanup(s.Close)
	return s
}

func TestSite(t *testing.T) { newSite(t) }
`,
	"admin/admin.go": `package admin

import "net/http"

type Config struct{ Limit int }

type Server struct {
	handler http.Handler
	c       Config
}

func New(c Config) *Server {
	s := &Server{c: c}
	s.handler = http.HandlerFunc(s.panel)
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) panel(w http.ResponseWriter, r *http.Request) {
	if s.c.Limit == 2 { // mend: if false {
		panic("the limit")
	}
}
`,
	"drill/drill.go": `package drill

import "net/http"

type Options struct{ Drill bool }

type Server struct {
	mux   *http.ServeMux
	names []string
}

func New(o Options) *Server {
	s := &Server{mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /{$}", http.NotFound)
	if o.Drill {
		for name, h := range map[string]http.HandlerFunc{"names": s.list} {
			s.mux.HandleFunc("/drill/"+name, h)
		}
	}
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	w.Write([]byte(s.names[3])) // mend: w.Write([]byte("none"))
}
`,
	"drill/drill_test.go": `package drill_test

import (
	"net/http/httptest"
	"testing"

	"example.test/app/drill"
)

func newSite(t testing.TB, options ...func(*drill.Options)) *httptest.Server {
	var o drill.Options
	for _, option := range options {
		option(&o)
	}
	s := httptest.NewServer(drill.New(o))
	t.Cleanup(s.Close)
	return s
}

func withDrill(o *drill.Options) { o.Drill = true }

func TestPlain(t *testing.T) {
	newSite(t)
	newSite(t)
	newSite(t)
	_ = "/"
}

func TestDrill(t *testing.T) {
	mine := withDrill
	newSite(t, mine)
	newSite(t, mine)
	newSite(t, withDrill)
	_ = "/drill/" + "names"
}
`,
	"hidden/hidden.go": `package hidden

import "net/http"

type Server struct {
	*http.ServeMux
	names []string
}

func New(all ...bool) *Server {
	s := &Server{ServeMux: http.NewServeMux()}
	if len(all) > 0 {
		s.HandleFunc("/hidden", s.page)
	}
	return s
}

func (s *Server) page(w http.ResponseWriter, r *http.Request) { panic(s.names[0]) }
`,
	"shop/silent.go": `package shop

import "net/http"

func Nothing(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("X-Level") == "" {
		w.WriteHeader(http.StatusNoContent)
	}
	return nil // mend: w.WriteHeader(http.StatusNoContent); return nil
}
`,
}

// The tests that are made run as they are: they fail as the request did, and pass once the code is mended.
func TestFind(t *testing.T) {
	kitDir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(mended bool) {
		t.Helper()
		for name, text := range application {
			lines := strings.Split(text, "\n")
			for i, l := range lines {
				if _, instead, has := strings.Cut(l, " // mend: "); has && mended {
					lines[i] = instead
				}
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, name), strings.Join(lines, "\n"))
		}
	}
	put(false)
	write(t, filepath.Join(dir, "go.mod"), "module example.test/app\n\ngo 1.26.0\n\nrequire example.org/microblog/fault v0.0.0\n\nreplace example.org/microblog/fault => "+kitDir+"\n")
	out, err := goRun(t, dir, "run", ".")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var failures map[string]*fault.Failure
	if err := json.Unmarshal([]byte(out), &failures); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		name, path, handler string
		not                 string
	}{
		{name: "plain", path: "shop", handler: "var handler http.Handler = http.HandlerFunc(Show)\n"},
		{name: "method", path: "shop", handler: "= http.HandlerFunc(NewShop().Buy)\n"},
		{name: "routes", path: "shop", handler: "= Routes()\n"},
		{name: "wild", path: "shop", handler: `mux.Handle("GET /wild/{name}/{rest...}", handler)`},
		{name: "fails", path: "shop", handler: "= fault.New(fault.Options{}).Handle(Load)\n"},
		{name: "upload", path: "shop", handler: "= Handler()\n"},
		{name: "clash", path: "clash", handler: "= nethttppkg.HandlerFunc(Handle)\n"},
		{name: "made", path: "shop", handler: "made, err := New(context.Background())\n"},
		{name: "helper", path: "shop", handler: "= newSite(t).Config.Handler\n"},
		{name: "admin", path: ".", handler: "= adminServer()\n"},
		{name: "silent", path: "shop", handler: ".Handle(Nothing)\n"},
		{name: "drill", path: "drill", handler: "= newSite(t, withDrill).Config.Handler\n"},
		{name: "hidden", path: "hidden", handler: "= http.HandlerFunc(New().page)\n"},
		{name: "literal", path: "", handler: "// It could not be chosen: nothing was found that makes the handler without arguments, and the function literal in main cannot be called by itself."},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := failures[c.name]
			if f == nil {
				t.Fatal("it did not fail")
			}
			o := reproduce.Find(f)
			made, err := reproduce.GoTest(f, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(made.Source)
			if o.Path != c.path || !strings.Contains(made.Source, c.handler) {
				t.Errorf("of %q, for %s; want %q of %q", o.Handler, o.Path, c.handler, c.path)
			}
			if c.path != "" {
				write(t, filepath.Join(made.Dir, made.Name), made.Source)
			}
		})
	}
	out, err = goRun(t, dir, "test", "-vet=off", "-ldflags=-s -w", "./...")
	if want := 13; err == nil || strings.Count(out, "--- FAIL") != want {
		t.Errorf("want %d tests to fail: %v\n%s", want, err, out)
	}
	for _, want := range []string{
		"GET /plain panicked: runtime error: index out of range [5] with length 2", "GET /wild/susan/and/more panicked: there is no susan", "GET /fails was answered 500",
		"POST /upload panicked: assignment to entry in nil map", "POST /clash?x=1 panicked: 25", "GET /silent was answered", "shop.Show(",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the tests do not say %q:\n%s", want, out)
		}
	}
	put(true)
	if out, err := goRun(t, dir, "test", "-vet=off", "-ldflags=-s -w", "./shop", "./drill"); err != nil {
		t.Errorf("mended, some still fail: %v\n%s", err, out)
	}
}

// Whatever a stack holds, looking for the handler ends, and the test is Go.
func FuzzFind(f *testing.F) {
	dir := f.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module example.test/app\n\ngo 1.26.0\n",
		"shop/a.go":   "package shop\n\nimport \"net/http\"\n\ntype S struct{ *http.ServeMux }\n\nfunc New() *S { return nil }\n\nfunc (s *S) Buy(w http.ResponseWriter, r *http.Request) {}\n\nfunc Show[T any](w http.ResponseWriter, r *http.Request) error { return nil }\n\ntype A = B\n\ntype B = A\n\nfunc Round() A { return nil }\n",
		"shop/bad.go": "package shop\n\nfunc (",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	f.Add("example.test/app/shop.(*S).Buy", "shop/a.go", "GET /{x}")
	f.Add("example.test/app/shop.Show[...].func1.2-fm", "shop/a.go", "GET /{x")
	f.Add("example.test/app/shop.Round", "shop/../shop/a.go", "")
	f.Add("(*).]..[", "../x", "{")
	f.Add("main.main.func1", "shop/a.go", "/{x...}")
	f.Fuzz(func(t *testing.T, name, file, route string) {
		failure := &fault.Failure{
			Request: &fault.Request{Method: "GET", URL: "/x", Route: route, Header: map[string][]string{}},
			Stack:   trace.Stack{{Function: name, File: filepath.Join(dir, file), App: true}, {Function: "net/http.x"}},
		}
		made, err := reproduce.GoTest(failure, reproduce.Find(failure))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "", made.Source, 0); err != nil {
			t.Errorf("%v\n%s", err, made.Source)
		}
	})
}

// Sources are read where they are those of the program only.
func TestFindElsewhere(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "shop"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.test/app\n")
	write(t, filepath.Join(dir, "shop", "shop.go"), "package shop\n\nimport \"net/http\"\n\nfunc Handler(n int) http.Handler { return http.HandlerFunc(show) }\n\nfunc show(w http.ResponseWriter, r *http.Request) {}\n")
	file := filepath.Join(dir, "shop", "shop.go")
	for name, c := range map[string]struct {
		frame           trace.Frame
		handler, looked string
	}{
		"its own":         {trace.Frame{Function: "example.test/app/shop.show", File: file, App: true}, "http.HandlerFunc(show)", ""},
		"another package": {trace.Frame{Function: "example.test/other.show", File: file, App: true}, "", "could not be read"},
		"a library's":     {trace.Frame{Function: "example.test/app/shop.show", File: file}, "", "could not be read"},
		"no such file":    {trace.Frame{Function: "example.test/app/shop.show", File: filepath.Join(t.TempDir(), "shop.go"), App: true}, "", "could not be read"},
		"trimmed":         {trace.Frame{Function: "example.test/app/shop.show", File: "example.test/app/shop/shop.go", App: true}, "", "could not be read"},
		"no handler":      {trace.Frame{Function: "example.test/app/shop.price", File: file, App: true}, "", "none of the application's calls is that of a handler"},
	} {
		t.Run(name, func(t *testing.T) {
			o := reproduce.Find(&fault.Failure{Stack: trace.Stack{c.frame}})
			if o.Handler != c.handler || !strings.Contains(o.Looked, c.looked) {
				t.Errorf("found %q, looked: %s", o.Handler, o.Looked)
			}
		})
	}
	write(t, filepath.Join(dir, "shop", "shop.go"), "package shop\n\nimport \"net/http\"\n\nfunc Handler(n int) http.Handler {\n\treturn http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})\n}\n")
	o := reproduce.Find(&fault.Failure{Stack: trace.Stack{{Function: "example.test/app/shop.Handler.func1", File: file, App: true}}})
	if o.Handler != "" || !strings.HasSuffix(o.Looked, "these need arguments: Handler(int)") {
		t.Errorf("found %q, looked: %s", o.Handler, o.Looked)
	}
}

// A package with very many handlers that all lead to each other does not take for ever.
func TestFindAmongMany(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.test/app\n")
	const many = 400
	var b, all strings.Builder
	for i := range 100 {
		fmt.Fprintf(&all, "v%d := 0\n", i)
	}
	b.WriteString("package app\n\nimport \"net/http\"\n\nfunc show(w http.ResponseWriter, r *http.Request) {}\n\n")
	for i := range many {
		fmt.Fprintf(&b, "func h%d() http.Handler {\n%sreturn h%d()\n}\n", i, all.String(), i+1)
	}
	fmt.Fprintf(&b, "func h%d() http.Handler {\nif false {\nreturn h0()\n}\nreturn http.HandlerFunc(show)\n}\n", many)
	file := filepath.Join(dir, "app.go")
	write(t, file, b.String())
	found := make(chan string, 1)
	go func() {
		found <- reproduce.Find(&fault.Failure{Stack: trace.Stack{{Function: "example.test/app.show", File: file, App: true}}}).Handler
	}()
	select {
	case got := <-found:
		if got != "h0()" {
			t.Errorf("found %q", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("it is still looking")
	}
}

// The ways in which a handler is made: each is found, and the test compiles.
func TestFindForms(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.test/forms\n\ngo 1.26.0\n")
	const show = "func show(w http.ResponseWriter, r *http.Request) {}\n"
	const mux = "mux := http.NewServeMux(); mux.HandleFunc(\"/\", show);"
	for i, c := range []struct {
		name, source, test string // the test is of the external test package
		function           string // "" is show
		handler            string
		others             []string
		route              string
	}{
		{name: "router", source: show + "func routes() *http.ServeMux { " + mux + " return mux }", handler: "routes()", others: []string{"show"}},
		{name: "server", source: show + "func serve() *http.Server { " + mux + " return &http.Server{Handler: mux} }", handler: "serve().Handler", others: []string{"show"}},
		{name: "server by value", source: show + "func serve() http.Server { " + mux + " return http.Server{Handler: mux} }", handler: "http.HandlerFunc(show)"},
		{name: "with its end", source: show + "func open() (http.Handler, func()) { " + mux + " return mux, func() {} }", handler: "made", others: []string{"show"}},
		{name: "with its error", source: show + "func open() (http.HandlerFunc, error) { return show, nil }", handler: "made", others: []string{"show"}},
		{name: "with something else", source: show + "func open() (http.Handler, int) { " + mux + " return mux, 1 }", handler: "http.HandlerFunc(show)"},
		{name: "embedded", source: show + "type app struct{ *http.ServeMux }\nfunc newApp() (*app, error) { " + mux + " return &app{mux}, nil }", handler: "made", others: []string{"show"}},
		{name: "interface", source: show + "type site interface{ ServeHTTP(http.ResponseWriter, *http.Request); Close() error }\nfunc open() site { _ = show; return nil }", handler: "open()", others: []string{"show"}},
		{name: "alias", source: show + "type handler = http.Handler\nfunc open() handler { return http.HandlerFunc(show) }", handler: "open()", others: []string{"show"}},
		{name: "pointer's method", source: show + "type app struct{}\nfunc (*app) ServeHTTP(w http.ResponseWriter, r *http.Request) { show(w, r) }\nfunc byValue() app { _ = show; return app{} }", handler: "http.HandlerFunc(show)"},
		{name: "options", source: show + "func open(options ...int) http.Handler { return http.HandlerFunc(show) }", handler: "open()", others: []string{"show"}},
		{name: "another handler", source: show + "func files() http.Handler { return http.NotFoundHandler() }", handler: "http.HandlerFunc(show)"},
		{name: "outer first", source: show + "func a() http.Handler { " + mux + " return mux }\nfunc b() http.Handler { return http.StripPrefix(\"/b\", a()) }", handler: "b()", others: []string{"a", "show"}},
		{name: "generic", source: show + "func open[T any]() http.Handler { return http.HandlerFunc(show) }", handler: "http.HandlerFunc(show)"},
		{name: "error", source: "func load(w http.ResponseWriter, r *http.Request) error { return nil }", function: "load",
			handler: "http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {\nif err := load(w, r); err != nil {\nhttp.Error(w, err.Error(), http.StatusInternalServerError)\n}\n})"},
		{name: "value's method", source: "type api struct{}\nfunc (api) get(w http.ResponseWriter, r *http.Request) {}", function: "api.get", handler: "http.HandlerFunc(new(api).get)"},
		{name: "method without its value", source: "type api struct{ n int }\nfunc (a *api) get(w http.ResponseWriter, r *http.Request) {}", function: "(*api).get", handler: ""},
		{name: "method of what may fail", source: "type api struct{ n int }\nfunc open() (*api, error) { return nil, nil }\nfunc (a *api) get(w http.ResponseWriter, r *http.Request) {}", function: "(*api).get",
			handler: "http.HandlerFunc(made.get)"},
		{name: "on a condition", source: show + "func open(all ...bool) http.Handler { mux := http.NewServeMux(); if len(all) > 0 { mux.HandleFunc(\"/\", show) }; return mux }", handler: "http.HandlerFunc(show)", others: []string{"open"}},
		{name: "in a case", source: show + "func open(all ...bool) http.Handler { mux := http.NewServeMux(); switch { case len(all) > 0: mux.HandleFunc(\"/\", show) }; return mux }", handler: "http.HandlerFunc(show)", others: []string{"open"}},
		{name: "on a condition of the request", source: show + "func open() http.Handler { return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { if r.URL.Path == \"/\" { show(w, r) } }) }", handler: "open()", others: []string{"show"}},
		{name: "another route", source: show + "func a() http.Handler { mux := http.NewServeMux(); mux.HandleFunc(\"GET /b\", show); return mux }\nfunc b() http.Handler { " + mux + " return mux }", route: "/", handler: "b()", others: []string{"show", "a"}},
		{name: "as its tests call it", source: show + "func New(n int) http.Handler { return http.HandlerFunc(show) }",
			test: "import (\n\"net/http/httptest\"\n\"testing\"\n\nx \"example.test/forms/PKG\"\n)\n\nfunc newServer(t *testing.T, n int) *httptest.Server { return httptest.NewServer(x.New(n)) }\n\nfunc TestA(t *testing.T) {\nnewServer(t, 7)\n_ = \"/other\"\n}\n\nfunc TestB(t *testing.T) {\nnewServer(t, 3)\n_ = \"/\"\n}\n", handler: "newServer(t, 3).Config.Handler", others: []string{"show of PKG"}},
		{name: "on a condition that its tests fulfil", source: show + "func New(all ...bool) http.Handler { mux := http.NewServeMux(); if len(all) == 0 { mux.HandleFunc(\"/\", show) }; return mux }",
			test: "import (\n\"net/http/httptest\"\n\"testing\"\n\nx \"example.test/forms/PKG\"\n)\n\nfunc newServer(t *testing.T) *httptest.Server { return httptest.NewServer(x.New()) }\n\nfunc TestA(t *testing.T) {\nnewServer(t)\n_ = \"/?x=1\"\n}\n", handler: "newServer(t).Config.Handler", others: []string{"show of PKG", "New of PKG"}},
		{name: "for tests", source: show + "func New(n int) http.Handler { return http.HandlerFunc(show) }\nfunc All() http.Handler { return New(1) }",
			test: "import (\n\"net/http/httptest\"\n\"testing\"\n\nx \"example.test/forms/PKG\"\n)\n\nvar bytes = 1\n\nfunc newServer(t *testing.T) *httptest.Server { _ = bytes; return httptest.NewServer(x.New(1)) }\n", handler: "newServer(t).Config.Handler", others: []string{"All of PKG", "show of PKG"}},
	} {
		pkg := "p" + string(rune('a'+i))
		t.Run(c.name, func(t *testing.T) {
			if err := os.Mkdir(filepath.Join(dir, pkg), 0o700); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, pkg, "app.go")
			write(t, file, "package "+pkg+"\n\nimport \"net/http\"\n\n"+c.source+"\n")
			if c.test != "" {
				write(t, filepath.Join(dir, pkg, "app_test.go"), "package "+pkg+"_test\n\n"+strings.ReplaceAll(c.test, "PKG", pkg))
			}
			name := c.function
			if name == "" {
				name = "show"
			}
			f := &fault.Failure{
				Kind: fault.KindPanic, Status: 500, Request: &fault.Request{Method: "GET", URL: "/", Route: c.route, Header: map[string][]string{}},
				Stack: trace.Stack{{Function: "example.test/forms/" + pkg + "." + name, File: file, App: true}, {Function: "net/http.HandlerFunc.ServeHTTP"}},
			}
			o := reproduce.Find(f)
			others := strings.ReplaceAll(strings.Join(o.Others, ", "), " of "+pkg, " of PKG")
			if o.Handler != c.handler || others != strings.Join(c.others, ", ") {
				t.Errorf("found %q beside %q, want %q beside %q; %s %s", o.Handler, others, c.handler, c.others, o.Chosen, o.Looked)
			}
			made, err := reproduce.GoTest(f, o)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, pkg, made.Name), made.Source)
		})
	}
	if out, err := goRun(t, dir, "vet", "./..."); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}
