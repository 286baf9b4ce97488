package main_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// editedMain is the application that is edited: its version is in a package of its own, a template and a stylesheet are
// read from disk.
const editedMain = `package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"example.test/app/version"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, version.Text()) })
	mux.HandleFunc("GET /template", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "templates/page.txt.tmpl") })
	mux.HandleFunc("GET /style", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "static/style.css") })
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // the server of net/http wants a request read before its answer
		w.Write(body)
	})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(150 * time.Millisecond)
		fmt.Fprint(w, "slow")
	})
	l, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		panic(err)
	}
	panic(http.Serve(l, mux))
}
`

func versionFile(n int) string {
	return fmt.Sprintf("package version\n\nfunc Text() string { return \"v%d\" }\n", n)
}

// TestEdits makes random edits, good and bad, under a steady load: no request fails, and after the last save of each
// burst the newest good version is served. FAULT_TEST_EDITS is how many edits are made.
func TestEdits(t *testing.T) {
	t.Parallel()
	edits := 80
	if text := os.Getenv("FAULT_TEST_EDITS"); text != "" {
		var err error
		if edits, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	dir := application(t, map[string]string{
		"main.go": editedMain, "version/version.go": versionFile(0),
		"templates/page.txt.tmpl": "t0", "static/style.css": "s0", "notes.txt": "nothing",
	})
	r := runFault(t, dir, "--no-mailbox", "--from-disk", "templates", "--from-disk", "static", ".")
	r.serves("/version", "v0")

	load := startLoad(r)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	e := &editor{t: t, r: r, dir: dir, random: rand.New(rand.NewPCG(seed, 1)), file: "version/version.go"}
	for e.edits < edits {
		for range 1 + e.random.IntN(4) { // a burst
			e.edit()
		}
		e.check()
	}
	e.mend()
	e.check()
	requests, waited, failures := load.stop()
	t.Logf("%d edits, %d versions, %d requests, the slowest took %v", e.edits, e.version, requests, waited)
	for _, failure := range failures {
		t.Error(failure)
	}
	if requests < int64(edits) {
		t.Errorf("only %d requests were made", requests)
	}
}

// editor edits the application and knows what it must answer.
type editor struct {
	t      *testing.T
	r      *running
	dir    string
	random *rand.Rand
	file   string // that holds the version at the moment

	edits           int
	number          int    // of the last edit that changed a text
	version, served int    // in the source; of the last good source that was waited for
	broken          bool   // the source does not compile
	template, style string // what they hold
}

func (e *editor) path(name string) string { return filepath.Join(e.dir, name) }

func (e *editor) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *editor) edit() {
	e.edits++
	e.number++
	n := e.number
	pause := []time.Duration{0, 0, time.Millisecond, 20 * time.Millisecond, 120 * time.Millisecond, 400 * time.Millisecond}
	defer func() { time.Sleep(pause[e.random.IntN(len(pause))]) }()
	switch e.random.IntN(14) {
	case 0, 1, 2: // save
		e.good(func(text string) { e.must(os.WriteFile(e.path(e.file), []byte(text), 0o644)) })
	case 3: // save as most editors do: write beside, then rename
		e.good(func(text string) {
			e.must(os.WriteFile(e.path(e.file)+"~tmp", []byte(text), 0o644))
			e.must(os.Rename(e.path(e.file)+"~tmp", e.path(e.file)))
		})
	case 4: // save slowly
		e.good(func(text string) {
			f, err := os.Create(e.path(e.file))
			e.must(err)
			_, err = f.WriteString(text[:len(text)/2])
			e.must(err)
			time.Sleep(time.Duration(e.random.IntN(30)) * time.Millisecond)
			_, err = f.WriteString(text[len(text)/2:])
			e.must(err)
			e.must(f.Close())
		})
	case 5: // a syntax error
		e.must(os.WriteFile(e.path(e.file), []byte(versionFile(n)+"func ("), 0o644))
		e.broken = true
	case 6: // a type error
		e.must(os.WriteFile(e.path(e.file), []byte(versionFile(n)+"var n int = \"text\"\n"), 0o644))
		e.broken = true
	case 7: // rename
		name := fmt.Sprintf("version/v%d.go", n)
		e.must(os.Rename(e.path(e.file), e.path(name)))
		e.file = name
	case 8: // delete, and a moment later write again
		text, err := os.ReadFile(e.path(e.file))
		e.must(err)
		e.must(os.Remove(e.path(e.file)))
		time.Sleep(time.Duration(e.random.IntN(200)) * time.Millisecond)
		e.must(os.WriteFile(e.path(e.file), text, 0o644))
	case 9: // touch
		e.must(os.Chtimes(e.path(e.file), time.Now(), time.Now()))
	case 10: // something that is no input
		e.must(os.WriteFile(e.path("notes.txt"), []byte(fmt.Sprint(n)), 0o644))
	case 11: // a burst on one file
		for i := range 6 {
			e.good(func(text string) { e.must(os.WriteFile(e.path(e.file), []byte(text), 0o644)) })
			time.Sleep(time.Duration(i) * time.Millisecond)
		}
	case 12:
		e.template = fmt.Sprintf("t%d", n)
		e.must(os.WriteFile(e.path("templates/page.txt.tmpl"), []byte(e.template), 0o644))
	case 13:
		e.style = fmt.Sprintf("s%d", n)
		e.must(os.WriteFile(e.path("static/style.css"), []byte(e.style), 0o644))
	}
}

// good makes the source that of a new version.
func (e *editor) good(save func(text string)) {
	e.version++
	e.broken = false
	save(versionFile(e.version))
}

func (e *editor) mend() {
	e.good(func(text string) { e.must(os.WriteFile(e.path(e.file), []byte(text), 0o644)) })
}

// check waits until what is served is what was saved.
func (e *editor) check() {
	e.t.Helper()
	if e.template != "" {
		e.r.serves("/template", e.template)
	}
	if e.style != "" {
		e.r.serves("/style", e.style)
	}
	if !e.broken {
		e.r.serves("/version", fmt.Sprintf("v%d", e.version))
		e.served = e.version
		e.r.until(func() (bool, string) {
			a, err := e.r.asks(http.MethodGet, "/version", "", "Accept: text/html", "Sec-Fetch-Mode: navigate")
			return err == nil && a.status == http.StatusOK, fmt.Sprintf("a page load; it is %d %.300s, %v", a.status, a.body, err)
		})
		return
	}
	e.r.until(func() (bool, string) {
		a, err := e.r.asks(http.MethodGet, "/version", "", "Accept: text/html", "Sec-Fetch-Mode: navigate")
		return err == nil && a.status == http.StatusServiceUnavailable, fmt.Sprintf("the page of the build error; it is %d %.300s, %v", a.status, a.body, err)
	})
	if a := e.r.get("/version"); a.status != http.StatusOK || !strings.HasPrefix(a.body, "v") {
		e.t.Errorf("while the source is broken a program gets %d %.300s", a.status, a.body)
	}
}

// load makes requests all the time.
type load struct {
	r        *running
	ending   chan struct{}
	workers  sync.WaitGroup
	requests atomic.Int64

	mu       sync.Mutex
	slowest  time.Duration
	failures []string
}

// startLoad begins with a few clients, some with connections that are kept open and some without.
func startLoad(r *running) *load {
	l := &load{r: r, ending: make(chan struct{})}
	for i := range 4 {
		l.workers.Go(func() { l.work(i) })
	}
	return l
}

func (l *load) work(i int) {
	transport := &http.Transport{DisableKeepAlives: i%2 == 0, DialContext: (&net.Dialer{Timeout: patience}).DialContext}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 2 * patience}
	for n := 0; ; n++ {
		select {
		case <-l.ending:
			return
		case <-time.After(25 * time.Millisecond):
		}
		start := time.Now()
		err := l.ask(&client, i, n)
		took := time.Since(start)
		l.requests.Add(1)
		l.mu.Lock()
		l.slowest = max(l.slowest, took)
		if err != nil && len(l.failures) < 20 {
			l.failures = append(l.failures, fmt.Sprintf("%s: %v", start.Format(time.StampMilli), err))
		}
		l.mu.Unlock()
	}
}

// ask makes one request, of several kinds in turn, and checks its answer.
func (l *load) ask(client *http.Client, i, n int) error {
	url := "http://" + l.r.addr
	want := ""
	var response *http.Response
	var err error
	switch n % 4 {
	case 0, 2:
		response, err = client.Get(url + "/version")
	case 1:
		want = strings.Repeat(fmt.Sprintf("%d %d ", i, n), 300)
		response, err = client.Post(url+"/echo", "text/plain", strings.NewReader(want))
	case 3:
		want = "slow"
		response, err = client.Get(url + "/slow")
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %d %.500s", response.Request.URL, response.StatusCode, body)
	case want != "" && string(body) != want:
		return fmt.Errorf("%s: %.100q instead of %.100q", response.Request.URL, body, want)
	case want == "" && !strings.HasPrefix(string(body), "v"):
		return errors.New("no version: " + string(body))
	}
	return nil
}

func (l *load) stop() (requests int64, slowest time.Duration, failures []string) {
	close(l.ending)
	l.workers.Wait()
	return l.requests.Load(), l.slowest, l.failures
}
