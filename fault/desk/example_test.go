package desk_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"example.org/microblog/fault"
	"example.org/microblog/fault/desk"
	"example.org/microblog/fault/incident"
)

// A desk on the application's mux. Nobody but those whom Allow lets in learns that it is there.
func Example() {
	dir, err := os.MkdirTemp("", "incidents")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	book, err := incident.Open(incident.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer book.Close()

	incidents, err := desk.New(desk.Options{
		Book:   book,
		Prefix: "/ops/incidents",
		Allow: func(r *http.Request) error {
			if name, password, ok := r.BasicAuth(); !ok || name != "grace" || password != "correct horse" {
				refused := fault.Unauthorized("")
				refused.Header = http.Header{"WWW-Authenticate": {`Basic realm="operations"`}}
				return refused
			}
			return nil
		},
		By: func(r *http.Request) string { name, _, _ := r.BasicAuth(); return name },
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ops/incidents", incidents)
	mux.Handle("/ops/incidents/", incidents)

	stranger := httptest.NewRequest(http.MethodGet, "/ops/incidents", nil)
	grace := httptest.NewRequest(http.MethodGet, "/ops/incidents", nil)
	grace.SetBasicAuth("grace", "correct horse")
	for _, r := range []*http.Request{stranger, grace} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Content-Type"))
	}
	// Output:
	// 401 text/plain; charset=utf-8
	// 200 text/html; charset=utf-8
}
