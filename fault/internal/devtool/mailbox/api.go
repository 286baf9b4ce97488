package mailbox

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault/internal/visible"
)

const (
	maxWait     = time.Minute // that a request may wait for something to happen
	maxPlanBody = 64 << 10
)

// APIHelp describes the HTTP API, for people. It is what GET /api answers.
//
//go:embed api.txt
var APIHelp string

func (s *Server) apiHelp(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, strings.ReplaceAll(APIHelp, "http://"+DefaultHTTP, s.URL()))
}

// jsonMail is a Mail in the API.
type jsonMail struct {
	ID          int64            `json:"id"`
	Received    time.Time        `json:"received"`
	Envelope    jsonEnvelope     `json:"envelope"`
	Subject     string           `json:"subject"`
	From        []string         `json:"from"`
	To          []string         `json:"to"`
	Cc          []string         `json:"cc"`
	ReplyTo     []string         `json:"reply_to"`
	Date        string           `json:"date"`
	MessageID   string           `json:"message_id"`
	References  []string         `json:"references"`
	FaultID     string           `json:"fault_id"`
	Size        int64            `json:"size"`
	Attachments []jsonAttachment `json:"attachments"`
	Remarks     []string         `json:"remarks"`
	DuplicateOf int64            `json:"duplicate_of,omitempty"`
	Unanswered  bool             `json:"unanswered,omitempty"`
	URL         string           `json:"url"`
}

type jsonEnvelope struct {
	From   string   `json:"from"`
	To     []string `json:"to"`
	UTF8   bool     `json:"utf8"`
	Client string   `json:"client"`
	HELO   string   `json:"helo"`
	TLS    string   `json:"tls"`
	User   string   `json:"user"`
}

type jsonAttachment struct {
	Part      string `json:"part"`
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	Inline    bool   `json:"inline"`
	URL       string `json:"url"`
}

type jsonWholeMail struct {
	jsonMail
	Header [][2]string `json:"header"`
	Text   string      `json:"text"`
	HTML   string      `json:"html"`
}

type jsonFaults struct {
	Rules  []string `json:"rules"`
	First  int      `json:"first"`
	Chance float64  `json:"chance"`
	Failed int      `json:"failed"`
}

type jsonEvent struct {
	At     time.Time `json:"at"`
	Client string    `json:"client"`
	Text   string    `json:"text"`
}

func (s *Server) jsonMail(m *Mail) jsonMail {
	e := m.Envelope
	j := jsonMail{
		ID: m.ID, Received: m.Received, Subject: m.Subject, Date: m.Date, MessageID: m.MessageID, FaultID: m.FaultID,
		From: orEmpty(m.From), To: orEmpty(m.To), Cc: orEmpty(m.Cc), ReplyTo: orEmpty(m.ReplyTo), References: orEmpty(m.References),
		Size: m.Size(), Remarks: orEmpty(m.Remarks), DuplicateOf: m.Duplicate, Unanswered: m.Unanswered,
		Envelope:    jsonEnvelope{e.From, orEmpty(e.To), e.UTF8, e.Client, e.HELO, e.TLS, e.User},
		Attachments: []jsonAttachment{},
		URL:         fmt.Sprintf("%s/mails/%d", s.URL(), m.ID),
	}
	for _, a := range m.Attachments {
		j.Attachments = append(j.Attachments, jsonAttachment{a.Part, a.Name, a.MediaType, a.Size, a.Inline,
			fmt.Sprintf("%s/api/mails/%d/parts/%s", s.URL(), m.ID, a.Part)})
	}
	return j
}

// orEmpty makes an empty list of none, so that JSON says [].
func orEmpty(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

// apiMails answers with the mails that are asked for, and waits for them if that is asked for, too.
func (s *Server) apiMails(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	f := filter{from: query.Get("from"), to: query.Get("to"), subject: query.Get("subject"), any: query.Get("q")}
	count, limit := int64(1), int64(0)
	err := errors.Join(
		unknown(query, "from", "to", "subject", "q", "after", "before", "count", "limit", "wait"),
		number(query, "after", &f.after), number(query, "before", &f.before),
		number(query, "count", &count), number(query, "limit", &limit),
	)
	wait, waitErr := waitOf(query)
	if err = errors.Join(err, waitErr); err != nil {
		s.badRequest(w, r, err)
		return
	}
	var found []*Mail
	s.until(r, wait, func(n snapshot) bool {
		found = f.of(n.mails)
		return int64(len(found)) >= count
	})
	if limit > 0 && int64(len(found)) > limit {
		found = found[:limit]
	}
	out := make([]jsonMail, len(found))
	for i, m := range found {
		out[i] = s.jsonMail(m)
	}
	writeJSON(w, http.StatusOK, map[string]any{"mails": out})
}

// until looks at the store until enough says so, the time is up, or the client or the server goes.
func (s *Server) until(r *http.Request, wait time.Duration, enough func(snapshot) bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		now := s.store.snapshot()
		if enough(now) {
			return
		}
		select {
		case <-now.changed:
		case <-timer.C:
			return
		case <-r.Context().Done(): // with s.ctx, too
			return
		}
	}
}

func (s *Server) apiMail(w http.ResponseWriter, r *http.Request) {
	number, source := strings.CutSuffix(r.PathValue("id"), ".eml")
	m, ok := s.mailOf(number)
	switch {
	case !ok:
		s.notFound(w, r)
	case source:
		writeFile(w, "message/rfc822", fmt.Sprintf("mail-%d.eml", m.ID), m.Source())
	default:
		writeJSON(w, http.StatusOK, jsonWholeMail{s.jsonMail(m), m.Header(), m.Text(), m.HTML()})
	}
}

func (s *Server) apiDelete(w http.ResponseWriter, r *http.Request) {
	m, ok := s.mailOf(r.PathValue("id"))
	if !ok || !s.store.remove(m.ID) {
		s.notFound(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) apiDeleteAll(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]int{"deleted": s.store.clear()})
}

func (s *Server) apiFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.jsonFaults())
}

func (s *Server) jsonFaults() jsonFaults {
	plan, failed := s.faults.state()
	return jsonFaults{plan.Names(), plan.First, plan.Chance, failed}
}

func (s *Server) apiSetFaults(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		s.refuse(w, r, http.StatusUnsupportedMediaType, "Send JSON, with the header Content-Type: application/json.")
		return
	}
	var want struct {
		Rules  []string `json:"rules"`
		First  int      `json:"first"`
		Chance float64  `json:"chance"`
	}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPlanBody))
	body.DisallowUnknownFields()
	if err := body.Decode(&want); err != nil {
		s.badRequest(w, r, fmt.Errorf(`the body is not like {"rules": ["tempfail@rcpt"], "first": 3, "chance": 0.5}: %w`, err))
		return
	}
	plan, err := ParsePlan(want.Rules, want.First, want.Chance)
	if err == nil {
		err = s.SetFaults(plan)
	}
	if err != nil {
		s.badRequest(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, s.jsonFaults())
}

// apiState answers with what there is besides the mails, and waits for it to change if that is asked for.
func (s *Server) apiState(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	since := int64(-1)
	err := errors.Join(unknown(query, "since", "wait"), number(query, "since", &since))
	wait, waitErr := waitOf(query)
	if err = errors.Join(err, waitErr); err != nil {
		s.badRequest(w, r, err)
		return
	}
	var now snapshot
	s.until(r, wait, func(n snapshot) bool {
		now = n
		return n.revision != since
	})
	events := make([]jsonEvent, len(now.events))
	for i, e := range now.events {
		events[i] = jsonEvent(e)
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"revision": now.revision, "mails": len(now.mails), "bytes": now.bytes, "arrived": now.arrived, "let_go": now.letGo,
		"keep": s.options.Keep, "keep_bytes": s.options.KeepBytes, "smtp": s.SMTPAddr(), "faults": s.jsonFaults(), "events": events,
	})
}

func (s *Server) badRequest(w http.ResponseWriter, r *http.Request, err error) {
	text := err.Error()
	var option *OptionError
	if errors.As(err, &option) {
		text = option.Text
	}
	s.refuse(w, r, http.StatusBadRequest, text)
}

// unknown reports parameters that mean nothing: a test that spells one wrong would find everything.
func unknown(query url.Values, known ...string) error {
	for name := range query {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no parameter %q; those are %s", visible.Line(shorten(name, 40)), strings.Join(known, ", "))
		}
	}
	return nil
}

func number(query url.Values, name string, into *int64) error {
	text := query.Get(name)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%s is a number from 0 on, not %q", name, visible.Line(shorten(text, 40)))
	}
	*into = n
	return nil
}

// waitOf reads how long to wait: a Go duration, or a number of seconds.
func waitOf(query url.Values) (time.Duration, error) {
	text := query.Get("wait")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if seconds, numberErr := strconv.Atoi(text); numberErr == nil {
		d, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || d < 0 || d > maxWait {
		return 0, fmt.Errorf("wait is a time from 0 to %s such as 5s, not %q", maxWait, visible.Line(shorten(text, 40)))
	}
	return d, nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // it is no page
	e.SetIndent("", "  ")
	_ = e.Encode(value) // the client has gone
}
