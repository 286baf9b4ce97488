// Command notes is the application whose development is measured: a few packages on net/http, its
// templates and stylesheet on disk, nothing that has to be downloaded.
package main

import (
	"cmp"
	"log"
	"net/http"
	"os"

	"example.org/notes/internal/leash"
	"example.org/notes/internal/notes"
	"example.org/notes/internal/web"
)

func main() {
	if err := leash.Hold(os.Getenv("BENCH_LEASH")); err != nil {
		log.Fatal(err)
	}
	site, err := web.New(&notes.Book{})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:5000"), site))
}
