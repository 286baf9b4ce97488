package desk

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/trace"
)

const (
	maxForm = 16 << 10 // bytes of a form
	maxBy   = 200      // bytes of the name of who does something

	// The ends of a mute that can be chosen.
	maxMuteCount = 1_000_000
	maxMute      = 2 * 366 * 24 * time.Hour

	// typedTime is how a browser sends an <input type="datetime-local">.
	typedTime = "2006-01-02T15:04"
)

// actionsView says what can be done with an incident.
type actionsView struct {
	Resolve, Mute, Reopen bool
	ReopenLabel           string
	Earliest              string // for the date field
	Zone                  string
	Later                 string // what the date field begins with
	MaxCount              int
}

func (d *desk) actionsOf(i incident.Incident) actionsView {
	now := d.now().In(d.location)
	a := actionsView{
		Resolve: i.State != incident.Resolved, Mute: i.State != incident.Resolved,
		Reopen:      i.State == incident.Resolved || i.State == incident.Muted,
		ReopenLabel: "Reopen", Zone: zone(now), MaxCount: maxMuteCount,
		Earliest: now.Add(time.Minute).Format(typedTime),
		Later:    now.Add(24 * time.Hour).Truncate(time.Hour).Format(typedTime),
	}
	if i.State == incident.Muted {
		a.ReopenLabel = "Unmute"
	}
	return a
}

// zone names the time zone of a time, with what is beyond doubt: "CET, UTC+01:00".
func zone(t time.Time) string {
	name, offset := t.Format("MST"), t.Format("UTC-07:00")
	if name == "UTC" || strings.ContainsAny(name, "+-") {
		return strings.TrimSuffix(offset, "+00:00")
	}
	return name + ", " + offset
}

// done tells what a change has done, on the page that it led to. It says nothing that is not so.
func done(what string, i incident.Incident) string {
	switch {
	case what == "resolve" && i.State == incident.Resolved:
		return "The incident is resolved."
	case what == "mute" && i.State == incident.Muted:
		return "The incident is muted."
	case what == "reopen" && i.State != incident.Resolved && i.State != incident.Muted:
		return "The incident is open again."
	}
	return ""
}

// resolve is POST …/resolve: at once, or with build=next.
func (d *desk) resolve(w http.ResponseWriter, r *http.Request, id string) error {
	form, i, err := d.begin(w, r, id, "build")
	if err != nil {
		return err
	}
	next := false
	switch form.Get("build") {
	case "":
	case "next":
		next = true
	default:
		return fault.BadRequest("The field “build” is empty or “next”.")
	}
	if err := d.book.Resolve(r.Context(), i.ID, d.who(r), next); err != nil {
		return trace.Wrap(err, "resolving the incident")
	}
	return redirect(w, r, d.incidentURL(i.ID)+"?done=resolve")
}

// mute is POST …/mute: for a time (for=1h, 24h, 168h), until a time that was typed, or for a number
// of failures; a number together with a time is whichever comes first.
func (d *desk) mute(w http.ResponseWriter, r *http.Request, id string) error {
	form, i, err := d.begin(w, r, id, "for", "until", "count")
	if err != nil {
		return err
	}
	until, n, err := d.muteOf(form)
	if err != nil {
		return err
	}
	if err := d.book.Mute(r.Context(), i.ID, d.who(r), until, n); err != nil {
		return trace.Wrap(err, "muting the incident")
	}
	return redirect(w, r, d.incidentURL(i.ID)+"?done=mute")
}

func (d *desk) muteOf(form url.Values) (until time.Time, n int64, err error) {
	now, length, typed := d.now(), form.Get("for"), form.Get("until")
	switch {
	case length != "" && typed != "":
		return until, 0, fault.BadRequest("Please give either how long to mute it or until when.")
	case length != "":
		d, err := time.ParseDuration(length)
		if err != nil || d < time.Minute || d > maxMute {
			return until, 0, fault.BadRequest("How long to mute it is a length of time like 1h or 24h, of at least a minute and at most two years.")
		}
		until = now.Add(d)
	case typed != "":
		if until, err = time.ParseInLocation(typedTime, typed, d.location); err != nil {
			if until, err = time.ParseInLocation(typedTime+":05", typed, d.location); err != nil {
				return until, 0, fault.BadRequest("The time until which to mute it looks like " + now.In(d.location).Add(24*time.Hour).Format(typedTime) + ".")
			}
		}
		if !until.After(now) {
			return until, 0, fault.BadRequest("The time until which to mute it is over already.")
		}
		if until.Sub(now) > maxMute {
			return until, 0, fault.BadRequest("An incident can be muted for at most two years.")
		}
	}
	if typed := strings.TrimSpace(form.Get("count")); typed != "" {
		if n, err = strconv.ParseInt(typed, 10, 64); err != nil || n < 1 || n > maxMuteCount {
			return until, 0, fault.BadRequest("The number of failures is a whole number from 1 to " + number(maxMuteCount) + ".")
		}
	}
	if until.IsZero() && n == 0 {
		return until, 0, fault.BadRequest("Please say for how long to mute it, until when, or for how many failures.")
	}
	return until, n, nil
}

// reopen is POST …/reopen.
func (d *desk) reopen(w http.ResponseWriter, r *http.Request, id string) error {
	_, i, err := d.begin(w, r, id)
	if err != nil {
		return err
	}
	if err := d.book.Reopen(r.Context(), i.ID, d.who(r)); err != nil {
		return trace.Wrap(err, "reopening the incident")
	}
	return redirect(w, r, d.incidentURL(i.ID)+"?done=reopen")
}

// begin reads the form of a change and the incident that it is about.
func (d *desk) begin(w http.ResponseWriter, r *http.Request, id string, known ...string) (url.Values, incident.Incident, error) {
	form, err := readForm(w, r, known)
	if err != nil {
		return nil, incident.Incident{}, err
	}
	i, err := d.incident(r, id)
	return form, i, err
}

// readForm reads a form, whose fields are there at most once.
func readForm(w http.ResponseWriter, r *http.Request, known []string) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if header := r.Header.Get("Content-Type"); header != "" && (err != nil || kind != "application/x-www-form-urlencoded") {
		return nil, fault.With(http.StatusUnsupportedMediaType, "Please send the form as application/x-www-form-urlencoded.", nil)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			return nil, fault.TooLarge("The form is larger than " + size(maxForm) + ", so it was not read.")
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, fault.With(http.StatusRequestTimeout, "The form did not arrive in time. Please send it again.", err)
		}
		return nil, fault.BadRequest("The form cannot be read: it is cut off or badly encoded.").Because(err)
	}
	for _, name := range known {
		switch values := r.PostForm[name]; {
		case len(values) > 1:
			return nil, fault.BadRequest("The field “" + name + "” was sent more than once.")
		case len(values) == 1 && (len(values[0]) > maxSearch || !utf8.ValidString(values[0])):
			return nil, fault.BadRequest("The field “" + name + "” holds nothing that belongs there.")
		}
	}
	return r.PostForm, nil
}

// who names who makes the request, as it is kept.
func (d *desk) who(r *http.Request) string {
	by := strings.ReplaceAll(strings.ToValidUTF8(d.by(r), "\uFFFD"), "\x00", "\uFFFD")
	for len(by) > maxBy {
		_, size := utf8.DecodeLastRuneInString(by)
		by = by[:len(by)-size]
	}
	return by
}
