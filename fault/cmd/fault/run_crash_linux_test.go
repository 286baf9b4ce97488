//go:build amd64 || arm64

package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/devtool/build"
)

// crashing is an application with the kit that ends as it is asked to: at start, for what CRASH says in its environment.
func crashing(t *testing.T) string {
	t.Helper()
	return application(t, map[string]string{"go.mod": kitModule(t), "main.go": `package main

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"example.org/microblog/fault"
)

type order struct {
	Customer string
	Items    []string
}

func main() {
	if os.Getenv("CRASH") != "" {
		ship(&order{Customer: "gus"}, 0) // before the kit has begun
	}
	c := fault.New(fault.Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Getpid()) })
	mux.HandleFunc("/items", func(w http.ResponseWriter, r *http.Request) { pick(r, errors.New("out of tea")) })
	mux.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) {
		go ship(&order{Customer: "susan", Items: []string{"tea"}}, 3)
		select {}
	})
	mux.HandleFunc("/many", func(w http.ResponseWriter, r *http.Request) {
		start := make(chan bool)
		for n := range 6 {
			go func() { <-start; fail(n) }()
		}
		time.Sleep(10 * time.Millisecond)
		close(start)
		select {}
	})
	mux.HandleFunc("/files", func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := os.Open(os.DevNull); err != nil {
				giveUp(&order{Customer: err.Error()})
			}
		}
	})
	mux.HandleFunc("/later", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("asked")
		for {
			if _, err := os.Stat("now"); err == nil {
				go ship(&order{Customer: "ann"}, 0)
				select {}
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	mux.HandleFunc("/maps", func(w http.ResponseWriter, r *http.Request) {
		counts := map[int]int{}
		for range 8 {
			go count(counts, "many")
		}
		select {}
	})
	mux.HandleFunc("/overflow", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, deeper(&order{Customer: "david"}, 1)) })
	mux.HandleFunc("/exit", func(w http.ResponseWriter, r *http.Request) { leave(&order{Customer: "rita"}) })
	mux.HandleFunc("/fatal", func(w http.ResponseWriter, r *http.Request) { giveUp(&order{Customer: "tom"}) })
	for path, handler := range more {
		mux.HandleFunc(path, handler)
	}
	fmt.Fprintln(os.Stderr, add(1, 1))
	caught := c.Middleware(mux)
	server := &http.Server{Addr: os.Getenv("LISTEN"), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/outside" {
			ship(&order{Customer: "olga", Items: []string{"tea"}}, 5)
		}
		caught.ServeHTTP(w, r)
	})}
	log.Fatal(server.ListenAndServe())
}

var more = map[string]http.HandlerFunc{}

func ship(o *order, boxes int) {
	label := "to " + o.Customer
	fmt.Println(label, o.Items[boxes])
}

func fail(n int) {
	label := fmt.Sprint("number ", n)
	panic(label)
}

func count(counts map[int]int, label string) {
	for n := 0; ; n++ {
		counts[n%100] += len(label)
	}
}

func deeper(o *order, n int) int { return n + deeper(o, n+1) }

func leave(o *order) {
	code := len(o.Customer) - 1
	os.Exit(code)
}

func giveUp(o *order) {
	why := "the disk of " + o.Customer + " is full"
	log.Fatal(why)
}

func add(a, b int) int { return a + b }

func pick(r *http.Request, err error) {
	items := []string{"tea", "milk"}
	count := len(items)
	fmt.Println(items[count])
}
`})
}

// crashingInC is a further file of that application, where there is a C compiler.
const crashingInC = `package main

// static int weigh(int *boxes, int number) { return boxes[number]; }
import "C"

import (
	"fmt"
	"net/http"
)

func init() {
	more["/segfault"] = func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, weigh(&order{Customer: "hana"}, 3)) }
}

func weigh(o *order, number int) int {
	label := "of " + o.Customer
	weight := int(C.weigh(nil, C.int(number)))
	fmt.Println(label)
	return weight
}
`

// hooked has the runtime compiled that makes copies of crashes, as fault run does beside an application.
func hooked(t *testing.T, dir string) {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles a part of the standard library")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	b, err := build.Open(t.Context(), build.Options{Dir: dir, Package: ".", Env: cleanEnvironment()})
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "fault", "hook")
	if ready, err := b.UseHook(cache); ready || err != nil {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := b.PrepareHook(t.Context(), cache); err != nil {
		t.Fatal(err)
	}
}

// debugClient speaks to the debugger of a `fault run`.
type debugClient struct {
	r          *running
	url, token string
}

// debugger opens a session at an address that begins so.
func (r *running) debugger(failure string) *debugClient {
	r.t.Helper()
	pin := r.says(`debugger PIN: ([\d-]+)`)[1]
	d := &debugClient{r: r, url: failure[:strings.Index(failure, "/failures/")]}
	var session struct{ Token string }
	d.ask(http.MethodPost, "/session", fmt.Sprintf(`{"pin": %q}`, pin), &session)
	d.token = session.Token
	return d
}

// ask makes a request and decodes the answer. It returns the status.
func (d *debugClient) ask(method, path, body string, into any) int {
	d.r.t.Helper()
	request, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.r.t.Fatal(err)
	}
	request.Header.Set("Accept", "application/json")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if d.token != "" {
		request.Header.Set("Authorization", "Bearer "+d.token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * patience}
	response, err := client.Do(request)
	if err != nil {
		d.r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.r.t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		d.r.t.Fatalf("%s %s: %d %s: %v", method, path, response.StatusCode, text, err)
	}
	return response.StatusCode
}

type debugVariable struct{ Name, Value, Unreadable string }

// debugFailure is what the debugger says of a failure.
type debugFailure struct {
	Revision                      int
	State, Progress, Error, Title string
	PID                           int
	UnderWay                      []string `json:"under_way"`
	Failure                       struct {
		Kind, Message, Output string
		Request               *struct {
			Method, URL string
			Header      http.Header
		}
	}
	Explanations []struct{ Title, Text string }
	Frames       []struct {
		Frame    int
		Function string
		App      bool
		Source   []json.RawMessage
	}
}

// failure waits until the debugger is attached, or it is known that none can be.
func (d *debugClient) failure(id string) (f debugFailure) {
	d.r.t.Helper()
	d.r.until(func() (bool, string) {
		after := ""
		if f.Revision > 0 {
			after = fmt.Sprintf("?after=%d", f.Revision)
		}
		d.ask(http.MethodGet, "/failures/"+id+after, "", &f)
		return f.State == "ready" || f.State == "unavailable", "the debugger; it is " + f.State + " " + f.Progress
	})
	return f
}

// mayDebug skips a test where debuggers are not allowed.
func (f debugFailure) mayDebug(t *testing.T) {
	t.Helper()
	if f.State == "ready" {
		return
	}
	if strings.Contains(f.Error, "does not allow debuggers") || strings.Contains(f.Error, "ptrace_scope") {
		t.Skip(f.Error)
	}
	t.Fatalf("the debugger is %s: %s", f.State, f.Error)
}

// variables are those of the first frame of a function.
func (d *debugClient) variables(id string, f debugFailure, function string) map[string]string {
	d.r.t.Helper()
	for _, frame := range f.Frames {
		if frame.Function != function {
			continue
		}
		var found struct{ Arguments, Locals []debugVariable }
		d.ask(http.MethodGet, fmt.Sprintf("/failures/%s/frames/%d/variables", id, frame.Frame), "", &found)
		values := map[string]string{"frame": fmt.Sprint(frame.Frame)}
		for _, v := range append(found.Arguments, found.Locals...) {
			values[v.Name] = v.Value + v.Unreadable
		}
		return values
	}
	d.r.t.Fatalf("no frame of %s in %+v", function, f.Frames)
	return nil
}

// evaluate returns what an expression gives in a frame, or why it gives nothing.
func (d *debugClient) evaluate(id, frame, expression string, call bool) (value, why string) {
	d.r.t.Helper()
	var got struct {
		Result debugVariable
		Error  string
	}
	d.ask(http.MethodPost, "/failures/"+id+"/evaluate", fmt.Sprintf(`{"frame": %s, "expression": %q, "call": %t}`, frame, expression, call), &got)
	return got.Result.Value, got.Error
}

var debuggerLink = regexp.MustCompile(`http://[0-9.:]+/failures/([0-9A-Z]+)`)

// crash asks for a crash as a program does, and returns where the debugger shows it.
func (r *running) crash(path string, want ...string) (url, id string) {
	r.t.Helper()
	a := r.must(r.asks(http.MethodGet, path, "", "Accept: application/json"))
	link := debuggerLink.FindStringSubmatch(a.body)
	if a.status < 500 || link == nil {
		r.t.Fatalf("who asked for %s gets %d %s", path, a.status, a.body)
	}
	for _, text := range want {
		if !strings.Contains(a.body, text) {
			r.t.Errorf("no %q in %d %s", text, a.status, a.body)
		}
	}
	return link[0], link[1]
}

// pid waits until the application answers and returns the number of its process.
func (r *running) pid() (pid string) {
	r.t.Helper()
	r.until(func() (bool, string) {
		a, err := r.asks("GET", "/", "")
		pid = a.body
		return err == nil && a.status == http.StatusOK, "the application"
	})
	return pid
}

// endCopies are the copies of ended processes that are children of this `fault run`, and what else of it has ended and not been waited for.
func (r *running) endCopies() (copies []int, zombies []string) {
	r.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		_, rest, _ := strings.Cut(string(text), " (")
		end := strings.LastIndexByte(rest, ')')
		if err != nil || end < 0 {
			continue // it has ended
		}
		fields := strings.Fields(rest[end+1:])
		if fields[1] != strconv.Itoa(r.cmd.Process.Pid) {
			continue
		}
		switch name := rest[:end]; {
		case fields[0] == "Z":
			zombies = append(zombies, rest)
		case name == devlink.EndName, name == devlink.CrashName, name == devlink.CopyName:
			copies = append(copies, pid)
		}
	}
	return copies, zombies
}

// TestRunCrashDebugger: each end of the whole process can be looked at, with variables, while the application serves again.
func TestRunCrashDebugger(t *testing.T) {
	t.Parallel()
	dir := crashing(t)
	put(t, filepath.Join(dir, "c.go"), crashingInC)
	hooked(t, dir)
	r := runFault(t, dir, "--no-mailbox", "--no-vet")
	r.pid()
	withC, err := exec.CommandContext(t.Context(), "go", "env", "CGO_ENABLED").Output()
	if err != nil {
		t.Fatal(err)
	}
	d := testFirstPanic(t, r)
	testPanicOutside(t, r, d)
	for _, test := range []struct {
		path, kind, text, function string
		explained                  string
		want                       map[string]string
		call                       string // what it gives, or why there is none
	}{
		{"/panic", "crash", "index out of range [3] with length 1", "main.ship", "Index 3 is out of range", map[string]string{"boxes": "3", "label": `"to susan"`}, "3"},
		{"/maps", "crash", "concurrent map", "main.count", "Two goroutines used one map at once", map[string]string{"label": `"many"`}, "nothing can be called"},
		{"/overflow", "crash", "stack overflow", "main.deeper", "Stack overflow", map[string]string{"o.Customer": `"david"`}, "nothing can be called"},
		{"/exit", "ended", "exit code 3", "main.leave", "The application ended itself", map[string]string{"code": "3"}, "3"},
		{"/fatal", "ended", "the disk of tom is full", "main.giveUp", "The application ended itself", map[string]string{"why": `"the disk of tom is full"`}, "3"},
		{"/files", "ended", "too many open files", "main.giveUp", "Too many open files", map[string]string{"why": `"the disk of open /dev/null: too many open files is full"`}, "nothing can be called"},
		{"/segfault", "crash", "SIGSEGV: segmentation violation", "main.weigh", "", map[string]string{"number": "3", "label": `"of hana"`}, "nothing can be called"},
	} {
		if test.path == "/segfault" && strings.TrimSpace(string(withC)) != "1" {
			continue
		}
		r.pid()
		_, id := r.crash(test.path, test.text, test.function)
		f := d.failure(id)
		f.mayDebug(t)
		if f.Failure.Kind != test.kind || !strings.Contains(f.Title, test.text) {
			t.Errorf("%s is %s, %q", test.path, f.Failure.Kind, f.Title)
		}
		switch q := f.Failure.Request; test.path {
		case "/panic", "/maps": // in a goroutine that the request has started
			if q != nil || len(f.UnderWay) != 1 || f.UnderWay[0] != "GET "+test.path {
				t.Errorf("%s has the request %v; under way were %q", test.path, q, f.UnderWay)
			}
		default:
			if q == nil || q.Method != "GET" || q.URL != test.path || q.Header.Get("Accept") != "application/json" || f.UnderWay != nil {
				t.Errorf("%s has the request %v; under way were %q", test.path, q, f.UnderWay)
			}
		}
		if test.explained != "" && (len(f.Explanations) == 0 || f.Explanations[0].Title != test.explained) || test.path == "/panic" && !strings.Contains(f.Explanations[0].Text, "`boxes`") {
			t.Errorf("%s is explained by %+v", test.path, f.Explanations)
		}
		if n := len(f.Frames); n == 0 || n > 200 {
			t.Errorf("%s has %d frames", test.path, n)
		}
		values := d.variables(id, f, test.function)
		for name, want := range test.want {
			got := values[name]
			if strings.Contains(name, ".") {
				got, _ = d.evaluate(id, values["frame"], name, false)
			}
			if got != want {
				t.Errorf("%s: %s is %q, want %q; all are %q", test.path, name, got, want, values)
			}
		}
		if got, why := d.evaluate(id, values["frame"], `main.add(1, 2)`, true); !strings.Contains(got+why, test.call) {
			t.Errorf("%s: a call gives %q, %q, want %q", test.path, got, why, test.call)
		}
		d.ask(http.MethodPost, "/failures/"+id+"/drop", "{}", &struct{}{})
		put(t, filepath.Join(dir, ".env"), fmt.Sprintf("A=%q\n", test.path)) // after some crashes in a row it is not started again
	}
	for n := range 3 { // which of several goroutines has crashed is told of by all in the same way
		put(t, filepath.Join(dir, ".env"), fmt.Sprintf("A=%d\n", n))
		r.pid()
		_, id := r.crash("/many", "number")
		f := d.failure(id)
		f.mayDebug(t)
		if label := d.variables(id, f, "main.fail")["label"]; f.Title != "panic: "+strings.Trim(label, `"`) {
			t.Errorf("%q has the label %s", f.Title, label)
		}
		d.ask(http.MethodPost, "/failures/"+id+"/drop", "{}", &struct{}{})
	}
	r.until(func() (bool, string) {
		copies, zombies := r.endCopies()
		return len(copies)+len(zombies) == 0, fmt.Sprintf("the end of %v and %q", copies, zombies)
	})
}

// testFirstPanic looks at the first panic on a connection, which has a small stack: what lies on it is there, and what people ask
// first can be called, though libraries are compiled with optimisation.
func testFirstPanic(t *testing.T, r *running) *debugClient {
	t.Helper()
	found := describedBy.FindStringSubmatch(r.get("/items").header.Get("Link"))
	if found == nil {
		t.Fatal("the failure has no debugger")
	}
	_, id, _ := strings.Cut(found[2], "/failures/")
	d := r.debugger(found[1])
	f := d.failure(id)
	f.mayDebug(t)
	values := d.variables(id, f, "main.pick")
	if got, want := values["items"], `["tea", "milk"]`; got != want {
		t.Errorf("items is %s, want %s", got, want)
	}
	for expression, want := range map[string]string{
		"err.Error()":                      `"out of tea"`,
		"r.URL.String()":                   `"/items"`,
		"fmt.Sprint(count, err)":           `"2 out of tea"`,
		`r.Header.Get("Nothing") == ""`:    "true",
		`strings.ToUpper(items[0])`:        `"TEA"`,
		`fmt.Sprintf("%03d", count) + "!"`: `"002!"`,
		`r.URL.Query().Get("none") + r.URL.JoinPath("x", items[0]).Path`: `"/items/x/tea"`,
		`time.Unix(0, 0).UTC().Format("2006")[2:]`:                       `"70"`,
		`append(items, r.Method)[2]`:                                     `"GET"`,
	} {
		if got, why := d.evaluate(id, values["frame"], expression, true); got != want {
			t.Errorf("%s is %s (%s), want %s", expression, got, why, want)
		}
	}
	d.ask(http.MethodPost, "/failures/"+id+"/drop", "{}", &struct{}{})
	return d
}

// testPanicOutside has a handler panic that the catcher is not around.
func testPanicOutside(t *testing.T, r *running, d *debugClient) {
	t.Helper()
	_, id := r.crash("/outside", "index out of range [5] with length 1", "main.ship")
	f := d.failure(id)
	f.mayDebug(t)
	if values := d.variables(id, f, "main.ship"); values["label"] != `"to olga"` || f.Failure.Request == nil || f.Failure.Request.URL != "/outside" {
		t.Errorf("%q has the request %v and the variables %q", f.Title, f.Failure.Request, values)
	}
	d.ask(http.MethodPost, "/failures/"+id+"/drop", "{}", &struct{}{})
}

// TestRunCrashAtStart: the same for one that never gets to serve.
func TestRunCrashAtStart(t *testing.T) {
	t.Parallel()
	dir := crashing(t)
	hooked(t, dir)
	r := runFault(t, dir, "--no-mailbox", "--no-vet", "--env", "CRASH=yes")
	url := r.says(debuggerLink.String() + ".*")[0]
	id := debuggerLink.FindStringSubmatch(url)[1]
	d := r.debugger(url)
	f := d.failure(id)
	f.mayDebug(t)
	if values := d.variables(id, f, "main.ship"); values["label"] != `"to gus"` {
		t.Errorf("%q has the variables %q", f.Title, values)
	}
}

// TestRunCrashAgain: an application that crashes whenever it is asked to holds up nobody, and leaves no more than what is kept.
func TestRunCrashAgain(t *testing.T) {
	t.Parallel()
	dir := crashing(t)
	hooked(t, dir)
	for name, args := range map[string][]string{"private address": nil, "fixed address": {"--app-listen", freeAddress(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := t.TempDir()
			if err := os.CopyFS(own, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			testCrashAgain(t, runFault(t, own, append(args, "--no-mailbox", "--no-vet")...), own)
		})
	}
}

func testCrashAgain(t *testing.T, r *running, dir string) {
	for i := range 20 {
		r.pid()
		others := make(chan error)
		for range 4 {
			go func() {
				a, err := r.asks("GET", "/", "")
				if err == nil && a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
					err = fmt.Errorf("%d %s", a.status, a.body)
				}
				others <- err
			}()
		}
		r.crash([]string{"/panic", "/maps", "/exit"}[i%3])
		for range 4 {
			if err := <-others; err != nil {
				t.Errorf("a request beside crash %d: %v", i, err)
			}
		}
		put(t, filepath.Join(dir, ".env"), fmt.Sprintf("A=%d\n", i)) // as a developer goes on
	}
	r.pid()
	r.until(func() (bool, string) {
		copies, zombies := r.endCopies()
		return len(copies) == 20 && len(zombies) == 0, fmt.Sprintf("20 copies; they are %v, and there are %q", copies, zombies)
	})
}

// TestRunCrashWithoutHook: where the runtime makes no copy, a crash has its stack with source, and why there is no more.
func TestRunCrashWithoutHook(t *testing.T) {
	t.Parallel()
	dir := crashing(t)
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	r := runFaultWith(t, dir, []string{"XDG_CACHE_HOME=" + t.TempDir(), "GOCACHE=" + strings.TrimSpace(string(cache))}, "--no-mailbox", "--no-vet")
	r.pid()
	url, id := r.crash("/outside", "index out of range", "main.ship")
	if f := r.debugger(url).failure(id); f.State != "unavailable" || !strings.Contains(f.Error, "this version was built") || len(f.Frames) == 0 || f.Frames[0].Function != "main.ship" || f.Frames[0].Source == nil {
		t.Errorf("%+v", f)
	}
	url, id = r.crash("/panic", "index out of range")
	f := r.debugger(url).failure(id)
	// It is built anew for that by itself, once the runtime that makes a copy is compiled.
	if f.State == "unavailable" && !strings.Contains(f.Error, "this version was built") || len(f.Frames) == 0 || f.Frames[0].Function != "main.ship" || f.Frames[0].Source == nil {
		t.Errorf("%+v", f)
	}
}

// TestRunCrashBehind: a version that crashes while it finishes its requests, when the next one serves already, can be looked at, too.
func TestRunCrashBehind(t *testing.T) {
	t.Parallel()
	dir := crashing(t)
	hooked(t, dir)
	r := runFault(t, dir, "--no-mailbox", "--no-vet")
	before := r.pid()
	got := make(chan answer)
	go func() {
		a, err := r.asks(http.MethodGet, "/later", "", "Accept: application/json")
		if err != nil {
			a.body = err.Error()
		}
		got <- a
	}()
	r.until(func() (bool, string) { return strings.Contains(r.out.String(), "asked"), "the request" })
	put(t, filepath.Join(dir, ".env"), "A=1\n")
	r.until(func() (bool, string) { return r.pid() != before, "the next version" })
	put(t, filepath.Join(dir, "now"), "")
	a := <-got
	if link := debuggerLink.FindStringSubmatch(a.body); a.status < 500 || link == nil || !strings.Contains(a.body, "index out of range") || !strings.Contains(a.body, "finishing its requests") {
		t.Errorf("who asked gets %d %s", a.status, a.body)
	}
	if a := r.get("/"); a.status != http.StatusOK {
		t.Errorf("the next one answers %d %s", a.status, a.body)
	}
}

// TestRunEndsAsTold: a process that ends with an error because it is told to leaves no copy.
func TestRunEndsAsTold(t *testing.T) {
	t.Parallel()
	dir := crashing(t)
	hooked(t, dir)
	main := filepath.Join(dir, "main.go")
	source, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	told := strings.Replace(string(source), "log.Fatal(server.ListenAndServe())", `go func() { log.Fatal(server.ListenAndServe()) }()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	os.Exit(1)`, 1)
	put(t, main, strings.Replace(told, `"os"`, "\"os\"\n\t\"os/signal\"\n\t\"syscall\"", 1))
	r := runFault(t, dir, "--no-mailbox", "--no-vet")
	before := r.pid()
	put(t, filepath.Join(dir, ".env"), "A=1\n")
	r.until(func() (bool, string) { return r.pid() != before, "the next version" })
	r.until(func() (bool, string) {
		copies, zombies := r.endCopies()
		return len(copies)+len(zombies) == 0, fmt.Sprintf("the end of %v and %q", copies, zombies)
	})
	if said := r.err.String(); debuggerLink.MatchString(said) || strings.Contains(said, "ended") {
		t.Errorf("its end is told of:\n%s", said)
	}
}

// TestRunCrashWithoutDebugger: no copy is made then.
func TestRunCrashWithoutDebugger(t *testing.T) {
	t.Parallel()
	dir := crashing(t)
	hooked(t, dir)
	r := runFault(t, dir, "--no-mailbox", "--no-vet", "--no-debugger")
	r.pid()
	if a := r.browse("/outside"); a.status != http.StatusInternalServerError || !strings.Contains(a.body, "index out of range") || debuggerLink.MatchString(a.body) {
		t.Errorf("who asked gets %d %s", a.status, a.body)
	}
	if copies, _ := r.endCopies(); len(copies) != 0 {
		t.Errorf("there are the copies %v", copies)
	}
	if a := r.browse("/panic"); a.status < 500 || !strings.Contains(a.body, "index out of range") || debuggerLink.MatchString(a.body) {
		t.Errorf("who asked gets %d %s", a.status, a.body)
	}
	if copies, _ := r.endCopies(); len(copies) != 0 {
		t.Errorf("there are the copies %v", copies)
	}
}
