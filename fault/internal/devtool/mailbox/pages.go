package mailbox

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault/internal/visible"
)

const (
	mailsPerPage  = 200
	mailsOpen     = 5 // of a thread that are shown without a click
	eventsOnPage  = 12
	maxTextOnPage = 512 << 10 // bytes; the rest is in the source
)

// parsePages reads the templates, which are part of the program.
func parsePages() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"visible": visible.Line,
		"bytes":   bytesText,
		"plural":  plural,
		"people":  func(all []string) string { return people(all, "%s", 20) },
		"sender":  senderName,
		"clock":   func(t time.Time) string { return t.Format(time.TimeOnly) },
		"when":    func(t time.Time) string { return t.Format("Mon 2 Jan 2006, 15:04:05 -0700") },
		"iso":     func(t time.Time) string { return t.Format(time.RFC3339) },
	}).ParseFS(files, "templates/*.html")
}

// senderName is how a list names who sent a mail: by the name if there is one.
func senderName(m *Mail) string {
	if len(m.From) == 0 {
		return cmp.Or(visible.Line(shorten(m.Envelope.From, 200)), "no sender")
	}
	name, _, _ := strings.Cut(m.From[0], " <")
	return visible.Line(shorten(cmp.Or(name, m.From[0]), 200))
}

// site is what every page shows.
type site struct {
	Title    string
	SMTP     string
	Revision int64 // of the store
	Arrived  int64 // mails since the start
	Faults   faultsView
}

type faultsView struct {
	Active bool
	Text   string
	Failed int
	Rules  []string
	First  int
	Chance int // per cent
	Modes  []Mode
	Steps  []Step
	Mode   Mode // of the first rule, for the form
	Step   Step
}

func (s *Server) site(title string, n snapshot) site {
	plan, failed := s.faults.state()
	view := faultsView{
		Active: len(plan.Rules) > 0, Text: plan.String(), Failed: failed, Rules: plan.Names(), First: plan.First,
		Chance: 100, Modes: Modes(), Steps: Steps(),
	}
	if plan.Chance > 0 {
		view.Chance = int(plan.Chance*100 + 0.5)
	}
	if s.options.TLS != TLSStartTLS {
		view.Steps = slices.DeleteFunc(view.Steps, func(step Step) bool { return step == AtStartTLS })
	}
	if view.Active {
		view.Mode, view.Step = plan.Rules[0].Mode, plan.Rules[0].Step
	}
	return site{Title: title, SMTP: s.SMTPAddr(), Revision: n.revision, Arrived: n.arrived, Faults: view}
}

type listPage struct {
	site
	Search  string
	Threads []threadView
	Older   int64 // the page with older mails has those before this one
	Kept    int
	Found   int
	Bytes   int64
	Keep    int
	KeepAll int64
	LetGo   int
	Events  []Event
	Port    string
	Host    string
}

type threadView struct {
	Subject string
	Newest  []*Mail
	Rest    []*Mail
	Count   int
}

func (s *Server) pageList(w http.ResponseWriter, r *http.Request) {
	now := s.store.snapshot()
	query := r.URL.Query()
	f := filter{any: strings.TrimSpace(query.Get("q"))}
	if err := number(query, "before", &f.before); err != nil {
		s.badRequest(w, r, err)
		return
	}
	found := f.of(now.mails)
	host, port, err := net.SplitHostPort(s.SMTPAddr())
	if err != nil {
		host = s.SMTPAddr()
	}
	p := listPage{
		site: s.site("Mails", now), Search: f.any, Kept: len(now.mails), Found: len(found), Bytes: now.bytes,
		Keep: s.options.Keep, KeepAll: s.options.KeepBytes, LetGo: int(now.letGo),
		Events: now.events[:min(len(now.events), eventsOnPage)], Host: host, Port: port,
	}
	if len(found) > mailsPerPage {
		found = found[:mailsPerPage]
		p.Older = found[len(found)-1].ID
	}
	for _, t := range threads(found) {
		open := len(t)
		if open > mailsOpen+1 {
			open = mailsOpen
		}
		p.Threads = append(p.Threads, threadView{Subject: t[len(t)-1].Subject, Newest: t[:open], Rest: t[open:], Count: len(t)})
	}
	s.render(w, "list.html", p)
}

type mailPage struct {
	site
	Mail    *Mail
	View    string // text, html, header, source
	Text    []span
	Source  string
	Cut     bool // there is more than is shown
	Header  [][2]string
	Sandbox string
	Thread  []*Mail
	Newer   int64
	OlderID int64
	SentAs  string
	Unnamed []string
	Marks   []string
}

func (s *Server) pageMail(w http.ResponseWriter, r *http.Request) {
	m, ok := s.mailOf(r.PathValue("id"))
	if !ok {
		s.notFound(w, r)
		return
	}
	now := s.store.snapshot()
	p := mailPage{
		site: s.site(visible.Line(m.Subject), now), Mail: m, View: r.URL.Query().Get("view"),
		Sandbox: frameSandbox, Thread: threadOf(now.mails, m), SentAs: m.sentAs(), Unnamed: m.unnamed(), Marks: m.marks(),
	}
	if p.Title == "" {
		p.Title = fmt.Sprintf("Mail %d", m.ID)
	}
	switch {
	case p.View == "html" && m.HasHTML, p.View == "header", p.View == "source", p.View == "text" && m.HasText:
	case m.HasText || !m.HasHTML:
		p.View = "text"
	default:
		p.View = "html"
	}
	switch p.View {
	case "text":
		var text string
		text, p.Cut = head(m.Text())
		p.Text = linked(visible.Text(text))
	case "source":
		p.Source, p.Cut = head(string(m.Source()))
		p.Source = visible.Text(strings.ReplaceAll(p.Source, "\r\n", "\n"))
	case "header":
		p.Header = m.Header()
	}
	if i := slices.Index(now.mails, m); i >= 0 {
		if i > 0 {
			p.Newer = now.mails[i-1].ID
		}
		if i+1 < len(now.mails) {
			p.OlderID = now.mails[i+1].ID
		}
	}
	s.render(w, "mail.html", p)
}

// head returns what of a text a page shows, and whether there is more.
func head(text string) (string, bool) {
	if len(text) <= maxTextOnPage {
		return text, false
	}
	return strings.ToValidUTF8(text[:maxTextOnPage], ""), true
}

// span is a piece of text, or an address of the web in it.
type span struct {
	Text string
	Link bool
}

var webAddress = regexp.MustCompile(`\bhttps?://[^\s<>"'` + "`" + `\\]+`)

// linked finds the web addresses in a text.
func linked(text string) []span {
	var out []span
	last := 0
	for _, at := range webAddress.FindAllStringIndex(text, 2000) {
		end := at[0] + len(strings.TrimRight(text[at[0]:at[1]], ".,;:!?)]}"))
		if at[0] > last {
			out = append(out, span{Text: text[last:at[0]]})
		}
		out = append(out, span{Text: text[at[0]:end], Link: true})
		last = end
	}
	if last < len(text) || len(out) == 0 {
		out = append(out, span{Text: text[last:]})
	}
	return out
}

// render answers with a page, once it is whole.
func (s *Server) render(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		s.event("", "a page cannot be shown: "+err.Error())
		http.Error(w, "This page cannot be shown, which is a mistake in fault mailbox. The terminal has the cause.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(w)
}

func (s *Server) postDelete(w http.ResponseWriter, r *http.Request) {
	if m, ok := s.mailOf(r.PathValue("id")); ok {
		s.store.remove(m.ID)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther) // gone is gone, whoever deleted it
}

func (s *Server) postDeleteAll(w http.ResponseWriter, r *http.Request) {
	s.store.clear()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// postFaults takes the form by which the plan is changed.
func (s *Server) postFaults(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPlanBody)
	if err := r.ParseForm(); err != nil {
		s.badRequest(w, r, fmt.Errorf("the form cannot be read: %w", err))
		return
	}
	plan, err := planOfForm(r.PostForm)
	if err == nil {
		err = s.SetFaults(plan)
	}
	if err != nil {
		s.badRequest(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func planOfForm(form url.Values) (Plan, error) {
	rule := form.Get("mode")
	if rule == "" {
		return Plan{}, nil
	}
	if step := form.Get("step"); step != "" {
		rule += "@" + step
	}
	first, chance := int64(0), int64(100)
	if err := number(form, "first", &first); err != nil {
		return Plan{}, err
	}
	if err := number(form, "chance", &chance); err != nil {
		return Plan{}, err
	}
	plan, err := ParsePlan([]string{rule}, int(first), float64(chance)/100)
	if err == nil && chance == 100 {
		plan.Chance = 0
	}
	return plan, err
}
