package web_test

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
)

func TestDrill(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	b := s.browser()
	for kind, test := range map[string]struct {
		status int
		kind   fault.Kind
		says   []string // in the record, never on the page
		place  string   // where the stack begins
	}{
		"panic":    {500, fault.KindPanic, []string{"this panic was asked for"}, "drillPanic"},
		"nil":      {500, fault.KindPanic, []string{"nil pointer"}, "drillNil"},
		"error":    {500, fault.KindError, []string{"this failure was asked for"}, "drillError"},
		"wrapped":  {500, fault.KindError, []string{"answering the drill", "all of the drill's files", "the drill's first file", "second file is missing", "this failure was asked for"}, "drillWrapped"},
		"template": {500, fault.KindError, []string{"rendering the page", "Missing"}, "drillTemplate"},
		"sql":      {500, fault.KindError, []string{"FOREIGN KEY constraint failed"}, "Drill"},
	} {
		a := b.get("/drill/"+kind).wants(test.status).shows("An unexpected error has occurred", "The administrator has been notified", `href="/register"`)
		failed := s.failed.take()
		if len(failed) != 1 {
			t.Errorf("%s: %d failures were recorded", kind, len(failed))
			continue
		}
		f := failed[0]
		if f.Kind != test.kind || f.Status != test.status || f.Request == nil || len(f.Stack) == 0 {
			t.Errorf("%s: recorded as %s %d", kind, f.Kind, f.Status)
		}
		a.shows(f.ID.String()).hides(test.says...)
		for _, text := range test.says {
			if !strings.Contains(f.Message, text) {
				t.Errorf("%s: the record does not say %q: %s", kind, text, f.Message)
			}
		}
		if where := f.Stack[0].Function; !strings.Contains(where, "internal/web."+test.place) && !strings.Contains(where, "internal/store.(*Store)."+test.place) {
			t.Errorf("%s: the stack begins in %s", kind, where)
		}
	}
	b.get("/drill").wants(200).shows(`rel="stylesheet"`, `aria-label="Main"`, `href="/drill/panic"`, `href="/drill/goroutine"`, `href="/drill/status/503"`)
	b.get("/drill/nothing").wants(404)
}

// TestDrillSQL: the statement did fail, within a transaction, and left nothing.
func TestDrillSQL(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	susan := s.member("susan")
	susan.get("/drill/sql").wants(500)
	failed := s.failed.take()
	if len(failed) != 1 {
		t.Fatal(failed)
	}
	var steps []string
	broke := false
	for _, step := range failed[0].Steps {
		steps = append(steps, step.Text)
		broke = broke || step.Err != "" && strings.Contains(step.Text, "INSERT INTO posts")
	}
	if all := strings.Join(steps, "\n"); !broke || !strings.Contains(all, "BEGIN") || strings.Contains(all, "COMMIT") {
		t.Errorf("the request did: %s", all)
	}
	if failed[0].User != "susan (1)" {
		t.Errorf("the user is %q", failed[0].User)
	}
	susan.get("/explore").hides("asked for by the drill")
	susan.post("/", "post", "The database takes posts again").wants(303) // no lock was left behind
}

func TestDrillStatus(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	b := s.browser()
	for path, want := range map[string]int{"400": 400, "404": 404, "418": 418, "451": 451, "499": 499, "500": 500, "503": 503, "599": 599, "399": 400, "600": 400, "200": 400, "x": 400, "-1": 400} {
		b.get("/drill/status/"+path).wants(want).shows("</html>", `href="/register"`)
	}
}

func TestDrillAfterHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	a := s.browser().get("/drill/after-headers").wants(200)
	if a.err == nil || strings.Contains(a.body, "unexpected error") {
		t.Errorf("the answer was not cut off: %q", a.body)
	}
	eventually(t, "the failure is recorded", func() bool {
		failed := s.failed.take()
		return len(failed) == 1 && failed[0].Begun
	})
}

func TestDrillSlow(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	b := s.browser()
	start := time.Now()
	b.get("/drill/slow?ms=150").wants(200)
	if took := time.Since(start); took < 150*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	for _, ms := range []string{"x", "-1", "60001", "99999999999999999999"} {
		b.get("/drill/slow?ms=" + ms).wants(400)
	}
}

// TestDrillTakesForms: what was sent stands in the record, the secrets masked.
func TestDrillTakesForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDrill)
	susan := s.member("susan")
	susan.post("/drill/error", "post", "What I wrote", "password", "hunter22").wants(500)
	failed := s.failed.take()
	if len(failed) != 1 {
		t.Fatal(failed)
	}
	form := failed[0].Request.Form
	if form["post"] == nil || form["post"][0] != "What I wrote" || strings.Contains(strings.Join(form["password"], ""), "hunter22") {
		t.Errorf("the form is %v", form)
	}
	r := susan.request(http.MethodGet, "/drill/error?q="+susan.cookie("session"), nil)
	susan.do(r).wants(500)
	if f := s.failed.take()[0]; strings.Contains(f.Request.URL, susan.cookie("session")) {
		t.Error("the session's token is in the record")
	}
}

// TestDrillGoroutine runs this test again in a process of its own, which ends.
func TestDrillGoroutine(t *testing.T) {
	if os.Getenv("MICROBLOG_TEST_GOROUTINE") != "" {
		s := newSite(t, withDrill)
		_, err := http.Get(s.URL + "/drill/goroutine")
		t.Fatalf("the process goes on: %v", err)
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDrillGoroutine$", "-test.timeout=30s")
	cmd.Env = append(os.Environ(), "MICROBLOG_TEST_GOROUTINE=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: this panic in a goroutine was asked for by the drill") {
		t.Errorf("%v\n%s", err, out)
	}
}
