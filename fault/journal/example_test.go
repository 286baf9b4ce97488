package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/journal"
)

// A journal is the catcher's Recorder. Whoever counts failures, or tells people of them, takes them from
// it and says when they are kept elsewhere.
func Example() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	j, err := journal.Open(journal.Options{Dir: dir, Notified: func() bool { return true }})
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			log.Fatal(err)
		}
	}()

	catcher := fault.New(fault.Options{Recorder: j, Logger: slog.New(slog.DiscardHandler)})
	handler := catcher.Handle(func(http.ResponseWriter, *http.Request) error {
		return errors.New("row is damaged")
	})
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/user/john", nil))
	fmt.Println(answer.Code, j.Waiting(), "waiting") // It is on disk before it is answered.

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	captured, err := j.Next(ctx, 100)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range captured {
		fmt.Println(c.Count, c.Failure.Message)
		if err := j.Done(c.At); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(j.Waiting(), "waiting")
	// Output:
	// 500 1 waiting
	// 1 row is damaged
	// 0 waiting
}
