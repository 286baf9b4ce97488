// Package web is the pages and the API.
package web

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"

	"example.org/notes/internal/notes"
)

// maxBody bounds what is read of a request, in bytes.
const maxBody = 64 << 10

type site struct {
	book *notes.Book
	home *template.Template
}

// New reads the home page's template from the working directory, once.
func New(book *notes.Book) (http.Handler, error) {
	home, err := template.ParseFiles("templates/home.html")
	if err != nil {
		return nil, err
	}
	s := &site{book, home}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showHome)
	mux.HandleFunc("GET /about", s.showAbout)
	mux.HandleFunc("GET /api/notes/{name}", s.showName)
	mux.HandleFunc("POST /api/notes", s.add)
	mux.Handle("GET /static/", http.FileServer(http.Dir(".")))
	return mux, nil
}

func (s *site) showHome(w http.ResponseWriter, _ *http.Request) {
	show(w, s.home, map[string]any{"Greeting": notes.Greeting(), "Notes": s.book.Newest(10)})
}

// showAbout reads its template anew for each request.
func (s *site) showAbout(w http.ResponseWriter, _ *http.Request) {
	about, err := template.ParseFiles("templates/about.html")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	show(w, about, nil)
}

func show(w http.ResponseWriter, t *template.Template, data any) {
	var page bytes.Buffer
	if err := t.Execute(&page, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = page.WriteTo(w)
}

func (s *site) showName(w http.ResponseWriter, r *http.Request) {
	answer(w, map[string]any{"name": r.PathValue("name"), "newest": s.book.Newest(1)})
}

func (s *site) add(w http.ResponseWriter, r *http.Request) {
	var note struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&note); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.book.Add(note.Text); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	answer(w, note)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
