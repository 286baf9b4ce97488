package errormail_test

import (
	"fmt"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/errormail"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/outbox"
	"example.org/microblog/fault/trace"
)

func TestFirst(t *testing.T) {
	t.Parallel()
	m := errormail.Compose(options(), notice(incident.First, failure()), errormail.Facts{})
	if want := `[Microblog Failure] POST /user/{username}: loading the profile: reading user "susan": database is locked (5) (SQLITE_BUSY)`; m.Subject != want {
		t.Errorf("subject %q", m.Subject)
	}
	if m.Key != "ABCDEFGHJKMNP.1" || m.Class != errormail.Class || m.MessageID != "ABCDEFGHJKMNP.1@blog.example.org" {
		t.Errorf("%q, %q, %q", m.Key, m.Class, m.MessageID)
	}
	for name, want := range map[string]string{
		"Fault-Notice": "first", "Fault-Id": "7F3K-92QD", "Auto-Submitted": "auto-generated", "References": "<ABCDEFGHJKMNP.thread@blog.example.org>", "In-Reply-To": "",
	} {
		if m.Header[name] != want {
			t.Errorf("%s: %q, want %q", name, m.Header[name], want)
		}
	}
	contains(t, "text", m.Text,
		"Microblog: this is new: 1 failure so far\n", "\nPOST /user/{username}\nloading the profile: reading user",
		"7F3K-92QD", "2026-11-22 14:42:52 CET (13:42:52 UTC)", "(an error, answered 500)", "susan", "b7w3q9hk2m5x8c1d", "203.0.113.9:51234",
		"web-1, process 4242", "v1.4.0, revision 3f2a91c0ffee of 2026-11-20 09:30 UTC, build 0123456789ab, go1.26.0",
		"https://blog.example.org/admin/incidents/ABCDEFGHJKMNP", "microblog incidents show ABCDEFGHJKMNP",
		// The application's frames with source, then the others.
		"This is where the error was first wrapped or made.",
		"internal/store/users.go:8  store.(*Store).UserByName\n", "  >  8          return nil, trace.Wrapf(err, \"reading user %q\", name)\n",
		"     7      if err := row.Scan(", "internal/web/user.go:6  web.(*Server).user\n", "  >  6      u, err := s.store.UserByName(",
		"net/http/server.go:2801  http.(*ServeMux).ServeHTTP",
		// The causes as a tree.
		"*trace.wrapped: loading the profile", "└─ *errors.joinError: reading user\n", "   ├─ *sqlite.Error: database is locked", "   └─ *context.deadlineExceededError",
		// What it did.
		"2 steps before these", "−5.2s  sql  SELECT id, username FROM users WHERE session = $1  args: [masked]  (812µs)", "failed: database is locked",
		"curl ",
	)
	if own, others := strings.Index(m.Text, "web.(*Server).user"), strings.Index(m.Text, "http.(*ServeMux)"); own > others {
		t.Error("the application's frames are not the first")
	}
	contains(t, "HTML", m.HTML,
		"<h1 ", "7F3K-92QD", "2026-11-22 14:42:52 CET (13:42:52 UTC)", "POST /user/{username}", "internal/store/users.go:8",
		`href="https://blog.example.org/admin/incidents/ABCDEFGHJKMNP"`, "trace.Wrapf(err, &#34;reading user %q&#34;, name)", "*sqlite.Error:", "−5.2s",
	)
	lacks(t, "text", m.Text, "Sec-Fetch-Site: cross-site", "History", "answered 0")
}

func TestMore(t *testing.T) {
	t.Parallel()
	m := errormail.Compose(options(), later(incident.More), facts())
	contains(t, "text", m.Text, "it goes on: 1,240 failures so far, 12 people, 620 since the last mail", "1,240 failures, 12 people, 2 routes, since 2026-11-22 14:02:52 CET", "one bar for each minute, 80 at most", "14:02 CET", "14:42 CET", "█",
		"POST /user/{username} (1,200), GET /user/{username} (40)", "susan (900), john (340)", "internal/web/user.go:6")
	first := errormail.Compose(options(), notice(incident.First, failure()), errormail.Facts{})
	if m.Subject != first.Subject {
		t.Errorf("another subject: %q", m.Subject)
	}
	if m.MessageID == first.MessageID {
		t.Error("the same Message-ID")
	}
	if want := first.Header["References"] + " <" + first.MessageID + ">"; m.Header["References"] != want || m.Header["In-Reply-To"] != "<"+first.MessageID+">" {
		t.Errorf("References %q, In-Reply-To %q", m.Header["References"], m.Header["In-Reply-To"])
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	n := later(incident.Stopped)
	n.Incident.State = incident.Quiet
	m := errormail.Compose(options(), n, facts())
	contains(t, "text", m.Text, "it stopped: 1,240 failures, 12 people, from 2026-11-22 14:02:52 CET (13:02:52 UTC) to 2026-11-22 14:42:52 CET (13:42:52 UTC)",
		"ABCDEFGHJKMNP, quiet", "store.(*Store).UserByName", "History")
	contains(t, "HTML", m.HTML, "It stopped: 1,240 failures, 12 people, from ")
	lacks(t, "text", m.Text, "curl", "Other calls")
	n.Spell.Count, n.Spell.Users = 2, 1
	contains(t, "text", errormail.Compose(options(), n, facts()).Text, "it stopped: 2 failures, 1 person, from ")
}

func TestBack(t *testing.T) {
	t.Parallel()
	n := later(incident.Back)
	n.Incident.State, n.Incident.ResolvedAt, n.Incident.ChangedBy = incident.Regressed, at.Add(-26*time.Hour), "ann"
	n.Incident.LastBuild.Version = "v1.5.0"
	m := errormail.Compose(options(), n, facts())
	contains(t, "text", m.Text, "it is back after it was resolved by ann on 2026-11-21 12:42:52 CET (11:42:52 UTC): 1,240 failures in all",
		"back after it was resolved", "First in", "v1.5.0", "internal/web/user.go:6")
}

func TestSummaryAndDigest(t *testing.T) {
	t.Parallel()
	m := errormail.Compose(options(), summary(), errormail.Facts{})
	if m.Subject != "[Microblog Failure] 1,302 failures of 4 incidents" {
		t.Errorf("subject %q", m.Subject)
	}
	if m.Header["References"] != "" || m.Header["Fault-Id"] != "" {
		t.Errorf("%v", m.Header)
	}
	contains(t, "text", m.Text, "a storm: 1,302 failures of 4 incidents", "     900  loading the profile: database is locked", "ongoing, 1,000 failures in all",
		"https://blog.example.org/admin/incidents/ABCDEFGHJKMNB", "Incidents that are no longer kept")
	contains(t, "HTML", m.HTML, "rendering &lt;b&gt;index&lt;/b&gt;", `href="https://blog.example.org/admin/incidents/ABCDEFGHJKMNB"`)

	n := summary()
	n.Kind = incident.Digest
	for i := range 200 {
		n.Items = append(n.Items, incident.Item{Incident: incident.Incident{ID: fmt.Sprint("Z", i), Title: "more", Count: 1, State: incident.New}, Covers: 1})
	}
	m = errormail.Compose(options(), n, errormail.Facts{})
	contains(t, "text", m.Text, "1,302 failures of 204 incidents that no mail has told of yet", "and 140 further incidents with 140 failures")
}

func TestCrash(t *testing.T) {
	t.Parallel()
	f := failure()
	f.Kind, f.Status, f.Request, f.User, f.Steps, f.StackOf = fault.KindCrash, 0, nil, "", nil, fault.StackCrash
	f.Message = "fatal error: concurrent map writes"
	f.Output = strings.Repeat("an earlier line\n", 5000) + "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\x1b[31m\nmain.main()\n"
	n := notice(incident.First, f)
	n.Incident.Title = f.Message
	m := errormail.Compose(options(), n, errormail.Facts{})
	if m.Subject != "[Microblog Failure] the process: fatal error: concurrent map writes" {
		t.Errorf("subject %q", m.Subject)
	}
	contains(t, "text", m.Text, "the whole process crashed", "goroutine 7 [running]: [31m\nmain.main()", "…\nan earlier line\n", "the goroutine that ended the process")
	lacks(t, "text", m.Text, "curl", "\x1b")
}

func TestWithoutSource(t *testing.T) {
	t.Parallel()
	o := options()
	n := notice(incident.First, failure())
	n.Failure.Build.ID, n.Failure.Build.Revision, n.Failure.Build.Version = "ffffffffffff", "", "v1.3.0"
	m := errormail.Compose(o, n, errormail.Facts{})
	if got := strings.Count(m.Text, "No source lines: this failed in another build (v1.3.0) than the one that is running now"); got != 1 {
		t.Errorf("said %d times:\n%s", got, m.Text)
	}
	contains(t, "HTML", m.HTML, "No source lines: this failed in another build")
	o.Source = nil
	lacks(t, "text", errormail.Compose(o, n, errormail.Facts{}).Text, "No source lines")
}

func TestNoFrameOfTheApplication(t *testing.T) {
	t.Parallel()
	n := notice(incident.First, failure())
	n.Failure.Stack = n.Failure.Stack[2:]
	m := errormail.Compose(options(), n, errormail.Facts{})
	contains(t, "text", m.Text, "None of the calls is in the application's own code.", "http.(*ServeMux).ServeHTTP")
	contains(t, "HTML", m.HTML, "None of the calls is in the application's own code.")
}

func TestSourceIsMasked(t *testing.T) {
	t.Parallel()
	o := options()
	o.Mask = func(s string) string { return strings.ReplaceAll(s, "s.store", "[masked]") }
	m := errormail.Compose(o, notice(incident.First, failure()), errormail.Facts{})
	contains(t, "text", m.Text, "[masked].UserByName")
	lacks(t, "mail", m.Text+m.HTML, "s.store")
	o.Mask = func(string) string { panic("broken") }
	m = errormail.Compose(o, notice(incident.First, failure()), errormail.Facts{})
	lacks(t, "mail", m.Text+m.HTML, "s.store")
}

func TestSubject(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*fault.Failure)
		app    string
		want   string
	}{
		{"a route without a method", func(f *fault.Failure) { f.Request.Route = "/user/{username}" }, "", "[Application Failure] POST /user/{username}: boom"},
		{"a route with a host", func(f *fault.Failure) { f.Request.Route = "POST blog.example.org/user/{username}" }, "", "[Application Failure] POST blog.example.org/user/{username}: boom"},
		{"no route", func(f *fault.Failure) { f.Request.Route = "" }, "Blog", "[Blog Failure] POST /user/susan: boom"},
		{"a task", func(f *fault.Failure) { f.Task, f.Request = "refresh", nil }, "Blog", "[Blog Failure] refresh: boom"},
		{"in the background", func(f *fault.Failure) { f.Request = nil }, "Blog", "[Blog Failure] in the background: boom"},
		{"a process that ended", func(f *fault.Failure) { f.Kind, f.Request = fault.KindEnded, nil }, "Blog", "[Blog Failure] the process: boom"},
		{"line ends", func(f *fault.Failure) {
			f.Request.Route, f.Request.URL = "", "/\r\nBcc: evil@example.com"
			f.Message = "boom\r\nTo: evil@example.com\x00\u202e"
		}, "Bl\r\nog", "[Bl og Failure] POST / Bcc: evil@example.com: boom; To: evil@example.com"},
		{"joined errors", func(f *fault.Failure) { f.Message = "closing: disk full\nremoving: no such file" }, "Blog", "[Blog Failure] POST /user/{username}: closing: disk full; removing: no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := failure()
			f.Message = "boom"
			c.change(f)
			o := options()
			o.App = c.app
			if m := errormail.Compose(o, notice(incident.First, f), errormail.Facts{}); m.Subject != c.want {
				t.Errorf("%q, want %q", m.Subject, c.want)
			}
		})
	}
}

func TestTimesInUTC(t *testing.T) {
	t.Parallel()
	o := options()
	o.Location = time.UTC
	m := errormail.Compose(o, notice(incident.First, failure()), errormail.Facts{})
	contains(t, "text", m.Text, "2026-11-22 13:42:52 UTC\n")
	o.Location = time.FixedZone("", 11*3600)
	m = errormail.Compose(o, notice(incident.First, failure()), errormail.Facts{})
	contains(t, "text", m.Text, "2026-11-23 00:42:52 +1100 (2026-11-22 13:42:52 UTC)")
}

// hostile is a failure as big as a Catcher makes one, of what would do harm.
func hostile(unit string) incident.Notice {
	fill := func(bytes int) string { return strings.Repeat(unit, bytes/len(unit)+1) }
	f := failure()
	f.Message, f.User, f.Task, f.Host, f.Output = fill(8<<10), fill(1<<10), fill(1<<10), fill(1<<10), fill(64<<10)
	f.Causes = fault.Cause{}
	for range 96 {
		f.Causes.Causes = append(f.Causes.Causes, fault.Cause{Type: fill(2 << 10), Message: fill(2 << 10)})
	}
	f.Stack = nil
	for i := range 64 {
		f.Stack = append(f.Stack, trace.Frame{Function: "example.com/app/internal/web." + fill(500), File: "example.com/app/internal/web/user.go", Line: i%14 + 1, App: i%2 == 0})
	}
	f.Steps = nil
	for range 100 {
		f.Steps = append(f.Steps, trace.Step{Time: f.Time, Kind: fill(1 << 10), Text: fill(2 << 10), Err: fill(2 << 10), Args: []string{fill(256), fill(256)}, Duration: 1})
	}
	f.Request.Method, f.Request.Route, f.Request.URL, f.Request.Host, f.Request.RemoteAddr = "POST", fill(1<<10), "/"+fill(2<<10), fill(1<<10), fill(1<<10)
	f.Request.Header, f.Request.Form, f.Request.Files = http.Header{}, url.Values{}, nil
	for i := range 64 {
		name := fmt.Sprintf("X-%d", i)
		for range 16 {
			f.Request.Header[name] = append(f.Request.Header[name], fill(1<<10))
			f.Request.Form[name] = append(f.Request.Form[name], fill(1<<10))
		}
		f.Request.Files = append(f.Request.Files, fault.File{Field: name, Name: fill(1 << 10), Size: 1})
	}
	n := notice(incident.First, f)
	n.Incident.Title, n.Incident.Culprit, n.Incident.ChangedBy = fill(120), fill(200), fill(200)
	return n
}

var hostiles = []string{"x", "<script>alert(1)</script>", "</pre></td><img src=x>", "ü", "\U0001F600", "\u202e", "'\"`$(id)\r\n", "=", "\x1b[2J\x00", "a\tb ", "{{.}}"}

func TestBounded(t *testing.T) {
	t.Parallel()
	for i, unit := range hostiles {
		for _, kind := range []incident.NoticeKind{incident.First, []incident.NoticeKind{incident.Stopped, incident.Digest}[i%2]} {
			t.Run(fmt.Sprintf("%q %s", unit, kind), func(t *testing.T) {
				t.Parallel()
				n := hostile(unit)
				n.Kind = kind
				many := facts()
				for range 1000 {
					n.Items = append(n.Items, incident.Item{Incident: n.Incident, Covers: 5})
					many.Users = append(many.Users, incident.Tally{Name: strings.Repeat(unit, 100), Count: 1})
				}
				many.First = n.Failure
				m := errormail.Compose(options(), n, many)
				if size := onTheWire(t, m.Text) + onTheWire(t, m.HTML); size > 96<<10 || m.HTML == "" {
					t.Errorf("%d bytes, HTML %d", size, len(m.HTML))
				}
				checkSafe(t, m)
			})
		}
	}
}

// onTheWire is the size as quoted-printable.
func onTheWire(t *testing.T, s string) int {
	t.Helper()
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(s, "\n", "\r\n"))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}

var (
	tags   = regexp.MustCompile(`<(/?[a-zA-Z!][a-zA-Z0-9]*)([^>]*)>`)
	titles = regexp.MustCompile(`<title>[^<]*</title>`)
	known  = regexp.MustCompile(`^/?(?:!DOCTYPE|html|head|meta|title|style|body|div|table|tr|td|th|span|h1|h2|p|a|pre|br|code)$`)
	banned = regexp.MustCompile(`(?i)\bon[a-z]+\s*=|\bsrc\s*=|url\(|@import|javascript:|expression\(|ZgotmplZ`)
)

// checkSafe checks what must hold for every mail: nothing of what was composed runs, or is fetched, or
// obeyed by a terminal.
func checkSafe(t *testing.T, m outbox.Mail) {
	t.Helper()
	for _, tag := range tags.FindAllStringSubmatch(m.HTML, -1) {
		if !known.MatchString(tag[1]) {
			t.Fatalf("a tag %q", tag[0])
		}
		if banned.MatchString(tag[2]) {
			t.Fatalf("attributes %q", tag[0])
		}
	}
	if head, _, ok := strings.Cut(titles.ReplaceAllString(m.HTML, ""), "</head>"); !ok || strings.Count(head, "<style>") != 1 || banned.MatchString(head) {
		t.Errorf("head %q", head)
	}
	for what, s := range map[string]string{"subject": m.Subject, "text": m.Text, "HTML": m.HTML} {
		for _, r := range s {
			if r < ' ' && (r != '\n' || what == "subject") || r >= 0x7f && r < 0xa0 || r == '\u202e' {
				t.Fatalf("%s has %U: %.300q", what, r, s)
			}
		}
	}
	for name, value := range m.Header {
		if strings.ContainsAny(value, "\r\n") {
			t.Errorf("%s: %q", name, value)
		}
	}
	if n := len([]rune(m.Subject)); n > 300 {
		t.Errorf("the subject has %d characters", n)
	}
}

func TestLinksAreOfTheWeb(t *testing.T) {
	t.Parallel()
	for _, link := range []func(string) string{nil, func(string) string { return "" }, func(string) string { return "javascript:alert(1)" }, func(string) string { panic("broken") }} {
		o := options()
		o.Link = link
		m := errormail.Compose(o, notice(incident.First, failure()), errormail.Facts{})
		lacks(t, "HTML", m.HTML, "href", "javascript")
		lacks(t, "text", m.Text, "Page ", "javascript")
		checkSafe(t, m)
	}
}

func TestSenderWithoutUsableDomain(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"a@[IPv6:::1]", "a@münchen.example", "a@b>\r\nBcc: x"} {
		o := options()
		o.From = mail.Address{Address: from}
		m := errormail.Compose(o, notice(incident.First, failure()), errormail.Facts{})
		if m.MessageID != "ABCDEFGHJKMNP.1@localhost" {
			t.Errorf("%q: %q", from, m.MessageID)
		}
	}
}

func TestNewTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := errormail.New(errormail.Options{From: mail.Address{Address: "nobody"}, To: []mail.Address{{Address: "x"}}})
	if err == nil {
		t.Fatal("no error")
	}
	contains(t, "error", err.Error(), "Options.Book", "Options.Outbox", `not "nobody"`, `not "x"`)
}

func FuzzCompose(f *testing.F) {
	kinds := []incident.NoticeKind{incident.First, incident.More, incident.Stopped, incident.Back, incident.Summary, "unknown"}
	for i, s := range hostiles {
		f.Add(uint8(i), s, s, s, int64(3))
	}
	f.Fuzz(func(t *testing.T, kind uint8, a, b, c string, n int64) {
		failed := failure()
		failed.Message, failed.User, failed.Request.Route, failed.Request.URL, failed.Host = a, b, c, a, b
		failed.Causes = fault.Cause{Type: b, Message: c}
		failed.Request.Header["X-Test"], failed.Request.Form["x"] = []string{a}, []string{b}
		failed.Steps[0].Text, failed.Steps[0].Args = c, []string{a}
		failed.Output, failed.Build.Version = b, a
		note := notice(kinds[int(kind)%len(kinds)], failed)
		note.Covers, note.Count, note.Incident.Title, note.Incident.ID = n, n, a, b
		note.Items = []incident.Item{{Incident: note.Incident, Covers: n}}
		checkSafe(t, errormail.Compose(options(), note, facts()))
	})
}
