package web

import (
	"crypto/rand"
	"errors"
	"net/http"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

const (
	textPosted      = "Your post is now live!"
	textDeleted     = "Your post has been deleted."
	textNoPost      = "There is no such post. It may have been deleted."
	textNotYourPost = "This post is somebody else's; only its author can delete it."
)

// home is GET / and GET /index: the posts of the viewer and of the people they follow.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	part, err := readPage(r.URL, microblog.PostsPerPage)
	if err != nil {
		return err
	}
	return s.renderHome(w, r, http.StatusOK, part, PostForm{Once: rand.Text()})
}

func (s *Server) renderHome(w http.ResponseWriter, r *http.Request, status int, part store.Page, form PostForm) error {
	user := stateOf(r).user
	posts, err := s.store.Home(r.Context(), user.ID, part)
	if err != nil {
		return trace.Wrap(err, "loading the home timeline")
	}
	return s.render(w, status, &HomePage{
		Layout:    s.layout(w, r, "Home"),
		Form:      form,
		Posts:     postItems(posts.Items, CurrentViewer(r)),
		Pager:     pager("/", part, posts.Pager, len(posts.Items)),
		Following: int(user.FollowingCount),
	})
}

// createPost is POST / and POST /index. A form that is sent twice posts once, and both answers lead
// home.
func (s *Server) createPost(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r, "post", "once")
	if err != nil {
		return err
	}
	once := form.Get("once") // the store takes any text, and posts without one each time
	typed := form.Get("post")
	body, err := microblog.CheckPost(typed)
	if wrong := microblog.FieldErrorsOf(err); len(wrong) > 0 {
		if once == "" {
			once = rand.Text()
		}
		return s.renderHome(w, r, http.StatusUnprocessableEntity, store.Page{Limit: microblog.PostsPerPage},
			PostForm{Post: Field{Value: typed, Error: wrong[0].Text}, Once: once})
	}
	if err != nil {
		return trace.Wrap(err, "checking the post")
	}
	if _, _, err := s.store.CreatePost(r.Context(), stateOf(r).user.ID, body, once); err != nil {
		return trace.Wrap(err, "posting")
	}
	return s.redirectTelling(w, r, "/", good, textPosted)
}

// explore is GET /explore: everybody's posts.
func (s *Server) explore(w http.ResponseWriter, r *http.Request) error {
	part, err := readPage(r.URL, microblog.PostsPerPage)
	if err != nil {
		return err
	}
	posts, err := s.store.Explore(r.Context(), part)
	if err != nil {
		return trace.Wrap(err, "loading everybody's posts")
	}
	return s.render(w, http.StatusOK, &ExplorePage{
		Layout: s.layout(w, r, "Explore"),
		Posts:  postItems(posts.Items, CurrentViewer(r)),
		Pager:  pager("/explore", part, posts.Pager, len(posts.Items)),
	})
}

func postItems(posts []microblog.Post, viewer *Viewer) []PostItem {
	items := make([]PostItem, len(posts))
	for i := range posts {
		items[i] = postItem(&posts[i], viewer)
	}
	return items
}

func postItem(p *microblog.Post, viewer *Viewer) PostItem {
	return PostItem{
		ID:        p.ID,
		Author:    Person{ID: p.AuthorID, Username: p.AuthorName},
		Body:      p.Body,
		CreatedAt: p.CreatedAt,
		Own:       viewer != nil && viewer.ID == p.AuthorID,
	}
}

// findPost returns the post whose id stands in the address.
func (s *Server) findPost(r *http.Request) (microblog.Post, error) {
	id, ok := readID(r.PathValue("id"))
	if !ok {
		return microblog.Post{}, fault.NotFound(textNoPost)
	}
	post, err := s.store.Post(r.Context(), id)
	if errors.Is(err, microblog.ErrNotFound) {
		return post, fault.With(http.StatusNotFound, textNoPost, err)
	}
	return post, trace.Wrap(err, "loading the post")
}

// post is GET /post/{id}.
func (s *Server) post(w http.ResponseWriter, r *http.Request) error {
	post, err := s.findPost(r)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, &PostPage{
		Layout: s.layout(w, r, "Post by "+post.AuthorName),
		Post:   postItem(&post, CurrentViewer(r)),
	})
}

// deletePostForm is GET /post/{id}/delete: it asks before a post is gone.
func (s *Server) deletePostForm(w http.ResponseWriter, r *http.Request) error {
	post, err := s.findPost(r)
	if err != nil {
		return err
	}
	viewer := CurrentViewer(r)
	if post.AuthorID != viewer.ID {
		return fault.Forbidden(textNotYourPost)
	}
	return s.render(w, http.StatusOK, &DeletePostPage{
		Layout: s.layout(w, r, "Delete post"),
		Post:   postItem(&post, viewer),
	})
}

// deletePost is POST /post/{id}/delete.
func (s *Server) deletePost(w http.ResponseWriter, r *http.Request) error {
	id, ok := readID(r.PathValue("id"))
	if !ok {
		return fault.NotFound(textNoPost)
	}
	user := stateOf(r).user
	err := s.store.DeletePost(r.Context(), user.ID, id)
	switch {
	case errors.Is(err, microblog.ErrNotFound):
		return fault.With(http.StatusNotFound, textNoPost, err)
	case errors.Is(err, microblog.ErrNotOwner):
		return fault.With(http.StatusForbidden, textNotYourPost, err)
	case err != nil:
		return trace.Wrap(err, "deleting the post")
	}
	return s.redirectTelling(w, r, userPath(user.Username), good, textDeleted)
}
