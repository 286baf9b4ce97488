package overlay_test

import (
	"net/http/httptest"
	"testing"

	"example.org/microblog/fault/internal/devtool/overlay"
)

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		header [][2]string
		want   overlay.Format
	}{
		{"page load", [][2]string{{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}, {"Sec-Fetch-Mode", "navigate"}}, overlay.HTML},
		{"page load of an old browser", [][2]string{{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}, {"User-Agent", "Mozilla/5.0"}}, overlay.HTML},
		{"frame", [][2]string{{"Accept", "*/*"}, {"Sec-Fetch-Dest", "iframe"}}, overlay.HTML},
		{"fetch", [][2]string{{"Accept", "*/*"}, {"Sec-Fetch-Mode", "cors"}, {"User-Agent", "Mozilla/5.0"}}, overlay.JSON},
		{"fetch of a fragment", [][2]string{{"Accept", "text/html"}, {"Sec-Fetch-Mode", "cors"}}, overlay.HTML},
		{"stylesheet", [][2]string{{"Accept", "text/css,*/*;q=0.1"}, {"Sec-Fetch-Dest", "style"}}, overlay.JSON},
		{"curl", [][2]string{{"Accept", "*/*"}, {"User-Agent", "curl/8.5.0"}}, overlay.Text},
		{"curl for JSON", [][2]string{{"Accept", "application/json"}, {"User-Agent", "curl/8.5.0"}}, overlay.JSON},
		{"curl for HTML", [][2]string{{"Accept", "text/html"}, {"User-Agent", "curl/8.5.0"}}, overlay.HTML},
		{"own JSON type", [][2]string{{"Accept", "application/vnd.blog+json"}}, overlay.JSON},
		{"weights", [][2]string{{"Accept", "text/html;q=0.3, application/json;q=0.9, text/plain;q=0.5"}}, overlay.JSON},
		{"equal weights", [][2]string{{"Accept", "application/json, text/html"}}, overlay.JSON},
		{"refused", [][2]string{{"Accept", "text/html;q=0, text/plain"}}, overlay.Text},
		{"two headers", [][2]string{{"Accept", "image/png"}, {"Accept", "text/plain"}}, overlay.Text},
		{"not a header", [][2]string{{"Accept", ";;,,q=,text/html;q=x,/"}, {"User-Agent", "wget/1.2"}}, overlay.Text},
		{"JSON sent", [][2]string{{"Accept", "*/*"}, {"Content-Type", "application/json; charset=utf-8"}, {"User-Agent", "curl/8"}}, overlay.JSON},
		{"netcat", nil, overlay.Text},
		{"program", [][2]string{{"User-Agent", "Go-http-client/1.1"}}, overlay.JSON},
		{"browser without Accept", [][2]string{{"User-Agent", "Mozilla/5.0"}}, overlay.HTML},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			for _, h := range test.header {
				r.Header.Add(h[0], h[1])
			}
			if got := overlay.FormatOf(r); got != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}
		})
	}
}

func FuzzFormatOf(f *testing.F) {
	for _, s := range []string{"", "*/*", "text/html;q=0.3,application/json", "text/plain; q=1.5", `text/html;x="a,b"`, ";,/;q=="} {
		f.Add(s, "curl/8", "")
	}
	f.Fuzz(func(t *testing.T, accept, agent, kind string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		r.Header.Set("User-Agent", agent)
		r.Header.Set("Content-Type", kind)
		if got := overlay.FormatOf(r); got > overlay.Text {
			t.Errorf("format %d", got)
		}
	})
}
