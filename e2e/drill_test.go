package e2e

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Each way to fail: what the person gets, and what the log keeps.
func TestDrill(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind    string
		log     []string // in the log's record, line or stack
		notHere []string // not in it
	}{
		{"panic", []string{"this panic was asked for by the drill", "web.drillPanic", "internal/web/drill.go:"}, nil},
		{"nil", []string{"nil pointer dereference", "web.drillNil", "internal/web/drill.go:"}, nil},
		{"error", []string{"this failure was asked for by the drill"}, nil},
		{"wrapped", []string{"reading the drill's first file", "the drill's second file is missing as well", "answering the drill", "web.drillWrapped", "internal/web/drill.go:"}, nil},
		{"template", []string{"rendering the page", "can't evaluate field Missing", "web.drillTemplate"}, nil},
		{"sql", []string{"answering the drill", "foreign key", "internal/store/"}, nil},
	}
	eachShared(t, func(t *testing.T, s *server) {
		c := s.person(t, "driller")
		for _, test := range tests {
			t.Run(test.kind, func(t *testing.T) {
				mark := unique("mark")
				path := "/drill/" + test.kind + "?mark=" + mark + "&password=" + mark + "-secret"
				r := c.get(path).want(http.StatusInternalServerError)
				// The log is there before the answer.
				id := r.header.Get("Fault-Id")
				rec := s.failureRecord(t, id)
				checkFailure(t, r, pageType, true)
				r.says("An unexpected error has occurred").says(id)

				whole := rec.String()
				for _, want := range append(test.log, c.name) {
					if !strings.Contains(strings.ToLower(whole), strings.ToLower(want)) {
						t.Errorf("the log's record does not say %q:\n%s", want, whole)
					}
				}
				for _, secret := range append(test.notHere, mark+"-secret", c.cookie("session"), "SELECT", "INSERT") {
					if strings.Contains(whole, secret) {
						t.Errorf("the log's record says %q:\n%s", secret, whole)
					}
				}
				if rec.level != "ERROR" {
					t.Errorf("the log's level is %s, want ERROR", rec.level)
				}
				if len(rec.stack) == 0 {
					t.Errorf("the log's record has no stack:\n%s", whole)
				}
				if request := r.header.Get("X-Request-Id"); request == "" || rec.attrs["request"] != request {
					t.Errorf("the log has request=%s, the answer X-Request-Id: %s", rec.attrs["request"], request)
				}
				if n := strings.Count(s.stdout.String()+s.stderr.String(), mark); n > 0 {
					t.Errorf("the failure is on the terminal as well, %d times", n)
				}
			})
		}
		if got := c.get("/user/" + c.name).says("0 posts").posts(); len(got) > 0 {
			t.Errorf("what was rolled back is there: %q", got)
		}
		explore := c.get("/explore").want(http.StatusOK).posts()
		if slices.Contains(explore, "This post was asked for by the drill, and is never stored.") {
			t.Error("the post of the transaction that failed is there")
		}
	})
}

// A failure after the answer has begun cuts the connection off: nobody takes half a page for a whole
// one. It is recorded all the same.
func TestDrillAfterHeaders(t *testing.T) {
	t.Parallel()
	s := shared(t)
	request := unique("request")
	r := s.client(t).do("GET", "/drill/after-headers", nil, http.Header{"X-Request-Id": {request}})
	if r.err == nil {
		t.Errorf("the answer came to an end as if nothing had happened: %d %q", r.status, r.body)
	} else if !errors.Is(r.err, io.ErrUnexpectedEOF) {
		t.Errorf("reading the answer: %v, want an unexpected end", r.err)
	}
	if !strings.Contains(r.body, "about to be cut off") || strings.Contains(r.body, "unexpected error") {
		t.Errorf("the client got %q, want what was sent before the failure and nothing else", r.body)
	}
	var found []record
	soon(t, "looking for the failure in the log", func() error {
		found = nil
		for _, rec := range allRecords(t, s.path("logs", "microblog.log")) {
			if rec.attrs["request"] == request {
				found = append(found, rec)
			}
		}
		if len(found) == 0 {
			return errors.New("it is not there")
		}
		return nil
	})
	if len(found) != 1 || found[0].level != "ERROR" || !faultID.MatchString(found[0].attrs["fault"]) {
		t.Errorf("the log has %d records of it: %v", len(found), found)
	}
}

// A panic in a goroutine of its own ends the process, as in every Go program, and Go tells why.
func TestDrillGoroutine(t *testing.T) {
	t.Parallel()
	s := start(t, options{args: []string{"--drill"}, anyEnd: true})
	if r, err := s.client(t).try("GET", "/drill/goroutine", nil, nil); err == nil {
		t.Errorf("the request was answered: %d %s", r.status, r.body)
	}
	if code := s.waitEnd(t); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	stderr := s.stderr.String()
	for _, want := range []string{"panic: this panic in a goroutine was asked for by the drill", "goroutine ", "drill.go:"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error does not say %q:\n%s", want, tail(stderr))
		}
	}
	// Whoever starts it again finds everything as it was.
	again := start(t, options{dir: s.dir, args: []string{"--drill"}})
	again.person(t, "after")
	if n := strings.Count(again.logText(), ": Microblog startup "); n != 2 {
		t.Errorf("the log has %d lines about a start, want 2", n)
	}
}

// Nothing of the drill is there without the flag, and with it the log warns.
func TestDrillIsOff(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	c := s.client(t)
	for _, path := range []string{"/drill", "/drill/", "/drill/panic", "/drill/goroutine", "/drill/status/500"} {
		c.get(path).want(http.StatusNotFound).inLayout()
	}
	for _, rec := range allRecords(t, s.path("logs", "microblog.log")) {
		if rec.level != "INFO" {
			t.Errorf("a start without the drill logs %s", rec.line)
		}
	}
	warned := false
	for _, rec := range allRecords(t, shared(t).path("logs", "microblog.log")) {
		warned = warned || rec.level == "WARNING" && strings.Contains(rec.line, "drill")
	}
	if !warned {
		t.Error("a start with the drill does not log a warning")
	}
}

// The status pages: every one in the layout, with its own heading.
func TestStatusPages(t *testing.T) {
	t.Parallel()
	s := shared(t)
	headings := map[string]int{}
	for _, status := range []int{400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 502, 503} {
		r := s.client(t).get("/drill/status/" + itoa(status)).want(status)
		checkFailure(t, r, pageType, status >= 500)
		for h := range elements(r.doc(), "h1") {
			if other, twice := headings[text(h)]; twice {
				t.Errorf("%d and %d have the same heading: %q", status, other, text(h))
			}
			headings[text(h)] = status
		}
	}
	if headings["An unexpected error has occurred"] != 500 || headings["File Not Found"] != 404 {
		t.Errorf("headings %v", headings)
	}
	for _, kind := range []string{"0", "200", "399", "600", "abc"} {
		s.client(t).get("/drill/status/" + kind).want(http.StatusBadRequest)
	}
}
