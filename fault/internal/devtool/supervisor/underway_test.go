package supervisor_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/supervisor"
	"example.org/microblog/fault/redact"
)

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
