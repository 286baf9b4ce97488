package cli

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/trace"
)

// incidentsOf makes a database with these failures counted, and returns its directory.
func incidentsOf(t *testing.T, failures ...*fault.Failure) (dir string) {
	t.Helper()
	dir, path := database(t)
	db, err := sql.Open("sqlite", path+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := incident.Migrate(t.Context(), db, "sqlite"); err != nil {
		t.Fatal(err)
	}
	counted(t, incident.Options{DB: db, Dialect: "sqlite", Dir: filepath.Join(dir, "data", "incidents")}, failures...)
	return dir
}

// hostile is a failure with whatever a stranger may have put into a request.
func hostile() *fault.Failure {
	f := failure(9, time.Now().Add(-time.Minute), "bad name \"\x1b[2J\x1b]0;owned\a\r\n\u202e\u0000\xff\"")
	f.Request.URL = "/user/\x1b[31mred?next=\u2028" + strings.Repeat("long ", 100)
	f.Request.Header = http.Header{"User-Agent": {"\x1b]52;c;cm0gLXJmIC8=\a"}, "X-\x1b[1mOdd": {"\tvalue\n"}}
	f.Request.Form = map[string][]string{"post": {"\x9b2J"}}
	f.Request.Files = []fault.File{{Field: "avatar\b", Name: "a\u202egnp.exe", Size: 10}}
	f.User = "susan\x1b[8m"
	f.Steps = []trace.Step{{Kind: "sql", Text: "SELECT '\x1b[5m'", Duration: time.Millisecond, Err: "\x07"}}
	f.Output = "panic: \x1b[2J\n\tgoroutine 1\n"
	f.Public = "Sorry\x1b[0m"
	f.Causes.Causes = []fault.Cause{{Type: "*x.\x1b[1mT", Message: "inner\nmessage", Cut: 2}}
	f.Stack = append(f.Stack, trace.Frame{Function: "net/http.HandlerFunc.ServeHTTP\x1b[0m", File: "/go/net/http/\x1b[2Jserver.go", Line: 2220})
	return f
}

// Nothing that an attacker has put into a request reaches the terminal as it is.
func TestIncidentsAreSafeToRead(t *testing.T) {
	t.Parallel()
	f := hostile()
	dir := incidentsOf(t, f)
	for _, args := range [][]string{{"incidents"}, {"incidents", "show", f.ID.String()}, {"incidents", "resolve", f.ID.String()}, {"incidents", "--state", "all"}} {
		r := command(t, dir, nil, args...)
		if r.code != 0 || r.err != "" || !strings.Contains(r.out, "bad name") {
			t.Errorf("%q: %+v", args, r)
		}
		for line := range strings.Lines(r.out) {
			if line = strings.TrimSuffix(line, "\n"); plainText(line) != line {
				t.Errorf("%q has printed %q", args, line)
			}
		}
	}
	show := command(t, dir, nil, "incidents", "show", f.ID.String()).out
	for _, want := range []string{
		"The failure " + f.ID.String() + " is one of these", "*errors.errorString: bad name", "inner message", "and 2 more that were not kept",
		"web.(*Server).profile  internal/web/profile.go:43", "No source: ", `net/http/\x1b[2Jserver.go`,
		`request    GET /user/\x1b[31mred`, "route      GET /user/{username}", "status     500 Internal Server Error", `user       susan\x1b[8m`,
		`header     User-Agent: \x1b]52;c;`, `form       post: `, `avatar\b: `, "10 bytes",
		`sql  SELECT '\x1b[5m'  1ms  failed: \a`, "goroutine 1", "1 failure, 1 person, 1 route", "without mail",
	} {
		if !strings.Contains(show, want) {
			t.Errorf("not shown: %q", want)
		}
	}
	if t.Failed() {
		t.Log(show)
	}
}

// A page of a terminal: what cannot be broken is cut.
func TestIncidentsAtEightyColumns(t *testing.T) {
	t.Parallel()
	f := hostile()
	f.Message = strings.Repeat("a very long message with many words ", 20)
	f.Request.Form["name"] = []string{"大\u3000阪 👩\u200d🔧"}
	dir := incidentsOf(t, f)
	var found struct {
		Incident incident.Incident
		Failure  *fault.Failure
	}
	r := command(t, dir, nil, "incidents", "show", "--json", f.ID.String())
	if err := json.Unmarshal([]byte(r.out), &found); err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	var b strings.Builder
	out := &terminal{Writer: &b, width: standardWidth}
	printList(out, []incident.Incident{found.Incident}, time.Now())
	p := &dossier{now: time.Now(), incident: found.Incident, samples: []*fault.Failure{f, f}, shown: f, history: []int64{0, 1, 5, 1000}}
	(&dossierWriter{out: out, dossier: p}).write()
	text, rest, ok := strings.Cut(b.String(), "The same request again\n")
	if !ok {
		t.Error("there is no command that sends the request again")
	}
	command, rest, _ := strings.Cut(rest, "\n\n") // is for the clipboard, whatever its width
	if !strings.HasPrefix(command, "curl ") {
		t.Errorf("the command is %q", command)
	}
	// What is no plain text is sent as it was.
	if want := "--form-string 'name=大\u3000阪 👩\u200d🔧'"; !strings.Contains(command, want) {
		t.Errorf("%q is not in the command %q", want, command)
	}
	for line := range strings.Lines(text + rest) {
		if n := cells(strings.TrimSuffix(line, "\n")); n > standardWidth && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if !strings.Contains(b.String(), "·▂▂█") {
		t.Errorf("no bars in\n%s", b.String())
	}
}

func TestIncidentsJSON(t *testing.T) {
	t.Parallel()
	f := hostile()
	dir := incidentsOf(t, f)
	var list struct {
		Incidents []incident.Incident
		More      *bool
		Counts    map[string]int
	}
	r := command(t, dir, nil, "incidents", "--json")
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list.Incidents) != 1 || list.More == nil || *list.More || list.Counts["new"] != 1 {
		t.Fatalf("%v: %+v", err, r)
	}
	var show struct {
		Incident incident.Incident
		Quoted   fault.ID
		Failure  *fault.Failure
		Samples  []*fault.Failure
		Notices  []any
		Routes   []incident.Tally
		Users    []incident.Tally
		History  struct {
			StepSeconds int64 `json:"step_seconds"`
			Counts      []int64
		}
	}
	r = command(t, dir, nil, "incidents", "show", "--json", list.Incidents[0].ID)
	if err := json.Unmarshal([]byte(r.out), &show); err != nil {
		t.Fatal(err)
	}
	if show.Incident.ID != list.Incidents[0].ID || !show.Quoted.IsZero() || show.Failure.ID != f.ID || len(show.Samples) != 1 || show.Notices == nil ||
		len(show.Routes) != 1 || len(show.Users) != 1 || show.History.StepSeconds != 1800 || len(show.History.Counts) != 48 {
		t.Errorf("%s", r.out)
	}
	empty := command(t, dir, nil, "incidents", "--json", "--state", "muted")
	if !strings.Contains(empty.out, `"incidents": []`) {
		t.Errorf("%+v", empty)
	}
}

// What an ID stands for: the incident, one of its failures, several, or nothing.
func TestFindIncident(t *testing.T) {
	t.Parallel()
	one, two := failure(1, time.Now(), "no such table"), failure(2, time.Now(), "the disk is full")
	two.ID = one.ID // the first eight characters are the same: both are meant
	two.ID[15]++
	dir := incidentsOf(t, one, two)
	var list struct{ Incidents []incident.Incident }
	if err := json.Unmarshal([]byte(command(t, dir, nil, "incidents", "--json").out), &list); err != nil || len(list.Incidents) != 2 {
		t.Fatalf("%v: %+v", err, list)
	}
	for name, tt := range map[string]struct {
		id   string
		code int
		text string
	}{
		"an incident":           {list.Incidents[0].ID, 0, "Incident " + list.Incidents[0].ID},
		"how it begins":         {strings.ToLower(list.Incidents[1].ID[:5]), 0, "Incident " + list.Incidents[1].ID},
		"a whole failure ID":    {two.ID.Full(), 0, "the disk is full"},
		"what two failures are": {one.ID.String(), 1, "stands for several incidents; give more of the ID"},
		"nothing":               {"ZZZZ-ZZZZ", 1, "no incident and no failure has the ID ZZZZ-ZZZZ"},
		"too short":             {"7F3", 2, "too short"},
		"no ID":                 {"../../etc", 2, "no ID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, dir, nil, "incidents", "show", tt.id)
			if r.code != tt.code || !strings.Contains(r.out+r.err, tt.text) {
				t.Errorf("%+v, want exit code %d and %q", r, tt.code, tt.text)
			}
		})
	}
}

// A search for the ID that somebody quotes finds the incident, resolved or not.
func TestSearchForFailure(t *testing.T) {
	t.Parallel()
	one, two := failure(1, time.Now(), "no such table"), failure(200, time.Now(), "the disk is full")
	dir := incidentsOf(t, one, two)
	search := func(args ...string) []incident.Incident {
		t.Helper()
		var list struct{ Incidents []incident.Incident }
		r := command(t, dir, nil, append([]string{"incidents", "--json", "--search"}, args...)...)
		if err := json.Unmarshal([]byte(r.out), &list); err != nil {
			t.Fatalf("%v: %+v", err, r)
		}
		return list.Incidents
	}
	for _, id := range []string{two.ID.String(), strings.ToLower(two.ID.String()), two.ID.Full()} {
		if got := search(id); len(got) != 1 || !strings.Contains(got[0].Title, "the disk is full") {
			t.Errorf("searching for %s finds %+v", id, got)
		}
	}
	if r := command(t, dir, nil, "incidents", "resolve", two.ID.String()); r.code != 0 {
		t.Fatal(r.err)
	}
	if got := search(two.ID.String()); len(got) != 1 {
		t.Errorf("once it is resolved: %+v", got)
	}
	if got := search(two.ID.String(), "--state", "new"); len(got) != 0 {
		t.Errorf("among the new ones: %+v", got)
	}
	if got := search("ZZZZ-ZZZZ"); len(got) != 0 {
		t.Errorf("nobody has that ID: %+v", got)
	}
}

// What ended the process was answered to nobody.
func TestShowOfACrashHasNoStatus(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.KindCrash, fault.KindEnded} {
		f := failure(1, time.Now(), "SIGKILL")
		f.Kind, f.Request = kind, nil
		if r := command(t, incidentsOf(t, f), nil, "incidents", "show", f.ID.String()); r.code != 0 || strings.Contains(r.out, "Internal Server Error") || !strings.Contains(r.out, "SIGKILL") {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

func TestReopenOfAnOpenOne(t *testing.T) {
	t.Parallel()
	f := failure(1, time.Now(), "failed")
	dir := incidentsOf(t, f)
	for _, step := range []struct{ change, says string }{
		{"reopen", " is open already, nothing is changed: "}, {"resolve", " is resolved: "}, {"reopen", " is open again: "},
		{"mute", " is muted for ever, unless it is reopened: "}, {"reopen", " is open again: "},
	} {
		if r := command(t, dir, nil, "incidents", step.change, f.ID.String()); r.code != 0 || !strings.Contains(r.out, step.says) {
			t.Errorf("%s: %+v, want %q", step.change, r, step.says)
		}
	}
}

func TestIncidentsList(t *testing.T) {
	t.Parallel()
	var failures []*fault.Failure
	for i := range 5 {
		f := failure(byte(i+1), time.Now().Add(-time.Duration(i)*time.Minute), "failed")
		f.Stack[0].Function = "example.org/microblog/internal/web." + string(rune('a'+i))
		failures = append(failures, f)
	}
	dir := incidentsOf(t, failures...)
	lines := func(args ...string) int {
		r := command(t, dir, nil, append([]string{"incidents"}, args...)...)
		if r.code != 0 {
			t.Errorf("%q: %+v", args, r)
		}
		return strings.Count(r.out, "\n")
	}
	if n := lines(); n != 7 {
		t.Errorf("%d lines, want a heading, 5 incidents and the end", n)
	}
	if n := lines("--limit", "2"); n != 4 {
		t.Errorf("%d lines with --limit 2", n)
	}
	if r := command(t, dir, nil, "incidents", "--limit", "2"); !strings.Contains(r.out, "There are more than these 2") {
		t.Errorf("%+v", r)
	}
	if n := lines("--search", "web.c"); n != 3 {
		t.Errorf("%d lines with --search", n)
	}
	if n := lines("--search", "nothing like that"); n != 1 {
		t.Errorf("%d lines with a search for nothing", n)
	}
	if n := lines("--state", "quiet,muted"); n != 1 {
		t.Errorf("%d lines with --state quiet,muted", n)
	}
}
