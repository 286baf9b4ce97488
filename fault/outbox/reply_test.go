package outbox

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// replyTo reads what a server has sent before it closed the connection.
func replyTo(t testing.TB, sent string) (code int, text string, rest int, err error) {
	t.Helper()
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close(); there.Close() })
	c := newConversation(context.Background(), Server{Timeouts: Timeouts{Attempt: time.Minute}}, here)
	c.text.Reader = textproto.Reader{R: bufio.NewReader(iotest.OneByteReader(strings.NewReader(sent)))}
	code, text, err = c.readReply()
	left, _ := io.ReadAll(c.text.R)
	return code, text, len(left), err
}

func TestReadReply(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sent string
		code       int
		text       string
		err        string
	}{
		{"one line", "220 mail ready\r\n", 220, "mail ready", ""},
		{"without a return", "220 mail ready\n", 220, "mail ready", ""},
		{"without a text", "250\r\n", 250, "", ""},
		{"an empty text", "250 \r\n", 250, "", ""},
		{"several lines", "250-mail\r\n250-SIZE 10\r\n250 AUTH PLAIN\r\n", 250, "mail\nSIZE 10\nAUTH PLAIN", ""},
		{"a line without its code", "250-mail\r\nSIZE 10\r\n250 AUTH\r\n", 250, "mail\nSIZE 10\nAUTH", ""},
		{"a refusal without an end", "554 go away", 554, "go away", ""},
		{"half a line", "220 localhost E", 0, "", "EOF"},
		{"half a reply", "250-mail\r\n250 AU", 0, "", "EOF"},
		{"half a code", "22", 0, "", "EOF"},
		{"nothing", "", 0, "", "EOF"},
		{"two codes", "250-mail\r\n550 no\r\n", 0, "", "no reply"},
		{"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", 0, "", "no reply"},
		{"a number", "2200 things\r\n", 0, "", "no reply"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, text, _, err := replyTo(t, tt.sent)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%d %q, %v, want %s", code, text, err, tt.err)
				}
				return
			}
			if code != tt.code || text != tt.text || err != nil {
				t.Errorf("%d %q, %v", code, text, err)
			}
		})
	}
}

func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{"220 mail ready\r\n", "250-a\r\nb\r\n250 c\r\nmore", "554 go away", "SSH-2.0\r\n", "250\n", "999-\n999", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		code, text, rest, err := replyTo(t, sent)
		if err != nil {
			return
		}
		if code < 0 || code > 999 || strings.Count(text, "\n") > strings.Count(sent, "\n") {
			t.Errorf("%d %q", code, text)
		}
		// What was read as a reply is one, and what follows it is left alone.
		if again, same, left, err := replyTo(t, sent[:len(sent)-rest]); again != code || same != text || left != 0 || err != nil {
			t.Errorf("%d %q, %d, %v", again, same, left, err)
		}
	})
}
