package errormail_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/errormail"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/source"
	"example.org/microblog/fault/trace"
)

var (
	berlin = time.FixedZone("CET", 3600)
	build  = fault.Build{
		Module: "example.com/app", Version: "v1.4.0", Revision: "3f2a91c0ffee4711", Go: "go1.26.0", ID: "0123456789ab",
		Time: time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC),
	}
	at = time.Date(2026, 11, 22, 13, 42, 52, 672e6, time.UTC)
)

// userGo is an embedded source file.
const userGo = `package web

// user shows a person's page.
func (s *Server) user(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("username")
	u, err := s.store.UserByName(r.Context(), name)
	if err != nil {
		return trace.Wrap(err, "loading the profile")
	}
	if strings.Contains(u.AboutMe, "<script>") && len(u.AboutMe) > limit {
		return fault.BadRequest("Too long & too <bold>.")
	}
	return s.render(w, "user", u)
}
`

const usersGo = `package store

// UserByName returns the user of that name, in either case.
func (s *Store) UserByName(ctx context.Context, name string) (*microblog.User, error) {
	row := s.db.QueryRowContext(ctx, selectUser, strings.ToLower(name))
	var u microblog.User
	if err := row.Scan(&u.ID, &u.Name, &u.Email, &u.AboutMe); err != nil {
		return nil, trace.Wrapf(err, "reading user %q", name)
	}
	return &u, nil
}
`

func failure() *fault.Failure {
	id, _ := fault.ParseID("7F3K92QD0123456789ABCDEFG0")
	return &fault.Failure{
		ID: id, Time: at, Kind: fault.KindError, Status: 500,
		Message: `loading the profile: reading user "susan": database is locked (5) (SQLITE_BUSY)`,
		Causes: fault.Cause{Type: "*trace.wrapped", Message: `loading the profile: reading user "susan": database is locked (5) (SQLITE_BUSY)`,
			Causes: []fault.Cause{{Type: "*errors.joinError", Message: "reading user", Causes: []fault.Cause{
				{Type: "*sqlite.Error", Message: "database is locked (5) (SQLITE_BUSY)"},
				{Type: "*context.deadlineExceededError", Message: "context deadline exceeded"},
			}}}},
		StackOf: fault.StackWrapped,
		Stack: trace.Stack{
			{Function: "example.com/app/internal/store.(*Store).UserByName", File: "example.com/app/internal/store/users.go", Line: 8, App: true},
			{Function: "example.com/app/internal/web.(*Server).user", File: "example.com/app/internal/web/user.go", Line: 6, App: true},
			{Function: "example.org/microblog/fault.(*handler).call", File: "example.org/microblog/fault@v0.1.0/catch.go", Line: 44},
			{Function: "net/http.(*ServeMux).ServeHTTP", File: "net/http/server.go", Line: 2801},
		},
		Request: &fault.Request{
			Method: "POST", Route: "POST /user/{username}", URL: "/user/susan?tab=it's&token=[masked]", Proto: "HTTP/1.1",
			Host: "blog.example.org", RemoteAddr: "203.0.113.9:51234", ContentLength: 41,
			Header: http.Header{
				"Accept": {"text/html"}, "Accept-Encoding": {"gzip"}, "Content-Length": {"41"},
				"Content-Type": {"application/x-www-form-urlencoded"}, "Cookie": {"session=[masked]"},
				"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) \"quoted\" $HOME `id`"},
			},
			Form: url.Values{"about_me": {"It's \"me\" & $HOME\nand `id`"}, "password": {"[masked]"}},
		},
		User: "susan", RequestID: "b7w3q9hk2m5x8c1d", Host: "web-1", PID: 4242, Build: build, Goroutine: 77,
		Steps: []trace.Step{
			{Time: at.Add(-5204 * time.Millisecond), Kind: "sql", Text: "SELECT id, username FROM users\n\tWHERE session = $1", Args: []string{"[masked]"}, Duration: 812 * time.Microsecond},
			{Time: at.Add(-5010 * time.Millisecond), Kind: "log", Text: "INFO: Loading the profile user=susan"},
			{Time: at.Add(-5001 * time.Millisecond), Kind: "sql", Text: "SELECT id, username, email, about_me FROM users WHERE lower(username) = $1", Args: []string{"susan"}, Duration: 5 * time.Second, Err: "database is locked (5) (SQLITE_BUSY)"},
		},
		StepsDropped: 2,
	}
}

func notice(kind incident.NoticeKind, f *fault.Failure) incident.Notice {
	return incident.Notice{
		Key: "ABCDEFGHJKMNP.1", Kind: kind, IncidentID: "ABCDEFGHJKMNP", Seq: 1, At: at, Covers: 1, Count: 1,
		Spell: incident.Spell{First: at, Last: at, Count: 1, Users: 1},
		Incident: incident.Incident{
			ID: "ABCDEFGHJKMNP", Title: f.Message, Culprit: "store.(*Store).UserByName", Kind: f.Kind, State: incident.New,
			First: at, Last: at, FirstBuild: build, LastBuild: build, FirstID: f.ID, LastID: f.ID, Count: 1, Users: 1, Routes: 1, Uncovered: 1,
		},
		Failure: f,
	}
}

// later is a notice about an incident that has gone on for a while.
func later(kind incident.NoticeKind) incident.Notice {
	n := notice(kind, failure())
	n.Key, n.Seq, n.Covers, n.Count = "ABCDEFGHJKMNP.4", 4, 620, 1240
	n.Spell = incident.Spell{First: at.Add(-40 * time.Minute), Last: at, Count: 1240, Users: 12}
	n.Incident.First, n.Incident.Count, n.Incident.Users, n.Incident.Routes = at.Add(-40*time.Minute), 1240, 12, 2
	n.Incident.State = incident.Ongoing
	return n
}

func facts() errormail.Facts {
	h := errormail.History{From: at.Add(-40 * time.Minute).Truncate(time.Minute), Step: time.Minute}
	for i := range 41 {
		h.Counts = append(h.Counts, int64((i*i*7)%60+max(0, 30-i)))
	}
	h.Counts[12], h.Counts[13] = 0, 0
	return errormail.Facts{
		First: failure(), History: h, FirstNotice: "ABCDEFGHJKMNP.1",
		Routes: []incident.Tally{{Name: "POST /user/{username}", Count: 1200}, {Name: "GET /user/{username}", Count: 40}},
		Users:  []incident.Tally{{Name: "susan", Count: 900}, {Name: "john", Count: 340}},
	}
}

func summary() incident.Notice {
	n := incident.Notice{Key: "summary.493302", Kind: incident.Summary, At: at, Covers: 1302}
	for i, title := range []string{
		"loading the profile: database is locked (5) (SQLITE_BUSY)", "panic: runtime error: index out of range [3] with length 3",
		"rendering <b>index</b>: template: index.html:12: nil pointer evaluating *microblog.User.Name",
	} {
		in := notice(incident.First, failure()).Incident
		in.ID, in.Title, in.Count, in.State = "ABCDEFGHJKMN"+string(rune('A'+i)), title, int64(1000/(i+1)), incident.Ongoing
		n.Items = append(n.Items, incident.Item{Incident: in, Covers: int64(900 / (i + 1))})
	}
	n.Items = append(n.Items, incident.Item{Covers: 2})
	return n
}

func options() errormail.Options {
	return errormail.Options{
		App: "Microblog", From: mail.Address{Name: "Microblog", Address: "no-reply@blog.example.org"},
		To:   []mail.Address{{Address: "admin@blog.example.org"}},
		Link: func(id string) string { return "https://blog.example.org/admin/incidents/" + id },
		Show: "microblog incidents show", BaseURL: "https://blog.example.org", Location: berlin,
		Source: source.New(source.Options{
			Module: "example.com/app", Build: build,
			FS: fstest.MapFS{"internal/web/user.go": {Data: []byte(userGo)}, "internal/store/users.go": {Data: []byte(usersGo)}},
		}),
	}
}

// contains checks that each text is in s.
func contains(t *testing.T, what, s string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(s, text) {
			t.Errorf("%s has no %q:\n%s", what, text, s)
		}
	}
}

func lacks(t *testing.T, what, s string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(s, text) {
			t.Errorf("%s has %q:\n%s", what, text, s)
		}
	}
}

type recorderFunc func(context.Context, *fault.Failure) fault.Receipt

func (r recorderFunc) Record(ctx context.Context, f *fault.Failure) fault.Receipt { return r(ctx, f) }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
