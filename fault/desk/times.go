package desk

import "time"

// stamp is a time as pages show it.
type stamp struct {
	t     time.Time
	Is    bool   // false: there is no such time
	ISO   string // RFC 3339, for programs
	Exact string // with its zone: "22 November 2026, 14:42:52 CET"
	Ago   string // "5 minutes ago"
	Past  bool
}

func (d *desk) stamp(t time.Time) stamp {
	if t.IsZero() {
		return stamp{}
	}
	t = t.In(d.location)
	return stamp{
		t: t, Is: true,
		ISO:   t.Format(time.RFC3339),
		Exact: t.Format("2 January 2006, 15:04:05 MST"),
		Ago:   ago(t, d.now()),
		Past:  !t.After(d.now()),
	}
}
