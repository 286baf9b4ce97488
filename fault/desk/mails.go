package desk

import (
	"net/http"

	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/outbox"
	"example.org/microblog/fault/trace"
)

// mailView is a mail about the incident.
type mailView struct {
	Kind    string
	At      stamp
	Covers  int64
	State   string
	Bad     bool // it was given up
	Settled stamp
	Says    clipped // what is known of its delivery
}

func (d *desk) fillMails(r *http.Request, i incident.Incident, v *showView) error {
	told, err := d.book.Notices(r.Context(), i.ID)
	if err != nil {
		return trace.Wrap(err, "reading the incident's mails")
	}
	entries, err := d.entries(len(told) > 0)
	if err != nil {
		return err
	}
	for _, t := range told {
		m := mailView{Kind: noticeText(t.Kind), At: d.stamp(t.At), Covers: t.Covers, State: noticeState(t.State), Bad: t.State == incident.GivenUp, Settled: d.stamp(t.SettledAt)}
		if e, ok := entries[t.Key]; ok {
			m.Says = clip(deliverySays(e), 300, 3)
		}
		v.Mails = append(v.Mails, m)
	}
	return nil
}

func noticeText(k incident.NoticeKind) string {
	switch k {
	case incident.First:
		return "It began"
	case incident.More:
		return "It goes on"
	case incident.Stopped:
		return "It stopped"
	case incident.Back:
		return "It is back"
	case incident.Summary:
		return "Summary of a storm"
	case incident.Digest:
		return "Summary of a day"
	}
	return line(string(k))
}

func noticeState(s incident.NoticeState) string {
	switch s {
	case incident.Pending:
		return "Being written"
	case incident.InOutbox:
		return "In the outbox"
	case incident.Delivered:
		return "Delivered"
	case incident.GivenUp:
		return "Given up"
	}
	return line(string(s))
}

// entries returns the mails of the outbox by key.
func (d *desk) entries(wanted bool) (map[string]outbox.Entry, error) {
	if d.outbox == nil || !wanted {
		return nil, nil
	}
	list, err := d.outbox.List()
	if err != nil {
		return nil, trace.Wrap(err, "listing the outbox")
	}
	byKey := make(map[string]outbox.Entry, len(list))
	for _, e := range list {
		byKey[e.Key] = e
	}
	return byKey, nil
}

// deliverySays is what is known of a mail's delivery, in a sentence or two.
func deliverySays(e outbox.Entry) string {
	text := ""
	if e.Attempts > 0 {
		text = count(int64(e.Attempts), "attempt", "attempts") + "."
	}
	if e.LastError != "" {
		if text != "" {
			text += " "
		}
		text += e.LastError
	}
	return text
}
