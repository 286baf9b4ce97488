package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"example.org/microblog/fault/redact"
)

func BenchmarkText(b *testing.B) {
	values := make([]string, 50)
	for i := range values {
		values[i] = fmt.Sprintf("secret-value-%d-%x", i, i*i)
	}
	r := redact.New(redact.Options{Values: values})
	line := "POST /edit_profile failed: saving the user: UNIQUE constraint failed: users.username (2067)\n"
	for name, text := range map[string]string{"line": line, "64KiB": strings.Repeat(line, 65536/len(line))} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r.Text(text)
			}
		})
	}
}

// Texts that somebody made to be slow: the time per byte must stay what it is for others.
func BenchmarkTextHostile(b *testing.B) {
	r := redact.New(redact.Options{Values: []string{strings.Repeat("a", 5000) + "b", "secret"}})
	for name, unit := range map[string]string{
		"address": "://", "equals": "a=", "name": "a", "backslash": `\\`, "quote": `\":`, "percent": "%25", "entity": "&amp;",
		"bracket": "token=[", "spaces": "     =", "open quote": `token="\`,
		"tag": "<password>", "sign": "a@tcp(", "dollar": "$2a$", "web token": "eyJa.", "key": "-----BEGIN PRIVATE KEY", "flags": "--password ",
		"label": "Token: a ", "labels": "Pin: $1 ", "quoted label": `"Pin: $1 `, "escaped label": `\nPin: $1 `, "quotes": `password "`, "code": "&code=a", "field": `name="pin" `, "block": "pin: |\n ", "bearer": "Bearer ", "angle": ">", "dash": "-",
	} {
		b.Run(name, func(b *testing.B) {
			text := strings.Repeat(unit, 65536/len(unit))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r.Text(text)
			}
		})
	}
}

func BenchmarkWith(b *testing.B) {
	r := redact.New(redact.Options{Values: []string{"a-secret-value"}})
	b.ReportAllocs()
	for b.Loop() {
		r.With("Zk3hYt0vQw9mXs8rLp2nBd7cFg4jKa6e")
	}
}
