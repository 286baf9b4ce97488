package outbox

import (
	"net"
	"strings"
	"testing"
	"time"
)

// talk is a conversation in which the server says this and hangs up.
func talk(t *testing.T, answer []byte) *conversation {
	here, there := net.Pipe()
	go func() {
		there.SetDeadline(time.Now().Add(5 * time.Second))
		there.Write(answer)
		there.Close()
	}()
	t.Cleanup(func() { here.Close() })
	s, err := Server{Host: "mail.example.org", Username: "u", Password: "secret-word"}.withDefaults(deliveryTimeouts)
	if err != nil {
		t.Fatal(err)
	}
	c := newConversation(t.Context(), s, here)
	c.guard.step(5*time.Second, false)
	return c
}

func TestLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in, want string
		max            int
	}{
		{"as it is", "GET /user/é", "GET /user/é", 20},
		{"line ends", "a\r\n\r\n\tb\n", "a b", 20},
		{"control characters", "a\x00\x1b[2Jb", "a [2Jb", 20},
		{"other line ends", "a\u2028b\u0085c", "a b c", 20},
		{"reading direction", "a\u202egpj.exe", "agpj.exe", 20},
		{"an encoded word", "=?utf-8?q?x?=", "= ?utf-8?q?x?=", 20},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb", 20},
		{"exactly as long", "12345", "12345", 5},
		{"too long", "123456", "1234…", 5},
		{"too long with a space", "1234 6", "1234…", 6 - 1},
		{"not between a letter and its accent", "abce\u0301x", "abc…", 5},
		{"not within a family", "ab👨\u200d👩\u200d👧", "ab…", 5},
		{"nothing", " \n ", "", 5},
	} {
		if got := line(tt.in, tt.max); got != tt.want {
			t.Errorf("%s: %q, not %q", tt.name, got, tt.want)
		}
	}
	start := time.Now()
	if got := line(strings.Repeat("= ?", 10<<20), 200); len(got) > 210 {
		t.Errorf("%d bytes", len(got))
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, password, in, want string }{
		{"none", "", "535 wrong", "535 wrong"},
		{"as it is", "secret", "535 secret?", "535 [masked]?"},
		{"in base64", "secret", "got c2VjcmV0 and AHUAc2VjcmV0", "got [masked] and [masked]"},
		{"a short one", "login", "535 no login for b2s= or bG9naW4=", "535 no login for b2s= or [masked]"},
	} {
		if got := newMask("u", tt.password).of(tt.in); got != tt.want {
			t.Errorf("%s: %q, not %q", tt.name, got, tt.want)
		}
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	r := Retry{}.withDefaults()
	for failed, want := range map[int]time.Duration{0: 5 * time.Second, 1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 9: 1280 * time.Second, 10: 30 * time.Minute, 1 << 30: 30 * time.Minute} {
		low, high := time.Duration(1<<62), time.Duration(0)
		for range 1000 {
			d := r.after(failed, time.Hour)
			low, high = min(low, d), max(high, d)
		}
		if low < want*3/4 || high > want*5/4 || high-low < want/4 {
			t.Errorf("after %d failures: from %v to %v, not around %v", failed, low, high, want)
		}
	}
	if d := r.after(100, serverRetry); d > serverRetry*5/4 {
		t.Errorf("%v", d)
	}
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	ext := extensions("mail.example.org AUTH HELLO\nauth=login\nAUTH plain cram-md5\n\nSize 100 \nSTARTTLS")
	if got := strings.Fields(ext["AUTH"]); strings.Join(got, " ") != "LOGIN PLAIN CRAM-MD5" || ext["SIZE"] != "100" {
		t.Errorf("%q", ext)
	}
	if _, ok := ext["STARTTLS"]; !ok {
		t.Errorf("%q", ext)
	}
}
