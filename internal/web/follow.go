package web

import (
	"context"
	"errors"
	"net/http"

	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

const textSelfFollow = "You cannot follow yourself!"

// follow is POST /follow/{username}.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) error {
	person, err := s.findPerson(r)
	if err != nil {
		return err
	}
	name := person.User.Username
	_, err = s.store.Follow(r.Context(), stateOf(r).user.ID, person.User.ID)
	switch {
	case errors.Is(err, microblog.ErrSelfFollow):
		return s.redirectTelling(w, r, userPath(name), bad, textSelfFollow)
	case errors.Is(err, microblog.ErrNotFound):
		return noPerson(err)
	case err != nil:
		return trace.Wrap(err, "following")
	}
	return s.redirectTelling(w, r, userPath(name), good, "You are following "+name+"!")
}

// unfollow is POST /unfollow/{username}.
func (s *Server) unfollow(w http.ResponseWriter, r *http.Request) error {
	person, err := s.findPerson(r)
	if err != nil {
		return err
	}
	name, me := person.User.Username, stateOf(r).user.ID
	if person.User.ID == me {
		return s.redirectTelling(w, r, userPath(name), bad, "You cannot unfollow yourself!")
	}
	if _, err := s.store.Unfollow(r.Context(), me, person.User.ID); err != nil {
		return trace.Wrap(err, "unfollowing")
	}
	return s.redirectTelling(w, r, userPath(name), good, "You are not following "+name+".")
}

// followers is GET /user/{username}/followers.
func (s *Server) followers(w http.ResponseWriter, r *http.Request) error {
	return s.people(w, r, "followers", s.store.Followers)
}

// following is GET /user/{username}/following.
func (s *Server) following(w http.ResponseWriter, r *http.Request) error {
	return s.people(w, r, "following", s.store.Following)
}

func (s *Server) people(w http.ResponseWriter, r *http.Request, kind string,
	list func(context.Context, int64, store.Page) (store.People, error)) error {
	part, err := readPage(r.URL, microblog.PeoplePerPage)
	if err != nil {
		return err
	}
	person, answered, err := s.openPerson(w, r, "/"+kind)
	if answered || err != nil {
		return err
	}
	people, err := list(r.Context(), person.User.ID, part)
	if err != nil {
		return trace.Wrap(err, "loading the people")
	}
	title := "Followers of " + person.User.Username
	if kind == "following" {
		title = "People " + person.User.Username + " follows"
	}
	page := &PeoplePage{
		Layout: s.layout(w, r, title),
		Person: personOf(&person.User),
		Kind:   kind,
		People: make([]Person, len(people.Items)),
		Pager:  pager(userPath(person.User.Username)+"/"+kind, part, people.Pager, len(people.Items)),
	}
	for i := range people.Items {
		page.People[i] = personOf(&people.Items[i])
	}
	return s.render(w, http.StatusOK, page)
}
