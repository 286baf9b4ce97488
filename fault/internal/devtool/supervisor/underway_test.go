package supervisor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/supervisor"
	"example.org/microblog/fault/redact"
)

// TestMaskEnd: what is kept of what a crashed process wrote has no secrets, also where it is cut.
func TestMaskEnd(t *testing.T) {
	t.Parallel()
	own := redact.New(redact.Options{Keys: []string{"pet"}})
	const stack = "\n\ngoroutine 7 [running]:\nmain.(*Token).Set(0xc000012345, {0x1, 0x2})\n\t/app/token.go:7 +0x1d\ncreated by main.main in goroutine 1\n\t/app/main.go:3 +0x2c\n"
	long := strings.Repeat("-", 16<<10-20)
	f := &fault.Failure{
		Message: "panic: pet=hunter2", Output: "panic: password=hunter2" + stack,
		Causes: fault.Cause{Message: "pet=hunter2", Causes: []fault.Cause{{Message: "postgres://blog:hunter2@db"}}},
	}
	supervisor.MaskEnd(own, f)
	if f.Message != "panic: pet=[masked]" || f.Output != "panic: password=[masked]"+stack || f.Causes.Message != "pet=[masked]" || f.Causes.Causes[0].Message != "postgres://blog:[masked]@db" {
		t.Errorf("%+v", f)
	}
	f.Output = long + " password=hunter2hunter2hunter2"
	if supervisor.MaskEnd(own, f); len(f.Output) > 16<<10 || strings.Contains(f.Output, "hunt") {
		t.Errorf("%q", f.Output[len(long):])
	}
}

// TestSnapshot: what is kept of a request has no secrets, nothing of the proxy's, and an end.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	ask := func(target string, header map[string]string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, target, nil)
		for name, value := range header {
			r.Header.Set(name, value)
		}
		return r
	}
	own := redact.New(redact.Options{Keys: []string{"invite code", "pet"}})
	many := map[string]string{}
	for n := range 100 {
		many[fmt.Sprintf("X-%03d", n)] = "v"
	}
	for name, test := range map[string]struct {
		request *http.Request
		url     string
		header  map[string]string // some of it
		fields  int
		cut     bool
	}{
		"plain":     {ask("/a?b=c", map[string]string{"Accept": "text/html"}), "/a?b=c", map[string]string{"Accept": "text/html"}, 1, false},
		"secrets":   {ask("/a?token=abcdef123", map[string]string{"Cookie": "session=abcdef123", "Authorization": "Bearer abcdef123"}), "/a?token=[masked]", map[string]string{"Cookie": "session=[masked]"}, 2, false},
		"own names": {ask("/a?invite_code=abcdef123", map[string]string{"X-Pet": "abcdef123"}), "/a?invite_code=[masked]", map[string]string{"X-Pet": "[masked]"}, 1, false},
		"forwarded": {ask("/", map[string]string{"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "h", "X-Forwarded-Proto": "https"}), "/", nil, 0, false},
		"many":      {ask("/", many), "/", map[string]string{"X-063": "v", "X-064": ""}, 64, true},
		"long":      {ask("/"+strings.Repeat("a", 4000), map[string]string{"A": strings.Repeat("b", 2000)}), "/" + strings.Repeat("a", 2047), map[string]string{"A": strings.Repeat("b", 1024)}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := supervisor.Snapshot(own, test.request)
			if q.Method != http.MethodPost || q.URL != test.url || len(q.Header) != test.fields || q.Cut != test.cut || strings.Contains(fmt.Sprint(q), "abcdef123") {
				t.Errorf("%+v", q)
			}
			for name, want := range test.header {
				if got := q.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if names := supervisor.UnderWay(own, []*http.Request{test.request}); !slices.Equal(names, []string{"POST " + test.url}) {
				t.Errorf("it is called %q", names)
			}
		})
	}
}
