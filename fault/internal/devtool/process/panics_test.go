package process_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/process"
)

// servedStack is what net/http logs after the value.
const servedStack = `goroutine 35 [running]:
net/http.(*conn).serve.func1()
	/go/src/net/http/server.go:1897 +0xbd
panic({0x6d40e0?, 0xe567f29e9f0?})
	/go/src/runtime/panic.go:860 +0x171
main.fail({0xe567f2c299e, 0x1})
	/app/main.go:67 +0x59
created by net/http.(*Server).Serve in goroutine 1
	/go/src/net/http/server.go:3464 +0x485`

func TestServedPanics(t *testing.T) {
	t.Parallel()
	served := func(value string) string {
		return "http: panic serving 127.0.0.1:59834: " + value + "\n" + servedStack
	}
	asJSON, err := json.Marshal(map[string]string{"msg": served("a \"b\"\n\U0001F600<")})
	if err != nil {
		t.Fatal(err)
	}
	one := func(value string) []process.ServedPanic {
		return []process.ServedPanic{{Client: "127.0.0.1:59834", Value: value, Stack: servedStack}}
	}
	for _, tt := range []struct {
		name, written string
		want          []process.ServedPanic
	}{
		{"nothing", "", nil},
		{"package log", "2026/11/28 01:54:16 " + served("boom") + "\nmore\n", one("boom")},
		{"a prefix", "[app] " + served("a: b") + "\n", one("a: b")},
		{"no value", served("") + "\n", one("")},
		{"several lines", served("a\n\nb\n") + "\n", one("a\n\nb\n")},
		{"a terminal", strings.ReplaceAll(served("boom"), "\n", "\r\n") + "\r\n", one("boom")},
		{"with a stack in it", served("failed:\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:1 +0x1\n") + "\n", one("failed:\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:1 +0x1\n")},
		{"two", served("a") + "\n" + served("b") + "\n", append(one("a"), one("b")...)},
		{"IPv6", strings.ReplaceAll(served("x"), "127.0.0.1:59834", "[::1]:5") + "\n", []process.ServedPanic{{Client: "[::1]:5", Value: "x", Stack: servedStack}}},
		{"a line in between", strings.Replace(served("x"), "main.fail", "2026 GET /\nmain.fail", 1) + "\n", []process.ServedPanic{{Client: "127.0.0.1:59834", Value: "x", Stack: strings.Replace(servedStack, "main.fail", "2026 GET /\nmain.fail", 1)}}},
		{"JSON", string(asJSON) + "\n", one("a \"b\"\n\U0001F600<")},
		{"quoted", "time=2026 level=INFO msg=" + strconv.Quote(served("a \x00b")) + " more=1\n", one("a \x00b")},
		{"begun anew", "http: panic serving 127.0.0.1:1: torn\n" + served("whole") + "\n", one("whole")},
		{"torn off", strings.TrimSuffix(served("x"), "\n\t/go/src/net/http/server.go:3464 +0x485") + "\n", nil},
		{"no end of the line", served("x"), nil},
		{"only mentioned", "http: panic serving is what it says\ncreated by net/http.(*Server).Serve in goroutine 1\n\tx\n", nil},
		{"in quotes", `"http: panic serving 127.0.0.1:1: x"` + "\n", nil},
		{"half a quote", `{"msg":"http: panic serving 127.0.0.1:1: x\n` + "\n", nil},
		{"too long", served(strings.Repeat("longer\n", 100_000)) + "\n" + served("next") + "\n", append(one(longPanic("longer\n")), one("next")...)},
		{"a line that is too long", served(strings.Repeat("long", 200_000)) + "\n", one(longPanic("long"))},
		{"without an end", "http: panic serving 127.0.0.1:59834: x\n" + strings.Repeat("long\n", 100_000) + served("next") + "\n", one("next")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 7, 32 << 10} {
				if got := process.Told(cut([]byte(tt.written), size)); !slices.Equal(got, tt.want) {
					t.Errorf("in pieces of %d: %.2000q, want %q", size, got, tt.want)
				}
			}
		})
	}
}

// longPanic is as much as is kept of what is made of many such parts.
func longPanic(part string) string {
	const most = 64<<10 - len("http: panic serving 127.0.0.1:59834: ")
	return strings.Repeat(part, most/len(part)+1)[:most]
}

func FuzzServedPanics(f *testing.F) {
	f.Add("http: panic serving 127.0.0.1:59834: boom\n"+servedStack+"\n", 7)
	f.Add(`{"msg":"http: panic serving 127.0.0.1:5: a\ngoroutine 5 [running]:\nx"}`+"\n", 3)
	f.Fuzz(func(t *testing.T, text string, size int) {
		whole := process.Told([][]byte{[]byte(text)})
		if size > 0 {
			if cut := process.Told(cut([]byte(text), size)); !slices.Equal(cut, whole) {
				t.Errorf("in pieces of %d: %q, else %q", size, cut, whole)
			}
		}
		for _, p := range whole {
			if p.Client == "" || strings.ContainsAny(p.Client, " \n") || !strings.HasPrefix(p.Stack, "goroutine ") {
				t.Errorf("%+v", p)
			}
			if again, ok := process.ParseServedPanic("http: panic serving " + p.Client + ": " + p.Value + "\n" + p.Stack); !ok || again != p {
				t.Errorf("%+v is read as %+v", p, again)
			}
		}
	})
}
