//go:build amd64 || arm64

package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// hanging is an application some of whose handlers do not come back from a panic.
func hanging(t *testing.T) string {
	t.Helper()
	sums, err := os.ReadFile("../../go.sum") // else the go command writes one, and the application is built once more
	if err != nil {
		t.Fatal(err)
	}
	return application(t, map[string]string{"go.mod": kitModule(t), "go.sum": string(sums), "main.go": `package main

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/sqltrace"
)

var (
	free = make(chan struct{}) // is closed when the handlers may go on
	back sync.WaitGroup        // the handlers that have gone on
	mu   sync.Mutex

	taken    = make(chan struct{}) // is closed when the response of returns is
	returned = make(chan struct{}) // and when its handler has returned
)

func main() {
	db := sql.OpenDB(sqltrace.Connector(colours{}, sqltrace.Options{}))
	c := fault.New(fault.Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "up") })
	mux.Handle("/scan", c.Handle(func(w http.ResponseWriter, r *http.Request) error { return scan(w, r, db) }))
	mux.HandleFunc("/locked", locked)
	mux.HandleFunc("/recovered", recovered)
	mux.HandleFunc("/inside", inside)
	mux.HandleFunc("/begun", begun)
	mux.HandleFunc("/again", again)
	mux.HandleFunc("/returns", returns)
	mux.HandleFunc("/free", func(w http.ResponseWriter, r *http.Request) { close(free); back.Wait(); fmt.Fprint(w, "free") })
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), outside(c.Middleware(mux))))
}

// outside is a middleware around the Catcher.
func outside(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/returns" {
			defer close(returned)
			w = late{w}
		}
		next.ServeHTTP(w, r)
	})
}

// late lets the handler go on, and gives it time to return, before it hands out the connection.
type late struct{ http.ResponseWriter }

func (l late) Unwrap() http.ResponseWriter { return l.ResponseWriter }

func (l late) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	close(taken)
	select {
	case <-returned:
		time.Sleep(100 * time.Millisecond) // net/http finishes the response.
	case <-time.After(time.Second):
	}
	return http.NewResponseController(l.ResponseWriter).Hijack()
}

// returns comes back from its panic just when its response is taken.
func returns(w http.ResponseWriter, r *http.Request) {
	defer func() { _ = recover() }()
	defer func() { <-taken }()
	panic("back too late")
}

// again hangs in another panic than its first, which a second one has replaced.
func again(w http.ResponseWriter, r *http.Request) {
	func() {
		defer func() { _ = recover() }()
		defer func() { panic("the second") }()
		panic("the first")
	}()
	defer func() { <-free }()
	panic("the third")
}

// scan hangs for ever: database/sql keeps the rows locked while a Scanner runs, and Close wants that lock.
func scan(w http.ResponseWriter, r *http.Request, db *sql.DB) error {
	rows, err := db.QueryContext(r.Context(), "SELECT colour FROM paint WHERE id = ?", 7)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c colour
		if err := rows.Scan(&c); err != nil {
			return err
		}
	}
	return rows.Err()
}

type colour int

func (c *colour) Scan(value any) error {
	names := map[string]int{"red": 1}
	name := string(value.([]byte))
	if names[name] == 0 {
		panic("no colour is called " + name)
	}
	return nil
}

// locked hangs until it is let go, and would answer then.
func locked(w http.ResponseWriter, r *http.Request) {
	back.Add(1)
	defer back.Done()
	mu.Lock()
	defer mu.Unlock()
	defer func() { http.Error(w, "too late", http.StatusTeapot) }()
	defer func() { <-free }()
	panic("locked out")
}

// recovered takes long after a panic that is over.
func recovered(w http.ResponseWriter, r *http.Request) {
	func() {
		defer func() { _ = recover() }()
		panic("over")
	}()
	<-free
	fmt.Fprint(w, "recovered")
}

// inside takes long in the very function that recovers.
func inside(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if recover() != nil {
			<-free
			fmt.Fprint(w, "recovered inside")
		}
	}()
	panic("inside")
}

// begun hangs with a response that has begun: nothing can take its place.
func begun(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "begun")
	http.NewResponseController(w).Flush()
	defer func() { <-free }()
	panic("begun")
}

// colours is a database of one row.
type colours struct{}

func (c colours) Connect(context.Context) (driver.Conn, error) { return c, nil }
func (c colours) Driver() driver.Driver                        { return nil }
func (c colours) Prepare(string) (driver.Stmt, error)          { return nil, driver.ErrSkip }
func (c colours) Begin() (driver.Tx, error)                    { return nil, driver.ErrSkip }
func (c colours) Close() error                                 { return nil }
func (c colours) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return new(row), nil
}

type row struct{ read bool }

func (r *row) Columns() []string { return []string{"colour"} }
func (r *row) Close() error      { return nil }
func (r *row) Next(dest []driver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read, dest[0] = true, []byte("mauve")
	return nil
}
`})
}

// TestRunHanging: a request whose handler hangs in a deferred function because of its panic is answered with that panic. One
// that has recovered, and takes its time, is let alone.
func TestRunHanging(t *testing.T) {
	t.Parallel()
	dir := hanging(t)
	hooked(t, dir)
	r := runFault(t, dir, ".")
	r.serves("/", "up")

	type result struct {
		path string
		answer
		err error
	}
	patient := make(chan result, 2)
	for _, path := range []string{"/recovered", "/inside"} {
		go func() {
			a, err := r.asks(http.MethodGet, path, "")
			patient <- result{path, a, err}
		}()
	}
	broken := make(chan result, 1)
	go func() {
		a, err := r.asks(http.MethodGet, "/begun", "")
		broken <- result{"/begun", a, err}
	}()
	hanging := []struct {
		name, method, path, body string
		says                     []string
	}{
		{"a Scanner", http.MethodGet, "/scan", "", []string{
			"no colour is called mauve", "main.(*colour).Scan", "the handler hangs", "sync.(*RWMutex).Lock", "database/sql.(*Rows).Close at database/sql/sql.go:", "SELECT colour FROM paint",
		}},
		{"a channel", http.MethodPost, "/locked", strings.Repeat("x", 1<<20), []string{"locked out", "the handler hangs", "chan receive", "main.locked.func2 at main.go:", `"type": "hang"`}},
		{"the last of several panics", http.MethodGet, "/again", "", []string{`"detail": "panic: the third"`, "the handler hangs"}},
		{"it comes back as its response is taken", http.MethodGet, "/returns", "", []string{"back too late", "the handler hangs"}},
	}
	// At the same time, and not by parallel subtests: these would wait for other tests, and those above with them.
	results := make([]chan result, len(hanging))
	for i, test := range hanging {
		results[i] = make(chan result, 1)
		go func() {
			a, err := r.asks(test.method, test.path, test.body)
			results[i] <- result{test.path, a, err}
		}()
	}
	for i, test := range hanging {
		t.Run(test.name, func(t *testing.T) {
			a := <-results[i]
			now := time.Now()
			if a.err != nil {
				t.Fatal(a.err)
			}
			if a.status != http.StatusInternalServerError || a.header.Get("Fault-Id") == "" {
				t.Errorf("it is answered %d, %v", a.status, a.header)
			}
			var body struct{ Failure struct{ Time time.Time } }
			if err := json.Unmarshal([]byte(a.body), &body); err != nil {
				t.Fatal(err)
			}
			if early := now.Sub(body.Failure.Time); early < 2*time.Second { // The answer has waited that long.
				t.Errorf("it is of the time of its answer, %v ago, and not of that of the panic", early)
			}
			for _, text := range test.says {
				if !strings.Contains(a.body, text) {
					t.Errorf("%q is not in\n%s", text, a.body)
				}
			}
		})
	}
	select {
	case a := <-patient:
		t.Fatalf("%s was answered %d %q, %v", a.path, a.status, a.body, a.err)
	case a := <-broken:
		t.Fatalf("%s was answered %d %q, %v", a.path, a.status, a.body, a.err)
	default:
	}

	if a := r.get("/free"); a.body != "free" {
		t.Errorf("letting the handlers go on: %d %q", a.status, a.body)
	}
	for range 2 {
		if a := <-patient; a.status != http.StatusOK || !strings.HasPrefix(a.body, "recovered") {
			t.Errorf("%s is answered %d %q, %v", a.path, a.status, a.body, a.err)
		}
	}
	if a := <-broken; a.err == nil {
		t.Errorf("a response that had begun ends as if it were complete: %d %q", a.status, a.body)
	}
	r.serves("/", "up")
	if n := strings.Count(r.err.String(), "POST /locked failed"); n != 1 {
		t.Errorf("the failure of one request is told %d times", n)
	}
	if !strings.Contains(r.err.String(), `panic: locked out fault=`) || !strings.Contains(r.err.String(), ` hang="the handler hangs: since the panic`) {
		t.Error("the log does not tell that the handler hangs")
	}
	if strings.Contains(r.err.String(), "recovered failed") {
		t.Error("a panic that was recovered is told as a failure")
	}
}
