package fault_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

var (
	errNoRow = errors.New("sql: no rows in result set")
	quiet    = slog.New(slog.DiscardHandler)
)

// request asks a handler as a terminal would, and prints the answer.
func request(h http.Handler, path string) {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("User-Agent", "curl/8")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Print(w.Body)
}

func Example() {
	catcher := fault.New(fault.Options{Logger: quiet})
	mux := http.NewServeMux()
	mux.Handle("GET /user/{username}", catcher.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if name := r.PathValue("username"); name != "susan" {
			return fault.NotFound("There is no " + name + " here.")
		}
		_, err := io.WriteString(w, "Susan\n")
		return trace.Wrap(err, "showing the profile")
	}))
	server := catcher.Middleware(mux)
	request(server, "/user/susan")
	request(server, "/user/john")
	request(server, "/nowhere")
	// Output:
	// Susan
	// 404 Not Found
	// There is no john here.
	// 404 Not Found
	// There is nothing at this address.
}

func ExampleCatcher_Handle() {
	catcher := fault.New(fault.Options{Logger: quiet})
	h := catcher.Handle(func(http.ResponseWriter, *http.Request) error {
		return fault.TooManyRequests("Too many tries.", 90e9)
	})
	request(h, "/login")
	// Output:
	// 429 Too Many Requests
	// Too many tries.
	// Please try again in 90 seconds.
}

func ExampleCatcher_Answer() {
	catcher := fault.New(fault.Options{Logger: quiet})
	membersOnly := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				catcher.Answer(w, r, fault.Unauthorized("Please sign in first."))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	request(catcher.Middleware(membersOnly(http.NotFoundHandler())), "/")
	// Output:
	// 401 Unauthorized
	// Please sign in first.
}

func ExampleCatcher_Report() {
	catcher := fault.New(fault.Options{Logger: quiet, Recorder: printer{}})
	catcher.Report(context.Background(), trace.Wrap(errNoRow, "refreshing the feed"))
	// Output: error refreshing the feed: sql: no rows in result set
}

func ExampleCatcher_Go() {
	done := make(chan struct{})
	catcher := fault.New(fault.Options{Logger: quiet, Recorder: printer{done}})
	catcher.Go(context.Background(), "thumbnails", func(context.Context) error {
		panic("unknown format")
	})
	<-done
	// Output: panic panic: unknown format
}

// printer is a Recorder that prints.
type printer struct{ done chan struct{} }

func (p printer) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	fmt.Println(f.Kind, f.Message)
	if p.done != nil {
		close(p.done)
	}
	return fault.Receipt{Durable: true}
}

func ExampleRecorder() {
	var recorder fault.Recorder = printer{}
	catcher := fault.New(fault.Options{Logger: quiet, Recorder: recorder})
	w := httptest.NewRecorder()
	catcher.Handle(func(http.ResponseWriter, *http.Request) error {
		return errNoRow
	}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Header().Get("Fault-Id") != "")
	// Output:
	// error sql: no rows in result set
	// 500 true
}

func ExamplePages() {
	page := template.Must(template.New("").Parse("<h1>{{.Title}}</h1><p>{{.Message}}</p>\n"))
	catcher := fault.New(fault.Options{
		Logger: quiet,
		Pages: fault.PagesFunc(func(w io.Writer, _ *http.Request, p fault.Page) error {
			return page.Execute(w, p)
		}),
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	catcher.Answer(w, r, fault.Forbidden("This is somebody else's."))
	fmt.Print(w.Body)
	// Output: <h1>Forbidden</h1><p>This is somebody else&#39;s.</p>
}

func ExampleOptions_translate() {
	catcher := fault.New(fault.Options{Logger: quiet, Translate: func(err error) *fault.Error {
		if errors.Is(err, errNoRow) {
			return fault.NotFound("There is no such person here.")
		}
		return nil
	}})
	request(catcher.Handle(func(http.ResponseWriter, *http.Request) error {
		return trace.Wrap(errNoRow, "loading the profile")
	}), "/user/john")
	// Output:
	// 404 Not Found
	// There is no such person here.
}

func ExampleOptions_secrets() {
	var log strings.Builder
	catcher := fault.New(fault.Options{
		Logger:   slog.New(slog.NewTextHandler(&log, nil)),
		Redactor: redact.New(redact.Options{Values: []string{"the mail password"}}),
		Secrets:  func(r *http.Request) []string { return []string{"this session's token"} },
	})
	h := catcher.Handle(func(http.ResponseWriter, *http.Request) error {
		return errors.New("cannot send: 535 the mail password")
	})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	fmt.Println(strings.Contains(log.String(), "cannot send: 535 [masked]"))
	// Output: true
}

func ExampleWith() {
	err := fault.With(http.StatusBadGateway, "The weather service does not answer.", errNoRow)
	fmt.Println(err)
	// Output: The weather service does not answer: sql: no rows in result set
}

func ExampleParseIDPrefix() {
	prefix, err := fault.ParseIDPrefix("7f3k-92qd")
	fmt.Println(prefix, err)
	// Output: 7F3K92QD <nil>
}

func ExampleRequestID() {
	catcher := fault.New(fault.Options{Logger: quiet, RequestID: func(r *http.Request) string {
		return r.Header.Get("X-Request-Id") // from a trusted proxy
	}})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Request-Id", "af12")
	catcher.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(fault.RequestID(r.Context()))
	})).ServeHTTP(httptest.NewRecorder(), r)
	// Output: af12
}
