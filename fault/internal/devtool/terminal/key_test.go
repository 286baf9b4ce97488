package terminal_test

import (
	"bytes"
	"testing"

	"example.org/microblog/fault/internal/devtool/terminal"
)

func TestKeyOf(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]terminal.Key{
		"r": terminal.Rebuild, "R": terminal.Rebuild, "rrrr": terminal.Rebuild, "o": terminal.Open, "q": terminal.Quit,
		"?": terminal.Help, "h": terminal.Help, "\n": terminal.NewLine, "\r": terminal.NewLine,
		"": terminal.None, "x": terminal.None, "\x00": terminal.None, "ü": terminal.None,
		"\x1b[A": terminal.None, "\x1bOq": terminal.None, "rebuild": terminal.None, "quit\n": terminal.None, "q\n": terminal.None,
	} {
		if got := terminal.KeyOf([]byte(typed)); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func FuzzKeyOf(f *testing.F) {
	for _, typed := range []string{"", "r", "qqq", "\x1b[1;5A", "rq"} {
		f.Add([]byte(typed))
	}
	f.Fuzz(func(t *testing.T, typed []byte) {
		key := terminal.KeyOf(typed)
		if key == terminal.None {
			return
		}
		if len(bytes.Trim(typed, string(typed[:1]))) > 0 {
			t.Errorf("%q is %q", typed, key)
		}
	})
}
