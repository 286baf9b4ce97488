// Command app is a small application with a way to fail of each kind, which the tests run in a module of
// its own.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"example.org/microblog/fault"
	"example.org/microblog/fault/live"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

//go:embed templates static *.txt
var embedded embed.FS

type app struct {
	lock    sync.Mutex
	catcher *fault.Catcher
	inner   *fault.Catcher
	files   *live.Dir
	pages   *live.Value[*template.Template]
	loads   atomic.Int64
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	a := &app{files: live.Files(embedded)}
	a.catcher = fault.New(fault.Options{Logger: logger, Pages: fault.PagesFunc(page), Translate: a.translate})
	a.inner = fault.New(fault.Options{Logger: logger, Redactor: redact.New(redact.Options{Keys: []string{"invite code"}})})
	var err error
	a.pages, err = live.Parse(a.files, func(fsys fs.FS) (*template.Template, error) {
		set, err := template.ParseFS(fsys, "templates/*.html")
		if err != nil {
			return nil, fmt.Errorf("parsing the templates: %w", err)
		}
		if set.Lookup("panic.html") != nil {
			panic("a template that the application cannot bear")
		}
		if set.Lookup("exit.html") != nil {
			runtime.Goexit()
		}
		return set, nil
	})
	if err != nil {
		return err
	}
	if err := a.files.Load(func(fs.FS) error { a.loads.Add(1); return nil }); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	// It ends with the test, which holds the other end.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(listener, a.catcher.Middleware(a.routes()))
}

// errLocked is an error whose methods, like translate, want a lock that its handler holds until it has returned.
type errLocked struct{ a *app }

func (e errLocked) Error() string { return "locked" }
func (e errLocked) Is(error) bool { e.a.lock.Lock(); defer e.a.lock.Unlock(); return false }

func (a *app) translate(error) *fault.Error {
	a.lock.Lock()
	defer a.lock.Unlock()
	return nil
}

// page cannot be made where the path asks for that.
func page(w io.Writer, r *http.Request, p fault.Page) error {
	if r.URL.Path == "/page" {
		return errors.New("the page is broken")
	}
	_, err := fmt.Fprintf(w, "<title>%d</title>%s", p.Status, p.ID)
	return err
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, h fault.HandlerFunc) { mux.Handle(path, a.catcher.Handle(h)) }
	handle("/locked", func(http.ResponseWriter, *http.Request) error {
		a.lock.Lock()
		defer a.lock.Unlock()
		return trace.Wrap(errLocked{a}, "wrapped under a lock")
	})
	handle("/locked-panic", func(http.ResponseWriter, *http.Request) error {
		a.lock.Lock()
		defer a.lock.Unlock()
		panic(errLocked{a})
	})
	handle("/error", func(http.ResponseWriter, *http.Request) error { return errors.New("an error") })
	handle("/panic", func(http.ResponseWriter, *http.Request) error { panic("a panic") })
	handle("/goexit", func(http.ResponseWriter, *http.Request) error { runtime.Goexit(); return nil })
	handle("/noanswer", func(http.ResponseWriter, *http.Request) error { return nil })
	handle("/page", func(http.ResponseWriter, *http.Request) error { return fault.NotFound("Not here.") })
	handle("/report", func(w http.ResponseWriter, r *http.Request) error {
		a.catcher.Report(r.Context(), errors.New("reported"))
		_, err := io.WriteString(w, "well")
		return err
	})
	handle("/report-and-return", func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("X-Set", "before")
		err := errors.New("reported, then returned")
		a.catcher.Report(r.Context(), err)
		return err
	})
	handle("/go", func(w http.ResponseWriter, r *http.Request) error {
		a.catcher.Go(context.WithoutCancel(r.Context()), "tidying", func(context.Context) error { panic("in a task") })
		_, err := io.WriteString(w, "well")
		return err
	})
	handle("/begun", func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.WriteString(w, "<p>so far"); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		return errors.New("too late")
	})
	handle("/begun-after-report", func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("X-Set", "before")
		err := errors.New("reported too late")
		a.catcher.Report(r.Context(), err)
		if _, err := io.WriteString(w, "<p>so far"); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		return err
	})
	a.wrapping(handle)
	mux.HandleFunc("/plain-panic", func(http.ResponseWriter, *http.Request) { panic("a plain panic") })
	mux.Handle("/inner", a.inner.Handle(func(http.ResponseWriter, *http.Request) error { return errors.New("an inner error") }))
	mux.HandleFunc("/answer", func(w http.ResponseWriter, r *http.Request) { a.catcher.Answer(w, r, errors.New("answered")) })
	handle("/header", func(w http.ResponseWriter, r *http.Request) error {
		_, err := fmt.Fprintf(w, "%q %q", r.Header.Values("Fault-Run-Request"), r.Header.Values("X-Other"))
		return err
	})
	handle("/home", func(w http.ResponseWriter, r *http.Request) error {
		return a.pages.Get().ExecuteTemplate(w, "home.html", nil)
	})
	handle("/loads", func(w http.ResponseWriter, r *http.Request) error {
		_, err := fmt.Fprint(w, a.loads.Load(), " ", a.files.FromDisk())
		return err
	})
	handle("/list", func(w http.ResponseWriter, r *http.Request) error {
		return fs.WalkDir(a.files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(w, path, d.IsDir(), info.ModTime().IsZero())
			return err
		})
	})
	mux.Handle("/static/", http.FileServerFS(a.files))
	return mux
}

// wrapping are the ways in which errors are wrapped.
func (a *app) wrapping(handle func(path string, h fault.HandlerFunc)) {
	answered := func(w http.ResponseWriter) error {
		_, err := io.WriteString(w, "well")
		return err
	}
	handle("/wrapped", func(http.ResponseWriter, *http.Request) error {
		return fmt.Errorf("outside: %w", trace.Wrap(deep(7), "inside"))
	})
	handle("/made", func(http.ResponseWriter, *http.Request) error { return trace.New("made here") })
	handle("/joined", func(http.ResponseWriter, *http.Request) error {
		_ = trace.New("another one")
		return errors.Join(errors.New("a first one"), trace.Wrap(deep(8), "inside"))
	})
	handle("/elsewhere", func(http.ResponseWriter, *http.Request) error {
		failed := make(chan error)
		go func() { failed <- trace.Wrap(deep(9), "on another goroutine") }()
		return <-failed
	})
	handle("/handled", func(w http.ResponseWriter, _ *http.Request) error {
		for range 50 {
			_ = trace.Wrap(deep(1), "handled")
		}
		return answered(w)
	})
	handle("/expected", func(http.ResponseWriter, *http.Request) error {
		return trace.Wrap(fault.NotFound("Not here."), "looking")
	})
	handle("/report-wrapped", func(w http.ResponseWriter, r *http.Request) error {
		a.catcher.Report(r.Context(), trace.Wrap(deep(2), "reported"))
		return answered(w)
	})
	handle("/waiting", func(http.ResponseWriter, *http.Request) error {
		_ = trace.Wrap(deep(3), "before waiting")
		fmt.Println("waiting")
		select {}
	})
	handle("/recovered", func(http.ResponseWriter, *http.Request) (err error) {
		defer func() { err = fmt.Errorf("recovered: %v", recover()) }()
		panic("a panic that is recovered")
	})
	handle("/template", func(w http.ResponseWriter, _ *http.Request) error {
		page := template.Must(template.New("page").Parse(`{{call .}}`))
		return page.Execute(io.Discard, func() string { panic("a panic in a template") })
	})
	handle("/abort", func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) })
}

//go:noinline
func deep(n int) error {
	local := n * 100
	return fmt.Errorf("deep %d", local)
}
