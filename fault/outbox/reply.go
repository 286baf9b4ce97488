package outbox

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
)

// noReply is what came instead of a reply: its first line.
type noReply string

func (noReply) Error() string { return "this is no reply of SMTP" }

// readReply reads a reply of one line or several (RFC 5321 4.2.1), whose texts it returns divided by \n.
// What is none is known by its first bytes; its rest is not waited for.
func (c *conversation) readReply() (code int, text string, err error) {
	c.begun = false
	if err := c.expectCode(); err != nil {
		return 0, "", err
	}
	var texts []string
	for {
		line, err := c.text.R.ReadString('\n')
		n, rest, last, ok := parseReply(strings.TrimRight(line, "\r\n"))
		if err != nil && (!ok || !last || n < 400 || !errors.Is(err, io.EOF)) {
			return 0, "", err // Only a refusal is taken from a server that does not end its line.
		}
		switch {
		case !ok:
			rest = strings.TrimRight(line, "\r\n") // Some forget the code in the middle.
		case code != 0 && n != code:
			return 0, "", noReply(line)
		default:
			code = n
		}
		if texts = append(texts, rest); ok && last {
			return code, strings.Join(texts, "\n"), nil
		}
	}
}

// parseReply takes a line of a reply apart. Without a text the code may stand alone.
func parseReply(line string) (code int, text string, last, ok bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, "", false, false
	}
	for _, digit := range []byte(line[:3]) {
		if digit < '0' || digit > '9' {
			return 0, "", false, false
		}
		code = 10*code + int(digit-'0')
	}
	if len(line) == 3 {
		return code, "", true, true
	}
	return code, line[4:], line[3] == ' ', true
}

// expectCode waits for the beginning of a reply, three digits and what may follow them.
func (c *conversation) expectCode() error {
	for n := 1; n <= 4; n++ {
		head, err := c.text.R.Peek(n)
		c.begun = len(head) > 0
		if err != nil {
			return err
		}
		b := head[n-1]
		if n < 4 && (b < '0' || b > '9') || n == 4 && !bytes.ContainsRune([]byte(" -\r\n"), rune(b)) {
			return noReply(c.firstLine())
		}
	}
	return nil
}

// firstLine returns the line that has begun to come, or what comes of it soon.
func (c *conversation) firstLine() string {
	if head, _ := c.text.R.Peek(c.text.R.Buffered()); bytes.IndexByte(head, '\n') < 0 {
		c.guard.step(time.Second, false)
	}
	line, _ := c.text.R.ReadSlice('\n') // However it ends, there is nothing more to read.
	return strings.TrimRight(string(line), "\r\n")
}
