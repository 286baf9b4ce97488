//go:build amd64 || arm64

package main_test

import (
	"fmt"
	"html"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// panicking is an application without the kit whose handlers panic.
const panicking = `package main

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

type order struct {
	Customer string
	Items    []string
}

var asked atomic.Int64

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Getpid()) })
	http.HandleFunc("/items", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_ = r.ParseForm()
		pick(&order{Customer: "susan", Items: []string{"tea", "milk"}}, len(r.FormValue("n"))+1)
	})
	http.HandleFunc("/asked", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, asked.Load()) })
	http.HandleFunc("/number", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		fail(r.FormValue("n"))
	})
	http.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		// Pages that hold nothing: only what says where they are is copied.
		pages, err := syscall.Mmap(-1, 0, 4<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
		if err != nil {
			fmt.Fprint(w, err)
			return
		}
		const inSmall = 15 // MADV_NOHUGEPAGE
		_ = syscall.Madvise(pages, inSmall)
		pages[0] = 1
		var sum byte
		for i := 0; i < len(pages); i += 4096 {
			sum += pages[i]
		}
		fmt.Fprint(w, "large ", sum)
	})
	http.HandleFunc("/again", func(w http.ResponseWriter, r *http.Request) {
		defer func() { panic(recover()) }()
		fail("twice")
	})
	http.HandleFunc("/within", func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			defer func() { _ = recover() }()
			panic("while it panics")
		}()
		fail("with another")
	})
	http.HandleFunc("/instead", func(w http.ResponseWriter, r *http.Request) {
		defer fail("instead")
		panic("not told")
	})
	http.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "plain")
		w.(http.Flusher).Flush()
		fail("after plain")
	})
	http.HandleFunc("/recovered", func(w http.ResponseWriter, r *http.Request) {
		defer func() { fmt.Fprint(w, "recovered: ", recover()) }()
		fail("not told")
	})
	http.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	http.HandleFunc("/begun", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><html><head><title>Begun</title></head><body>begun")
		w.(http.Flusher).Flush()
		panic(errors.New("too late\ngoroutine 1 [running]:\nnot.ours()"))
	})
	http.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		log.SetOutput(os.Stderr)
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
		fail("as \"JSON\"")
	})
	http.HandleFunc("/quoted", func(w http.ResponseWriter, r *http.Request) {
		slog.SetDefault(slog.New(slog.NewTextHandler(os.Stdout, nil)))
		fail("as quoted text")
	})
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}

func pick(o *order, at int) {
	count := len(o.Items)
	fmt.Println(o.Items[at], count)
}

func fail(n string) {
	label := "number " + n
	panic(label)
}
`

// TestRunPanic: a panic in a handler of net/http, in an application that knows nothing of the kit, is the answer to its request.
func TestRunPanic(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": panicking})
	hooked(t, dir)
	r := runFault(t, dir, "--no-mailbox", "--no-vet")
	r.pid()
	const message = "runtime error: index out of range [2] with length 2"

	a := r.must(r.asks(http.MethodPost, "/items?page=3&token=secret", "n=x&password=hunter2", "Accept: application/json", "Content-Type: application/x-www-form-urlencoded"))
	found := describedBy.FindStringSubmatch(a.header.Get("Link"))
	if a.status != http.StatusInternalServerError || found == nil || !strings.Contains(a.body, message) || !strings.Contains(a.body, `"main.pick"`) ||
		strings.Contains(a.body, "hunter2") || strings.Contains(a.body, "secret") || !strings.Contains(a.body, `"n":`) {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	d := r.debugger(found[1])
	_, id, _ := strings.Cut(found[2], "/failures/")
	f := d.failure(id)
	f.mayDebug(t)
	if q := f.Failure.Request; f.Failure.Kind != "panic" || f.Title != "POST /items: panic: "+message || q == nil || q.Method != "POST" || !strings.HasPrefix(q.URL, "/items?page=3&token=") {
		t.Errorf("%+v", f)
	}
	if len(f.Frames) == 0 || f.Frames[0].Function != "main.pick" || f.Frames[0].Source == nil {
		t.Errorf("the frames are %+v", f.Frames)
	}
	if len(f.Explanations) == 0 || f.Explanations[0].Title != "Index 2 is out of range" {
		t.Errorf("it is explained by %+v", f.Explanations)
	}
	values := d.variables(id, f, "main.pick")
	if values["at"] != "2" || values["count"] != "2" {
		t.Errorf("the variables are %q", values)
	}
	if got, why := d.evaluate(id, values["frame"], "o.Customer", false); got != `"susan"` {
		t.Errorf("o.Customer is %q (%s)", got, why)
	}
	if got, why := d.evaluate(id, values["frame"], `main.fail("x")`, true); !strings.Contains(why, "nothing can be called in it") {
		t.Errorf("a call gives %q (%s)", got, why)
	}

	if a := r.browse("/items?n=x"); a.status != http.StatusInternalServerError || !strings.Contains(a.body, "<html") || !strings.Contains(a.body, "index out of range") || !strings.Contains(a.body, "main.go") {
		t.Errorf("a browser gets %d %s", a.status, a.body)
	}
	curl := []string{"User-Agent: curl/8.5.0", "Accept: */*"}
	if a := r.must(r.asks(http.MethodGet, "/items?n=x", "", curl...)); a.status != http.StatusInternalServerError || !strings.Contains(a.body, "panic: "+message) || !strings.Contains(a.body, "main.pick") || strings.HasPrefix(a.body, "{") {
		t.Errorf("a terminal gets %d %s", a.status, a.body)
	}
	if a := r.get("/asked"); a.body != "3" {
		t.Errorf("3 requests were made %s times", a.body)
	}
	for _, accept := range []string{"application/json", "text/html", "text/plain"} {
		a := r.must(r.asks(http.MethodPost, "/items?n=x", `{"body": "is kept", "password": "hunter2"}`, "Accept: "+accept, "Sec-Fetch-Mode: navigate", "Content-Type: application/json"))
		if text := html.UnescapeString(a.body); a.status != http.StatusInternalServerError || !strings.Contains(text, "is kept") || strings.Contains(text, "hunter2") {
			t.Errorf("a body of JSON, as %s: %d %s", accept, a.status, a.body)
		}
	}
	if a, err := r.asks(http.MethodGet, "/items?n=x", "", "Host: evil.example"); err == nil {
		t.Errorf("another one is answered %d %s", a.status, a.body)
	}
	if a, err := r.asks(http.MethodGet, "/abort", ""); err == nil {
		t.Errorf("what is broken off on purpose is answered %d %s", a.status, a.body)
	}
	if a := r.get("/recovered"); a.body != "recovered: number not told" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for path, value := range map[string]string{"/again": "number twice", "/within": "number with another", "/instead": "number instead"} {
		if a := r.must(r.asks(http.MethodGet, path, "", curl...)); a.status != http.StatusInternalServerError || !strings.Contains(a.body, "panic: "+value) || !strings.Contains(a.body, "label := \"number \" + n") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		found = describedBy.FindStringSubmatch(r.get(path).header.Get("Link"))
		if found == nil {
			t.Fatalf("%s has no debugger", path)
		}
		_, id, _ = strings.Cut(found[2], "/failures/")
		f = d.failure(id)
		if values := d.variables(id, f, "main.fail"); f.State != "ready" || values["label"] != strconv.Quote(value) {
			t.Errorf("%s: %s %s: the variables are %q", path, f.State, f.Error, values)
		}
	}
	if a, err := r.asks(http.MethodGet, "/plain", ""); err == nil || a.body != "plain" {
		t.Errorf("%v, %d %s", err, a.status, a.body)
	}
	r.says(`failed: GET /plain: panic: number after plain`)
	if a, err := r.asks(http.MethodGet, "/begun", "", "Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none"); err == nil || !strings.Contains(a.body, "client.js?failure=") {
		t.Errorf("%v, %d %s", err, a.status, a.body)
	}
	r.says(`failed: GET /begun: panic: too late; goroutine 1`)
	testManyPanics(t, r)
	var list struct {
		Failures []struct{ ID, State, Title string }
	}
	d.ask(http.MethodGet, "/failures", "", &list)
	if len(list.Failures) != 20 {
		t.Errorf("%+v", list)
	}
	for _, f := range list.Failures {
		if f.State != "idle" {
			t.Errorf("%s has no copy", f.Title)
		}
	}
	for path, want := range map[string]string{"/json": `panic: number as "JSON"`, "/quoted": "panic: number as quoted text"} {
		if a := r.must(r.asks(http.MethodGet, path, "", curl...)); a.status != http.StatusInternalServerError || !strings.Contains(a.body, want) || !strings.Contains(a.body, "main.fail") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}

	d.ask(http.MethodGet, "/failures", "", &list)
	for _, f := range list.Failures {
		d.ask(http.MethodPost, "/failures/"+f.ID+"/drop", "{}", &struct{}{})
	}
	r.until(func() (bool, string) {
		copies, zombies := r.endCopies()
		return len(copies)+len(zombies) == 0, fmt.Sprintf("the end of %v and %q", copies, zombies)
	})
}

// testManyPanics has many requests at the same time, every second of which panics.
func testManyPanics(t *testing.T, r *running) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	var links []string
	for n := range 20 {
		all.Go(func() {
			a, err := r.asks(http.MethodGet, fmt.Sprintf("/number?n=%d", n), "", "Accept: application/json")
			if want := fmt.Sprintf(`panic: number %d"`, n); err != nil || a.status != http.StatusInternalServerError || !strings.Contains(a.body, want) || !strings.Contains(a.body, fmt.Sprintf("/number?n=%d\"", n)) {
				t.Errorf("%d: %v, %d %s", n, err, a.status, a.body)
			}
			mu.Lock()
			defer mu.Unlock()
			links = append(links, a.header.Get("Link"))
		})
		all.Go(func() {
			if a, err := r.asks(http.MethodGet, "/", ""); err != nil || a.status != http.StatusOK {
				t.Errorf("beside it: %v, %d %s", err, a.status, a.body)
			}
		})
	}
	all.Wait()
	slices.Sort(links)
	if links = slices.Compact(links); len(links) != 20 {
		t.Errorf("the failures are %q", links)
	}
}

// TestRunPanicWithoutHook: the runtime that makes copies is compiled when an application without the kit has panicked, and used by
// a build that is made for that, once.
func TestRunPanicWithoutHook(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": panicking})
	hooked(t, dir) // so that it is compiled in no time
	compiled, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	r := runFaultWith(t, dir, []string{"XDG_CACHE_HOME=" + cache, "GOCACHE=" + strings.TrimSpace(string(compiled))}, "--no-mailbox", "--no-vet")
	before := r.pid()
	url, id := r.crash("/number?n=1", "panic: number 1", "main.fail")
	d := r.debugger(url)
	if f := d.failure(id); f.State != "unavailable" || !strings.Contains(f.Error, "this version was built with Go's own runtime") || len(f.Frames) == 0 || f.Frames[0].Function != "main.fail" || f.Frames[0].Source == nil {
		t.Errorf("%+v", f)
	}
	r.says(`(?s)compiling the debugger's Go runtime.*Go runtime is compiled.*building anew.*built in`)
	r.until(func() (bool, string) { return r.pid() != before, "the next version" })
	_, id = r.crash("/number?n=2", "panic: number 2")
	var list struct {
		Failures []struct{ ID, State string }
	}
	d.ask(http.MethodGet, "/failures", "", &list)
	if len(list.Failures) != 2 || !strings.HasPrefix(list.Failures[0].ID, id) || list.Failures[0].State != "idle" {
		t.Errorf("after %s there are %+v", id, list)
	}
	if a := r.get("/large"); a.body != "large 1" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() { r.crash(fmt.Sprintf("/number?n=%d", n), "main.fail") })
	}
	all.Wait()
	d.ask(http.MethodGet, "/failures", "", &list)
	copies := 0
	for _, f := range list.Failures {
		if f.State == "idle" {
			copies++
		}
	}
	t.Logf("%d copies", copies)
	if copies < 2 || copies > 14 {
		t.Errorf("of a process with large tables of pages there are %d copies", copies)
	}
	if n := strings.Count(r.err.String(), "built in"); n != 2 {
		t.Errorf("%d versions were built:\n%s", n, r.err.String())
	}
}
