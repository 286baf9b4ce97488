package incident_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"example.org/microblog/fault/incident"
)

func TestNormaliseJoinsWhatDiffersInData(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		want     string
		messages []string
	}{
		{"numbers", "user # not found", []string{"user 42 not found", "user 7 not found", "user -3 not found", "user 1_000 not found", "user  007 not found"}},
		{"floats", "load # is too high", []string{"load 3.14 is too high", "load 1e9 is too high", "load 2 is too high"}},
		{"a number at a word", "user# is gone", []string{"user42 is gone", "user7 is gone"}},
		{"a number in a name", "job_#_retry failed", []string{"job_42_retry failed", "job_7_retry failed"}},
		{"pointers", "value at # is gone", []string{"value at 0xc000123456 is gone", "value at 0x4d4078 is gone"}},
		{"hexadecimal", "commit # is not here", []string{"commit 9f8a7b6c5d is not here", "commit 1234567 is not here", "commit deadbee7 is not here"}},
		{"UUIDs", "job # failed", []string{"job 3fa85f64-5717-4562-b3fc-2c963f66afa6 failed", "job 00000000-0000-0000-0000-000000000001 failed"}},
		{"ULIDs and failure IDs", "no failure #", []string{"no failure 01ARZ3NDEKTSV4RRFFQ69G5FAV", "no failure 7F3K-92QD", "no failure 01arz3ndektsv4rrffq69g5fav"}},
		{"random identifiers", "session # is over", []string{"session aX9kQ2mZ71 is over", "session QmFzZTY0IGlzIGZ1biB4OTE= is over", "session x7Fp-Qq_3Zk9aLm2Vb8Wc1 is over"}},
		{"IPv4 addresses", "dial tcp #: connect: connection refused", []string{
			"dial tcp 127.0.0.1:5432: connect: connection refused", "dial tcp 10.1.2.3:80: connect: connection refused",
			"dial tcp [::1]:5432: connect: connection refused", "dial tcp [fe80::1%eth0]:5432: connect: connection refused",
		}},
		{"IPv6 addresses", "peer # is down", []string{"peer fe80::2ab4 is down", "peer ::1 is down", "peer 2001:db8::ff00:42:8329 is down"}},
		{"two addresses", "read tcp #->#: i/o timeout", []string{"read tcp 10.0.0.1:43210->10.0.0.2:5432: i/o timeout", "read tcp [::1]:9->[::1]:10: i/o timeout"}},
		{"hardware addresses", "no lease for #", []string{"no lease for 00:1b:44:11:3a:b7", "no lease for a0-1b-44-11-3a-ff"}},
		{"e-mail addresses", "mail to <#> was refused", []string{"mail to <bob@example.com> was refused", "mail to <jürgen.x+y@sub.example.co.uk> was refused"}},
		{"queries of URLs", `Get "https://api.example.com/users/#?#": EOF`, []string{
			`Get "https://api.example.com/users/42?key=abc&page=1": EOF`, `Get "https://api.example.com/users/7?q=x": EOF`,
		}},
		{"times", "expired at #", []string{
			"expired at 2024-01-02T15:04:05Z", "expired at 2024-01-02T15:04:05.999+02:00", "expired at 2024-01-02 15:04:05",
			"expired at 2009-11-10 23:00:00.5 +0000 UTC m=+0.000000001", "expired at 2024-01-02 15:04:05 +0100 CET", "expired at 2024/01/02 15:04:05",
			"expired at Mon, 02 Jan 2006 15:04:05 GMT", "expired at Mon Jan  2 15:04:05 2006", "expired at Jan  2 15:04:05",
			"expired at 02/Jan/2006:15:04:05 -0700", "expired at 02 Jan 06 15:04 UTC", "expired at 15:04:05", "expired at 2024-01-02",
		}},
		{"durations", "took #, too long", []string{"took 1m30.5s, too long", "took 500ms, too long", "took 12.5µs, too long", "took 3h, too long"}},
		{"sizes", "body of # is too large", []string{"body of 10MB is too large", "body of 2.5 KiB is too large", "body of 7 B is too large"}},
		{"lists", "no such ids: [#]", []string{"no such ids: [1 2 3]", "no such ids: [4, 5]", "no such ids: [9]", "no such ids: [6f1d2e3c4b5a, 7]"}},
		{"characters", "invalid character '#' in literal", []string{`invalid character 'x' in literal`, `invalid character '\n' in literal`, `invalid character ''' in literal`, `invalid character '\'' in literal`, `invalid character '"' in literal`}},
		{"typed text", `strconv.Atoi: parsing "#": invalid syntax`, []string{`strconv.Atoi: parsing "abc": invalid syntax`, `strconv.Atoi: parsing "12 x": invalid syntax`}},
		{"typed text in SQL", `ERROR: invalid input syntax for type integer: "#" (SQLSTATE #)`, []string{`ERROR: invalid input syntax for type integer: "abc" (SQLSTATE 22P02)`, `ERROR: invalid input syntax for type integer: "12,5" (SQLSTATE 22P02)`}},
		{"quoted data", `cannot read "#"`, []string{`cannot read "<script>"`, `cannot read "a=b&c"`, `cannot read "\x00\x01"`, `cannot read " padded"`, `cannot read "bob@example.com"`}},
		{"struct", `panic: &main.User{Name:"#", ID:#}`, []string{`panic: &main.User{Name:"susan", ID:4}`, `panic: &main.User{Name:"bob miller", ID:17}`}},
		{"key of PostgreSQL", "Key (username)=(#) already exists.", []string{"Key (username)=(susan) already exists.", "Key (username)=(bob (the second)) already exists."}},
		{"SQL literals", "SELECT name FROM users WHERE name = '#' AND id IN (#): closed", []string{
			"SELECT name FROM users WHERE name = 'susan' AND id IN ($1, $2, $3): closed", "SELECT name FROM users WHERE name = 'bob' AND id IN (?): closed",
			"SELECT name FROM users WHERE name = 'x y' AND id IN (1, 2): closed",
		}},
		{"SQL rows", "INSERT INTO tags VALUES (#): closed", []string{"INSERT INTO tags VALUES ($1, $2), ($3, $4): closed", "INSERT INTO tags VALUES (?, ?): closed", "INSERT INTO tags VALUES (5,6),(7,8),(9,10): closed"}},
		{"SQL arguments", "query failed, args: [#]", []string{`query failed, args: [5 susan "x"]`, `query failed, args: [[1 2] bob]`}},
		{"attributes", "lookup failed user=# id=#", []string{"lookup failed user=susan id=abc", "lookup failed user=bob id=42"}},
		{"files", "open /var/data/uploads/#/photo-#.png: no such file or directory", []string{
			"open /var/data/uploads/ab12cd34/photo-17.png: no such file or directory", "open /var/data/uploads/9/photo-2024.png: no such file or directory",
		}},
		{"white space", "two words", []string{"two words", " two\n\twords ", "two\r\nwords\x00"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, m := range tt.messages {
				if got := incident.Normalise(m); got != tt.want {
					t.Errorf("Normalise(%q)\n got %q\nwant %q", m, got, tt.want)
				}
			}
		})
	}
}

func TestNormaliseKeepsWords(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"no such table: post", "no such table: user"},
		{`relation "post" does not exist`, `relation "user" does not exist`},
		{`template "index page" is undefined`, `template "login page" is undefined`},
		{"UNIQUE constraint failed: user.username", "UNIQUE constraint failed: user.email"},
		{"dial tcp: lookup db.example.com: no such host", "dial tcp: lookup mail.example.com: no such host"},
		{`Get "https://api.example.com/users/1": EOF`, `Get "https://auth.example.com/users/1": EOF`},
		{"open /etc/hosts: permission denied", "open /etc/passwd: permission denied"},
		{"cannot unmarshal string into Go value of type int64", "cannot unmarshal string into Go value of type int32"},
		{"sha256 does not match", "sha512 does not match"},
		{"the March report is late", "the April report is late"},
		{"decade expected", "facade expected"},
		{"page2header failed", "page2footer failed"},
		{"can't open the user's file", "can't read the user's file"},
		{"unexpected token 'select'", "unexpected token 'insert'"},
		{"fehlgeschlagen: größe", "fehlgeschlagen: länge"},
		{"не удалось открыть", "не удалось прочитать"},
		{"ERROR: HTTP-AUTH", "ERROR: HTTP-POST"},
		{"a 5 b", "a 5 c"},
		{"state=open", "state=closed"},
		{"(read)", "(write)"},
	} {
		if a, b := incident.Normalise(pair[0]), incident.Normalise(pair[1]); a == b {
			t.Errorf("%q and %q are both %q", pair[0], pair[1], a)
		}
	}
}

// TestNormaliseWithinWords puts data of all kinds between words: the words decide alone.
func TestNormaliseWithinWords(t *testing.T) {
	t.Parallel()
	words := []string{"loading", "the", "profile", "of", "user", "failed", "connection", "refused", "by", "peer", "added", "face", "cafe", "deadline", "Monday", "May", "Marching", "utc", "ms"}
	data := []string{
		"42", "0xc000010000", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "10.0.0.1:80", "[::1]:80", "bob@example.com",
		"2024-01-02T15:04:05Z", "1m3s", "7F3K-92QD", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "9f8a7b6c", "12MB", "15:04:05", "-1", "#",
	}
	for i, before := range words {
		for j, after := range words {
			want := before + " # " + after
			for _, d := range data {
				if got := incident.Normalise(before + " " + d + " " + after); got != want && !datelike(before, d, after) {
					t.Fatalf("words %d and %d around %s: %q, want %q", i, j, d, got, want)
				}
			}
		}
	}
}

// datelike tells of a date or a duration in words, which is data as a whole.
func datelike(before, d, after string) bool {
	return before == "May" || before == "Monday" || (after == "ms" || after == "May") && strings.Trim(d, "-0123456789:") == ""
}

func TestNormaliseIsBounded(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"words":        strings.Repeat("word ", 10_000),
		"numbers":      strings.Repeat("5 ", 10_000),
		"one word":     strings.Repeat("x", 100_000),
		"one rune":     strings.Repeat("ü", 100_000),
		"quotes":       strings.Repeat(`"`, 10_000),
		"single":       strings.Repeat(` '`, 10_000),
		"brackets":     "args: " + strings.Repeat("[", 10_000),
		"hexadecimal":  strings.Repeat("a:", 10_000),
		"not UTF-8":    strings.Repeat("\xff\xfe", 10_000),
		"rows":         "VALUES " + strings.Repeat("(1,2),", 10_000),
		"at signs":     strings.Repeat("a@", 10_000),
		"clock":        strings.Repeat("1:", 10_000),
		"base64 runes": strings.Repeat("aB3+", 10_000),
	} {
		got := incident.Normalise(s)
		if len(got) > 512 || !utf8.ValidString(got) || got == "" {
			t.Errorf("%s: %d bytes: %q", name, len(got), got)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{
		"", "user 42 not found", `parsing time "next tuesday" as "2006-01-02T15:04:05Z07:00": cannot parse "next tuesday" as "2006"`,
		"dial tcp [fe80::1%eth0]:5432: connect", `{"name":"susan","id":4}`, "Key (a)=(b (c)) x", "args: [5 [6] 7", "'\\''", "INSERT INTO t VALUES ($1, $2), ($3, $4)",
		"a@b.cd c@d.ef", "GET /x?y=z&a=%20#b: no", "Mon, 02 Jan 2006 15:04:05 GMT", "#", "# #", "user# 5", "5 # 6", "x5#", "1m30s5", "aB3+aB3+aB3+aB3+aB3+aB3+==", "'#' '5'", `"5" "#"`,
		"user=#5", "id=5 6", "12:34:56:78", "::1::", "\xff", "\u00a0\u2028",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := incident.Normalise(s)
		if twice := incident.Normalise(once); twice != once {
			t.Errorf("%q\n once %q\ntwice %q", s, once, twice)
		}
		if len(once) > 512 || !utf8.ValidString(once) {
			t.Errorf("%d bytes, valid: %v", len(once), utf8.ValidString(once))
		}
		if strings.ContainsAny(once, "\n\r\x00\x1b") || strings.Contains(once, "  ") || strings.TrimSpace(once) != once {
			t.Errorf("%q is not one tidy line", once)
		}
		// Letters and nothing else are words.
		if len(s) <= 60 && s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == "" && once != s {
			t.Errorf("the word %q became %q", s, once)
		}
	})
}

func ExampleNormalise() {
	fmt.Println(incident.Normalise("dial tcp 10.0.0.7:5432: connect: connection refused (attempt 3, after 1.5s)"))
	fmt.Println(incident.Normalise(`relation "post" does not exist`))
	// Output:
	// dial tcp #: connect: connection refused (attempt #, after #)
	// relation "post" does not exist
}

func BenchmarkNormalise(b *testing.B) {
	for _, bb := range []struct{ name, message string }{
		{"short", "loading the profile of user 42: sql: no rows in result set"},
		{"long", strings.Repeat("dial tcp 10.0.0.1:5432: connect: connection refused (attempt 3 at 2024-01-02T15:04:05Z); ", 40)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.message)))
			b.ReportAllocs()
			for b.Loop() {
				incident.Normalise(bb.message)
			}
		})
	}
}
