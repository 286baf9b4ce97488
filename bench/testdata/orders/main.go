// Command orders is the application whose failures are looked at: a few packages on net/http with the fault kit, one order
// among many that cannot be billed, and as much in memory as it is told to have.
package main

import (
	"cmp"
	"encoding/json"
	"html/template"
	"log"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"

	"example.org/microblog/fault"
	"example.org/orders/internal/leash"
	"example.org/orders/internal/shop"
)

var listing = template.Must(template.New("orders").Parse(`<!DOCTYPE html>
<html lang="en"><head><title>Orders</title></head><body><h1>Orders</h1><table>
{{range .}}<tr><td>{{.ID}}</td><td>{{.Customer.Name}}</td><td>{{.Total}}</td></tr>
{{end}}</table></body></html>
`))

func main() {
	if err := leash.Hold(os.Getenv("BENCH_LEASH")); err != nil {
		log.Fatal(err)
	}
	resident, _ := strconv.ParseInt(os.Getenv("BENCH_RESIDENT"), 10, 64) // without it, the least
	address := cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:5000")
	site := &site{book: shop.NewBook(resident), address: address}
	catcher := fault.New(fault.Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /about", site.about)
	mux.HandleFunc("GET /collect", site.collect)
	mux.HandleFunc("GET /ok", site.ok)
	mux.HandleFunc("GET /orders", site.list)
	mux.Handle("GET /bill/{id}", catcher.Handle(site.bill))
	log.Fatal(http.ListenAndServe(address, catcher.Middleware(mux)))
}

type site struct {
	book    *shop.Book
	address string
}

// about tells the benchmark which process this is, and how it was built.
func (s *site) about(w http.ResponseWriter, _ *http.Request) {
	tags := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "-tags" {
				tags = setting.Value
			}
		}
	}
	answer(w, map[string]any{"pid": os.Getpid(), "address": s.address, "tags": tags})
}

// collect gives all memory back that is not in use.
func (s *site) collect(w http.ResponseWriter, r *http.Request) {
	debug.FreeOSMemory()
	s.ok(w, r)
}

func (s *site) ok(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"ok": true}) }

func (s *site) list(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = listing.Execute(w, s.book.First(15))
}

func (s *site) bill(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return fault.NotFound("There is no such order.")
	}
	bill, err := s.book.Bill(id)
	if err != nil {
		return err
	}
	answer(w, bill)
	return nil
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
