package desk

import (
	"strings"
	"testing"
	"time"
)

func TestClip(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 1500)
	for name, test := range map[string]struct {
		in        string
		head      string
		whole, as string
	}{
		"short":           {"abc", "abc", "", ""},
		"just fits":       {long[:20], long[:20], "", ""},
		"too long":        {long, strings.Repeat("ü", 10) + "…", long, "1,500 characters"},
		"too many lines":  {"a\nb\nc\nd", "a\nb\nc…", "a\nb\nc\nd", "7 characters"},
		"lines just fit":  {"a\nb\nc", "a\nb\nc", "", ""},
		"hidden ones too": {strings.Repeat("\x00", 20), `\x00\x00\x…`, strings.Repeat(`\x00`, 20), "80 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, want := clip(test.in, 10, 3), (clipped{test.head, test.whole, test.as}); got != want {
				t.Errorf("clip(%q) = %+v, want %+v", test.in, got, want)
			}
		})
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 14, 42, 52, 0, time.UTC)
	for _, test := range []struct{ got, want string }{
		{number(0), "0"}, {number(999), "999"}, {number(1000), "1,000"}, {number(1234567), "1,234,567"}, {number(-1234), "-1,234"}, {number(-123), "-123"},
		{count(1, "failure", "failures"), "1 failure"}, {count(0, "failure", "failures"), "0 failures"}, {count(1200, "a", "b"), "1,200 b"},
		{size(0), "0 B"}, {size(1023), "1023 B"}, {size(1024), "1.0 KiB"}, {size(3 << 19), "1.5 MiB"}, {size(5 << 50), "5120.0 TiB"},
		{ago(now, now), "just now"}, {ago(now.Add(-59*time.Second), now), "just now"}, {ago(now.Add(-time.Minute), now), "60 seconds ago"},
		{ago(now.Add(-5*time.Minute), now), "5 minutes ago"}, {ago(now.Add(-119*time.Minute), now), "119 minutes ago"}, {ago(now.Add(-47*time.Hour), now), "47 hours ago"},
		{ago(now.Add(-72*time.Hour), now), "3 days ago"}, {ago(now.Add(time.Hour), now), "in 60 minutes"},
		{milliseconds(1234 * time.Microsecond), "1.2 ms"}, {milliseconds(1204 * time.Millisecond), "1,204 ms"}, {milliseconds(-time.Second), "-1,000 ms"},
		{zone(now), "UTC"}, {zone(now.In(time.FixedZone("CET", 3600))), "CET, UTC+01:00"}, {zone(now.In(time.FixedZone("+0530", 19800))), "UTC+05:30"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
