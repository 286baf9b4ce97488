package cli

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "8h": 8 * time.Hour, "2d": 48 * time.Hour, "1w": 168 * time.Hour,
		"1w2d12h30m": (9*24+12)*time.Hour/1 + 30*time.Minute, " 1D ": 24 * time.Hour, "1.5h": 90 * time.Minute,
		"732d": longestMute,
	} {
		if got, err := parseDuration(in); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for in, why := range map[string]string{
		"": "no duration", "soon": "no duration", "3": "no duration", "2d3w": "no duration", "d": "no duration", "1.5d": "no duration",
		"0s": "no time at all", "0d": "no time at all", "-1h": "between nothing and two years",
		"733d": "longer than two years", "99999999999999999999d": "longer than two years", "104w100d": "longer than two years",
		"9999999h": "no duration", "100000h100000h": "two years",
	} {
		if got, err := parseDuration(in); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("parseDuration(%q) = %v, %v; want an error with %q", in, got, err, why)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"90m", "1w2d", "-1h", "9223372036854775807d", "1w1w", "0.0001ns"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := parseDuration(s); err == nil && (d <= 0 || d > longestMute) {
			t.Errorf("parseDuration(%q) = %v", s, d)
		}
	})
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	local := func(y int, m time.Month, d, h, min int) time.Time {
		return time.Date(y, m, d, h, min, 0, 0, time.Local)
	}
	for in, want := range map[string]time.Time{
		"2030-12-24":           local(2030, 12, 24, 0, 0),
		"2030-12-24 18:00":     local(2030, 12, 24, 18, 0),
		"2030-12-24T18:00:00":  local(2030, 12, 24, 18, 0),
		"2030-12-24T18:00:00Z": time.Date(2030, 12, 24, 18, 0, 0, 0, time.UTC),
	} {
		if got, err := parseTime(in); err != nil || !got.Equal(want) {
			t.Errorf("parseTime(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "tomorrow", "2030-13-01", "24.12.2030", "18:00"} {
		if got, err := parseTime(in); err == nil {
			t.Errorf("parseTime(%q) = %v, want an error", in, got)
		}
	}
}

func TestMuteEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		c    incidentsMute
		want time.Time
		err  string
	}{
		"for good":       {incidentsMute{}, time.Time{}, ""},
		"for":            {incidentsMute{For: "2d"}, now.Add(48 * time.Hour), ""},
		"until":          {incidentsMute{Until: "2026-11-22T21:00:00Z"}, now.Add(time.Hour), ""},
		"until the past": {incidentsMute{Until: "2026-11-22T20:00:00Z"}, time.Time{}, "which is over"},
		"both":           {incidentsMute{For: "1h", Until: "2030-01-01"}, time.Time{}, "cannot be given together"},
		"bad count":      {incidentsMute{Count: new(int64(-1))}, time.Time{}, "--count is -1"},
		"no count":       {incidentsMute{Count: new(int64(0))}, time.Time{}, "--count is 0"},
		"too many":       {incidentsMute{Count: new(int64(1_000_001))}, time.Time{}, "from 1 to 1000000"},
		"too long":       {incidentsMute{For: "733d"}, time.Time{}, "two years"},
		"too far":        {incidentsMute{Until: "2030-01-01"}, time.Time{}, "more than two years"},
		"bad duration":   {incidentsMute{For: "long"}, time.Time{}, `--for is "long"`},
		"bad time":       {incidentsMute{Until: "later"}, time.Time{}, `--until is "later"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.c.end(now)
			if tt.err != "" {
				var usage *usageError
				if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want a usage error with %q", err, tt.err)
				}
				return
			}
			if err != nil || !got.Equal(tt.want) {
				t.Errorf("%v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestMuteEndInWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.Local)
	for want, tt := range map[string]struct {
		until time.Time
		count int64
	}{
		"for ever, unless it is reopened": {},
		"until 2026-11-22 20:00:03 ":      {until: now.Add(3 * time.Second)},
		"until 2026-11-22 21:00 ":         {until: now.Add(time.Hour)},
		"or until 100 further failures":   {until: now.Add(time.Hour), count: 100},
		"until 1 further failure":         {count: 1},
	} {
		if got := muteEnd(tt.until, tt.count, now); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCanonicalID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"7F3K-92QD": "7F3K92QD", "7f3k 92qd": "7F3K92QD", "olio": "0110", "ABCD": "ABCD",
	} {
		if got, err := canonicalID(in); err != nil || got != want {
			t.Errorf("canonicalID(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for in, why := range map[string]string{"": "too short", "7F3": "too short", "--------": "too short", "7F3K-92QU": "'U'", "../etc": "'.'", "\x1b[2J": `\x1b`} {
		var usage *usageError
		if got, err := canonicalID(in); !errors.As(err, &usage) || !strings.Contains(err.Error(), why) {
			t.Errorf("canonicalID(%q) = %q, %v; want a usage error with %q", in, got, err, why)
		}
	}
}

func FuzzCanonicalID(f *testing.F) {
	for _, s := range []string{"7F3K-92QD", "ſſſſ", "ıııı", "\x00", "olil"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := canonicalID(s)
		if err == nil && (len(got) < shortestID || strings.Trim(got, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "") {
			t.Errorf("canonicalID(%q) = %q", s, got)
		}
	})
}
