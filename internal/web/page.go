package web

import (
	"html/template"
	"time"
)

// Layout is what every page shares: the frame around its content.
type Layout struct {
	Title   string  // of this page; the site's name is added by the template
	Viewer  *Viewer // nil when signed out
	Path    string  // of the request, to mark the current place in the navigation
	Next    string  // where signing in leads back to; "" leads home
	Notices []Notice
	// Stylesheet is the address of a stylesheet of the page's own, which is then given more width.
	Stylesheet string
}

// Viewer is the person who looks at the page.
type Viewer struct {
	ID       int64
	Username string
	Admin    bool
	Desk     bool // the viewer may see the incidents
}

// Notice is a message shown once at the top of the next page.
type Notice struct {
	Kind string // "good", "bad" or "info"
	Text string
}

// Field is one form field as it is shown again: what was typed and what was wrong with it.
type Field struct {
	Value string
	Error string
}

// Person is somebody in a list or beside a post.
type Person struct {
	ID       int64
	Username string
	AboutMe  string
}

// PostItem is one post in a list or on its own page.
type PostItem struct {
	ID        int64
	Author    Person
	Body      string
	CreatedAt time.Time
	Own       bool // the viewer's: offers deletion
}

// Pager links to the neighbouring parts of a list; "" where there is none.
type Pager struct {
	Newer, Older string
	Newest       string // where the list begins, for a part that is empty because it lies beyond the end
}

// PostForm is the field for a new post.
type PostForm struct {
	Post Field
	Once string // names this one submission, so that sending it twice posts once
}

// HomePage is / and /index: the home timeline of the viewer.
type HomePage struct {
	Layout
	Form      PostForm
	Posts     []PostItem
	Pager     Pager
	Following int // how many people the viewer follows; 0 changes the empty state
}

// ExplorePage is /explore: everybody's posts.
type ExplorePage struct {
	Layout
	Posts []PostItem
	Pager Pager
}

// ProfilePage is /user/{username}.
type ProfilePage struct {
	Layout
	Person    Person
	JoinedAt  time.Time
	LastSeen  time.Time // zero: never
	PostCount int64
	Followers int64
	Following int64
	Self      bool // the viewer's own profile
	Follows   bool // the viewer follows this person
	Posts     []PostItem
	Pager     Pager
}

// PeoplePage is /user/{username}/followers and /user/{username}/following.
type PeoplePage struct {
	Layout
	Person Person
	Kind   string // "followers" or "following"
	People []Person
	Pager  Pager
}

// PostPage is /post/{id}.
type PostPage struct {
	Layout
	Post PostItem
}

// LoginPage is /login.
type LoginPage struct {
	Layout
	Username   Field
	Password   Field // Value is never shown again
	RememberMe bool
	FormError  string // about the form as a whole: "Invalid username or password"
}

// RegisterPage is /register.
type RegisterPage struct {
	Layout
	Username  Field
	Email     Field
	Password  Field
	Password2 Field
	FormError string
}

// EditProfilePage is /edit_profile.
type EditProfilePage struct {
	Layout
	Username Field
	AboutMe  Field
}

// AccountPage is /account: the password and the sessions.
type AccountPage struct {
	Layout
	Email     string
	Current   Field // form field current_password
	Password  Field // form field password
	Password2 Field // form field password2
	FormError string
}

// LogoutPage is GET /logout: it asks, because only a POST ends a session.
type LogoutPage struct {
	Layout
}

// DeletePostPage is GET /post/{id}/delete: it asks before a post is gone.
type DeletePostPage struct {
	Layout
	Post PostItem
}

// DrillPage is /drill: the ways to fail on purpose.
type DrillPage struct {
	Layout
	Kinds []DrillKind
}

// FramePage is a page of another part of the site in this one's frame; see Server.Frame.
type FramePage struct {
	Layout
	Body template.HTML
}

// ErrorPage is every page for a failed request.
type ErrorPage struct {
	Layout
	Status     int
	Heading    string // "File Not Found", "An unexpected error has occurred", …
	Message    string // the public text; may be ""
	Help       string // what a person can do about it; may be ""
	Wait       string // RetryAfter in words, "2 minutes"; "" when there is none
	ID         string // the failure ID to quote; "" when nothing was recorded
	Notified   bool   // the administrator has been told
	RetryAfter time.Duration
}
