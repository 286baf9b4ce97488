package web

import (
	"errors"
	"net/http"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

const (
	textNoPerson = "There is no such person here."
	textSaved    = "Your changes have been saved."
)

// findPerson returns the person whose name stands in the address.
func (s *Server) findPerson(r *http.Request) (store.Profile, error) {
	name := r.PathValue("username")
	if _, err := microblog.UsernameKey(name); err != nil {
		return store.Profile{}, noPerson(err)
	}
	var viewer int64
	if user := stateOf(r).user; user != nil {
		viewer = user.ID
	}
	person, err := s.store.Profile(r.Context(), name, viewer)
	if errors.Is(err, microblog.ErrNotFound) {
		return store.Profile{}, noPerson(err)
	}
	return person, trace.Wrap(err, "loading the profile")
}

func noPerson(err error) error {
	return fault.With(http.StatusNotFound, textNoPerson, err)
}

// openPerson is findPerson for pages. An address with a name the person had before, or with the name
// in another case, leads to the address with the name as it is now; the page was answered then.
// suffix is what follows the name in the address.
func (s *Server) openPerson(w http.ResponseWriter, r *http.Request, suffix string) (person store.Profile, answered bool, err error) {
	if person, err = s.findPerson(r); err != nil {
		return person, false, err
	}
	if person.User.Username != r.PathValue("username") {
		return person, true, moved(w, r, userPath(person.User.Username)+suffix)
	}
	return person, false, nil
}

// profile is GET /user/{username}.
func (s *Server) profile(w http.ResponseWriter, r *http.Request) error {
	part, err := readPage(r.URL, microblog.PostsPerPage)
	if err != nil {
		return err
	}
	person, answered, err := s.openPerson(w, r, "")
	if answered || err != nil {
		return err
	}
	user := &person.User
	posts, err := s.store.PostsBy(r.Context(), user.ID, part)
	if err != nil {
		return trace.Wrap(err, "loading the person's posts")
	}
	viewer := CurrentViewer(r)
	self := viewer != nil && viewer.ID == user.ID
	if self {
		user.LastSeen = s.now() // what is stored lags behind
	}
	return s.render(w, http.StatusOK, &ProfilePage{
		Layout:    s.layout(w, r, user.Username),
		Person:    personOf(user),
		JoinedAt:  user.CreatedAt,
		LastSeen:  user.LastSeen,
		PostCount: user.PostCount,
		Followers: user.FollowerCount,
		Following: user.FollowingCount,
		Self:      self,
		Follows:   person.Follows,
		Posts:     postItems(posts.Items, viewer),
		Pager:     pager(userPath(user.Username), part, posts.Pager, len(posts.Items)),
	})
}

func personOf(u *microblog.User) Person {
	return Person{ID: u.ID, Username: u.Username, AboutMe: u.AboutMe}
}

// editProfileForm is GET /edit_profile.
func (s *Server) editProfileForm(w http.ResponseWriter, r *http.Request) error {
	user := stateOf(r).user
	noStore(w)
	return s.render(w, http.StatusOK, &EditProfilePage{
		Layout:   s.layout(w, r, "Edit profile"),
		Username: Field{Value: user.Username},
		AboutMe:  Field{Value: user.AboutMe},
	})
}

// editProfile is POST /edit_profile. Whether a name is free is asked only by taking it: then it does
// not matter who else takes it at the same moment.
func (s *Server) editProfile(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r, "username", "about_me")
	if err != nil {
		return err
	}
	user := stateOf(r).user
	page := &EditProfilePage{
		Layout:   s.layout(w, r, "Edit profile"),
		Username: Field{Value: form.Get("username")},
		AboutMe:  Field{Value: form.Get("about_me")},
	}
	fields := map[string]*Field{microblog.FieldUsername: &page.Username, microblog.FieldAboutMe: &page.AboutMe}
	noStore(w)

	username, errName := microblog.CheckRename(user.Username, page.Username.Value)
	aboutMe, errAbout := microblog.CheckAboutMe(page.AboutMe.Value)
	if showErrors(fields, errName, errAbout) {
		return s.render(w, http.StatusUnprocessableEntity, page)
	}
	if err := errors.Join(errName, errAbout); err != nil {
		return trace.Wrap(err, "checking the profile")
	}
	_, err = s.store.UpdateProfile(r.Context(), user.ID, username, aboutMe)
	if showErrors(fields, err) {
		return s.render(w, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return trace.Wrap(err, "saving the profile")
	}
	return s.redirectTelling(w, r, "/edit_profile", good, textSaved)
}
