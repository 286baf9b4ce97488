package proxy_test

import (
	"io"
	"net/http"
	"testing"

	"example.org/microblog/fault/internal/devtool/proxy"
)

// BenchmarkRequest compares the way through the proxy with the direct one.
func BenchmarkRequest(b *testing.B) {
	f := start(b, proxy.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><html><head><title>x</title></head><body>x</body></html>")
	})
	direct := application(b, app)
	for name, test := range map[string]struct {
		url    string
		header map[string]string
	}{
		"direct": {"http://" + direct, nil}, "fetch": {f.http.URL, fetch}, "page": {f.http.URL, navigation},
	} {
		b.Run(name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for b.Loop() {
				r, err := http.NewRequest(http.MethodGet, test.url, nil)
				if err != nil {
					b.Fatal(err)
				}
				for name, value := range test.header {
					r.Header.Set(name, value)
				}
				res, err := client.Do(r)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					b.Fatal(err)
				}
				res.Body.Close()
			}
		})
	}
}
