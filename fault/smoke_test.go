package fault_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"fmt"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
	"example.org/microblog/fault/logfile"
)

func TestSmoke(t *testing.T) {
	lg := slog.New(logfile.NewHandler(logfile.ToWriter(os.Stdout), logfile.HandlerOptions{Level: slog.LevelDebug, Module: "example.org/microblog/fault"}))
	c := fault.New(fault.Options{Logger: lg})
	mux := http.NewServeMux()
	mux.Handle("GET /panic", c.Handle(func(w http.ResponseWriter, r *http.Request) error { var p *int; *p = 1; return nil }))
	mux.Handle("GET /wrap", c.Handle(func(w http.ResponseWriter, r *http.Request) error {
		return trace.Wrap(errors.Join(errors.New("a"), io.EOF), "loading")
	}))
	mux.Handle("GET /plain", c.Handle(func(w http.ResponseWriter, r *http.Request) error { return fmt.Errorf("x password=foo") }))
	mux.Handle("GET /none", c.Handle(func(w http.ResponseWriter, r *http.Request) error { return nil }))
	mux.Handle("GET /nf", c.Handle(func(w http.ResponseWriter, r *http.Request) error { return fault.NotFound("No such person.") }))
	srv := httptest.NewServer(c.Middleware(mux))
	defer srv.Close()
	for _, p := range []string{"/panic", "/wrap", "/plain", "/none", "/nf", "/zilch"} {
		req, _ := http.NewRequest("GET", srv.URL+p, nil)
		if p=="/wrap" {req.Header.Set("Accept","text/html")}
		if p=="/nf" {req.Header.Set("User-Agent","curl/8")}
		res, err := http.DefaultClient.Do(req)
		if err != nil { t.Fatal(err) }
		b, _ := io.ReadAll(res.Body)
		fmt.Println(res.Status, res.Header, "\n"+string(b))
	}
}
