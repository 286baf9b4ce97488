package web

import (
	"strings"
	"testing"
	"time"
)

func TestRelativeTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 14, 42, 52, 0, time.UTC)
	const day = 24 * time.Hour
	for age, want := range map[time.Duration]string{
		0:                              "just now",
		-time.Minute:                   "just now",
		-time.Minute - 1:               "22 November",
		-60 * day:                      "21 January 2027",
		time.Minute - 1:                "just now",
		time.Minute:                    "1 minute ago",
		2*time.Minute - 1:              "1 minute ago",
		2 * time.Minute:                "2 minutes ago",
		time.Hour - 1:                  "59 minutes ago",
		time.Hour:                      "1 hour ago",
		day - 1:                        "23 hours ago",
		day:                            "1 day ago",
		7*day - 1:                      "6 days ago",
		7 * day:                        "15 November",
		now.Sub(now.AddDate(-1, 0, 0)): "22 November 2025",
	} {
		got := string(relativeTime(now.Add(-age), now))
		if !strings.HasSuffix(got, ">"+want+"</time>") {
			t.Errorf("%v ago: %s, want %s", age, got, want)
		}
	}
}

func TestTimesAreExactAndInUTC(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("UTC+13", 13*3600)
	then := time.Date(2026, 1, 1, 9, 5, 7, 999, zone)
	want := `<time datetime="2025-12-31T20:05:07Z" title="31 December 2025, 20:05:07 UTC">just now</time>`
	if got := string(relativeTime(then, then)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// The year that decides whether it is told is the reader's on this page: UTC's.
	if got := string(relativeTime(then, then.AddDate(0, 0, 30))); !strings.Contains(got, ">31 December 2025<") {
		t.Errorf("got %s", got)
	}
	if got, want := string(calendarDate(then)), `<time datetime="2025-12-31">31 December 2025</time>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if relativeTime(time.Time{}, then) != "" || calendarDate(time.Time{}) != "" {
		t.Error("no time at all is shown as one")
	}
}

func TestWaitInWords(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		1:                            "1 second",
		time.Second:                  "1 second",
		time.Second + 1:              "2 seconds",
		90 * time.Second:             "90 seconds",
		91 * time.Second:             "2 minutes",
		120 * time.Second:            "2 minutes",
		121 * time.Second:            "3 minutes",
		90 * time.Minute:             "90 minutes",
		90*time.Minute + time.Second: "2 hours",
		48 * time.Hour:               "48 hours",
	} {
		if got := waitInWords(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 posts", 1: "1 post", 2: "2 posts", 999: "999 posts", 1000: "1,000 posts", 123456: "123,456 posts", 1234567: "1,234,567 posts", -1234: "-1,234 posts", -123: "-123 posts",
	} {
		if got := count(n, "post", "posts"); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
