package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// How long /drill/slow takes, without and at most with ?ms=.
const (
	slowDefault = 2 * time.Second
	slowLongest = time.Minute
)

// errDrill is the cause of the failures that are no panics.
var errDrill = errors.New("this failure was asked for by the drill")

// DrillKind is one way to fail on purpose.
type DrillKind struct {
	Path string // below /drill/
	Does string // what happens then
	run  handler
}

func (s *Server) drillKinds() []DrillKind {
	return []DrillKind{
		{"panic", "The handler panics.", drillPanic},
		{"nil", "The handler follows a nil pointer.", drillNil},
		{"error", "The handler returns an error that nothing was wrapped around.", drillError},
		{"wrapped", "The handler returns an error that was wrapped several times.", drillWrapped},
		{"template", "A template fails half-way through its page.", drillTemplate},
		{"after-headers", "The handler fails after the answer has begun: the connection is cut off.", drillAfterHeaders},
		{"slow", "The answer takes two seconds, or ?ms= milliseconds; what takes longer than a request may is given up with 503.", drillSlow},
		{"goroutine", "A goroutine of the handler's panics: the whole server ends, as it really would.", drillGoroutine},
		{"sql", "A statement fails within a transaction, which is rolled back.", s.drillSQL},
	}
}

// drillRoutes are the addresses that fail on purpose. They take any method, so that forms can be
// sent to them as well.
func (s *Server) drillRoutes() map[string]handler {
	kinds := s.drillKinds()
	routes := map[string]handler{
		"GET /drill": func(w http.ResponseWriter, r *http.Request) error {
			noStore(w)
			return s.render(w, http.StatusOK, &DrillPage{Layout: s.layout(w, r, "Drill"), Kinds: kinds})
		},
		"/drill/status/{code}": drillStatus,
		"/drill/{kind}": func(http.ResponseWriter, *http.Request) error {
			return fault.NotFound("There is no such drill. /drill lists them all.")
		},
	}
	for _, kind := range kinds {
		routes["/drill/"+kind.Path] = kind.run
	}
	return routes
}

// withForm reads a form before the drill fails, so that the record of the failure has it.
func (s *Server) withForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "" {
			if _, err := readForm(w, r); err != nil {
				s.catcher.Answer(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func drillPanic(http.ResponseWriter, *http.Request) error {
	panic("this panic was asked for by the drill")
}

func drillNil(w http.ResponseWriter, _ *http.Request) error {
	var nobody *Person
	return text(w, nobody.Username)
}

func drillError(http.ResponseWriter, *http.Request) error { return errDrill }

func drillWrapped(http.ResponseWriter, *http.Request) error {
	err := trace.Wrap(errDrill, "reading the drill's first file")
	err = fmt.Errorf("reading all of the drill's files: %w", errors.Join(err, errors.New("the drill's second file is missing as well")))
	return trace.Wrap(err, "answering the drill")
}

// drillBroken fails when it is executed, after it has written something.
var drillBroken = template.Must(template.New("broken").Parse(`<!DOCTYPE html><title>Drill</title><p>{{.Missing}}</p>`))

func drillTemplate(w http.ResponseWriter, _ *http.Request) error {
	var page bytes.Buffer
	if err := drillBroken.Execute(&page, struct{ Present string }{"here"}); err != nil {
		return trace.Wrap(err, "rendering the page")
	}
	return sendPage(w, http.StatusOK, page.Bytes())
}

func drillAfterHeaders(w http.ResponseWriter, _ *http.Request) error {
	w.Header()["Content-Type"] = headerHTML
	if _, err := w.Write([]byte("<!DOCTYPE html><title>Drill</title><p>This page is about to be cut off.</p>\n")); err != nil {
		return trace.Wrap(err, "beginning the answer")
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return trace.Wrap(err, "sending the beginning of the answer")
	}
	return errDrill
}

func drillSlow(w http.ResponseWriter, r *http.Request) error {
	wait := slowDefault
	if said := r.URL.Query().Get("ms"); said != "" {
		ms, err := strconv.ParseUint(said, 10, 32)
		if err != nil || time.Duration(ms)*time.Millisecond > slowLongest {
			return fault.BadRequest("The address has a \"ms\" that is not a whole number from 0 to 60000.")
		}
		wait = time.Duration(ms) * time.Millisecond
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return text(w, "This took "+wait.String()+".\n")
	case <-r.Context().Done():
		return trace.Wrap(r.Context().Err(), "being slow")
	}
}

func drillGoroutine(http.ResponseWriter, *http.Request) error {
	go func() {
		panic("this panic in a goroutine was asked for by the drill")
	}()
	select {} // the process ends
}

// drillSQL writes what the database refuses.
func (s *Server) drillSQL(_ http.ResponseWriter, r *http.Request) error {
	if err := s.store.Drill(r.Context()); err != nil {
		return trace.Wrap(err, "answering the drill")
	}
	return errors.New("the statement that had to fail did not")
}

func drillStatus(_ http.ResponseWriter, r *http.Request) error {
	code, err := strconv.Atoi(r.PathValue("code"))
	if err != nil || code < 400 || code > 599 {
		return fault.BadRequest("The drill knows the statuses from 400 to 599.")
	}
	return fault.With(code, "", fmt.Errorf("status %d: %w", code, errDrill))
}
