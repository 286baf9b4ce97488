package web_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member("susan")
	good := map[string]string{"username": "john", "email": "john@example.org", "password": password, "password2": password}
	for name, test := range map[string]struct {
		change map[string]string // of good; "-": the field is left out
		shows  []string
	}{
		"nothing":                    {map[string]string{"username": "-", "email": "-", "password": "-", "password2": "-"}, []string{"This field is required."}},
		"no username":                {map[string]string{"username": ""}, []string{`id="username-error">This field is required.`}},
		"blank username":             {map[string]string{"username": "  "}, []string{`id="username-error">This field is required.`}},
		"taken username":             {map[string]string{"username": "susan"}, []string{`id="username-error">Please use a different username.`}},
		"taken, in another case":     {map[string]string{"username": "SuSaN"}, []string{`id="username-error">Please use a different username.`}},
		"a route's name":             {map[string]string{"username": "login"}, []string{`id="username-error">`}},
		"a slash":                    {map[string]string{"username": "a/b"}, []string{`id="username-error">`}},
		"too long a name":            {map[string]string{"username": strings.Repeat("a", 65)}, []string{`id="username-error">`}},
		"no email":                   {map[string]string{"email": ""}, []string{`id="email-error">This field is required.`}},
		"invalid email":              {map[string]string{"email": "john"}, []string{`id="email-error">Invalid email address.`}},
		"taken email":                {map[string]string{"email": "SUSAN@example.org"}, []string{`id="email-error">Please use a different email address.`}},
		"both taken":                 {map[string]string{"username": "Susan", "email": "susan@example.org"}, []string{"Please use a different username.", "Please use a different email address."}},
		"taken name, short password": {map[string]string{"username": "Susan", "password": "x", "password2": "x"}, []string{"Please use a different username.", `id="password-error">`}},
		"no password":                {map[string]string{"password": "", "password2": ""}, []string{`id="password-error">`}},
		"short password":             {map[string]string{"password": "short", "password2": "short"}, []string{`id="password-error">`}},
		"the name as password":       {map[string]string{"username": "johnjohnjohn", "password": "johnjohnjohn", "password2": "johnjohnjohn"}, []string{`id="password-error">`}},
		"passwords differ":           {map[string]string{"password2": password + "!"}, []string{`id="password2-error">Field must be equal to password.`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := s.browser().on(t)
			form := url.Values{}
			for field, value := range good {
				if changed, ok := test.change[field]; ok {
					value = changed
				}
				if value != "-" {
					form.Set(field, value)
				}
			}
			a := b.do(b.form("/register", form.Encode())).wants(422).shows(test.shows...)
			a.shows(`value="`+form.Get("username")+`"`, `value="`+form.Get("email")+`"`).hides(password, `value="short"`)
		})
	}
	t.Run("good", func(t *testing.T) {
		t.Parallel()
		b := s.browser().on(t)
		b.post("/register", "username", " mary ", "email", "Mary@example.org", "password", password, "password2", password).wants(303).leads("/login")
		b.get("/login").shows("Congratulations, you are now a registered user!")
		b.get("/login").hides("Congratulations")
		b.login("mary").get("/").wants(200).shows("mary")
	})
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.browser().join("susan")
	for name, test := range map[string]struct {
		username, password string
		status             int
		shows              string
	}{
		"by name":             {"susan", password, 303, ""},
		"in another case":     {"SUSAN", password, 303, ""},
		"with blanks":         {" susan ", password, 303, ""},
		"by email":            {"susan@example.org", password, 303, ""},
		"wrong password":      {"susan", "wrong", 422, "Invalid username or password"},
		"password with blank": {"susan", password + " ", 422, "Invalid username or password"},
		"unknown":             {"nobody", password, 422, "Invalid username or password"},
		"impossible name":     {"a/b", password, 422, "Invalid username or password"},
		"endless name":        {strings.Repeat("a", 5000), password, 422, "Invalid username or password"},
		"endless password":    {"susan", strings.Repeat("a", 5000), 422, "Invalid username or password"},
		"no name":             {"", password, 422, `id="username-error">This field is required.`},
		"no password":         {"susan", "", 422, `id="password-error">This field is required.`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := s.browser().on(t)
			a := b.post("/login", "username", test.username, "password", test.password, "remember_me", "y", "next", "/explore").wants(test.status)
			if test.status == 303 {
				a.leads("/explore")
				return
			}
			a.shows(test.shows, `value="`+test.username+`"`, "checked", `name="next" value="/explore"`).hides(password, `value="wrong"`)
			if a.setCookie("session") != nil {
				t.Error("a session was begun")
			}
		})
	}
}

// TestLoginLeadsNowhereElse: whatever a link to the log-in page says, the person stays on this site.
func TestLoginLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.browser().join("susan")
	for next, want := range map[string]string{
		"/user/susan": "/user/susan", "": "/", "//evil.example": "/", "https://evil.example": "/", "/\\evil.example": "/", "/%2F/evil.example": "/", "javascript:alert(1)": "/",
	} {
		b := s.browser()
		page := b.get("/login?next=" + url.QueryEscape(next)).wants(200)
		if want == "/" {
			page.hides("evil", `name="next"`)
		} else {
			page.shows(`name="next" value="` + next + `"`)
		}
		b.post("/login", "username", "susan", "password", "wrong", "next", next).wants(422).hides("evil", "javascript:")
		b.post("/login", "username", "susan", "password", password, "next", next).wants(303).leads(want)
		other := s.browser() // the address may stand in the form's own address as well
		other.post("/login?next="+url.QueryEscape(next), "username", "susan", "password", password).wants(303).leads(want)
	}
}

func TestEditProfile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		username, about string
		status          int
		shows           string
		becomes         string
	}{
		"a new name":              {"sue", "I like trains.", 303, "", "sue"},
		"the same name":           {"susan", "", 303, "", "susan"},
		"the same in other case":  {"SUSAN", "", 303, "", "SUSAN"},
		"blanks around":           {"  sue ", "", 303, "", "sue"},
		"taken":                   {"john", "I like trains.", 422, `id="username-error">Please use a different username.`, "susan"},
		"taken in other case":     {"JOHN", "", 422, `id="username-error">Please use a different username.`, "susan"},
		"empty":                   {"", "", 422, `id="username-error">This field is required.`, "susan"},
		"a slash":                 {"a/b", "", 422, `id="username-error">`, "susan"},
		"140 characters about me": {"susan", strings.Repeat("é", 140), 303, "", "susan"},
		"141 characters about me": {"susan", strings.Repeat("é", 141), 422, `id="about_me-error">`, "susan"},
		"both wrong":              {"a/b", strings.Repeat("é", 141), 422, `id="about_me-error">`, "susan"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.browser().join("john")
			b := s.member("susan")
			id := s.user("susan").ID
			a := b.post("/edit_profile", "username", test.username, "about_me", test.about).wants(test.status)
			u, err := s.store.UserByID(t.Context(), id)
			if err != nil || u.Username != test.becomes {
				t.Fatalf("the name is %q (%v), want %q", u.Username, err, test.becomes)
			}
			if test.status == 422 {
				a.shows(test.shows, `value="`+test.username+`"`, test.about)
				if u.AboutMe != "" {
					t.Errorf("about me is %q", u.AboutMe)
				}
				return
			}
			a.leads("/edit_profile")
			b.get("/edit_profile").shows("Your changes have been saved.", `value="`+test.becomes+`"`, test.about)
			b.get("/edit_profile").hides("Your changes have been saved.")
		})
	}
}

// TestFormerName: the address of a renamed person leads to them for as long as nobody else takes it.
func TestFormerName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan := s.member("susan")
	susan.post("/edit_profile", "username", "sue").wants(303)
	reader := s.browser()
	a := reader.get("/user/Susan").wants(301).leads("/user/sue")
	if got := a.header.Get("Cache-Control"); !strings.Contains(got, "no-cache") {
		t.Errorf("the move may be cached: %q", got)
	}
	john := s.member("john")
	john.post("/follow/susan").wants(303).leads("/user/sue")
	john.post("/edit_profile", "username", "susan").wants(303)
	reader.get("/user/susan").wants(200)
	susan.post("/edit_profile", "username", "susan").wants(422).shows("Please use a different username.")
}

func TestPost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	for name, test := range map[string]struct {
		body   string
		status int
		shows  string
	}{
		"short":                  {"Hello", 303, "Hello"},
		"140 families":           {strings.Repeat("👨‍👩‍👧", 140), 303, "👨‍👩‍👧"},
		"markup":                 {"<script>alert(1)</script>", 303, "&lt;script&gt;"},
		"line ends of a browser": {strings.Repeat("a\r\n", 69) + "aa", 303, ""},
		"empty":                  {"", 422, "This field is required."},
		"blank":                  {" \n\t", 422, "This field is required."},
		"141 characters":         {strings.Repeat("x", 141), 422, strings.Repeat("x", 141)},
		"too many bytes":         {strings.Repeat("e"+strings.Repeat("\u0301", 50), 100), 422, `id="post-error">`},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			before := s.user("susan").PostCount
			a := b.post("/", "post", test.body, "once", "form-1").wants(test.status)
			after := s.user("susan").PostCount
			if test.status == 422 {
				a.shows(test.shows, `id="post-error">`, `name="once" value="form-1"`)
				if after != before {
					t.Error("it was posted")
				}
				return
			}
			a.leads("/")
			b.get("/").wants(200).shows("Your post is now live!", test.shows)
			if after != before+1 {
				t.Errorf("%d posts more, want one", after-before)
			}
		})
	}
	b.post("/index", "post", "By the other address").wants(303)
	b.post("/index", "post", "").wants(422)
}

// TestDoubleSubmit: a form that is sent twice, also at the same moment, posts once, and both answers
// lead home.
func TestDoubleSubmit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	page := b.get("/").body
	_, rest, _ := strings.Cut(page, `name="once" value="`)
	once, _, ok := strings.Cut(rest, `"`)
	if !ok || once == "" {
		t.Fatal("the form has no name for its submission")
	}
	if again := b.get("/").body; strings.Contains(again, once) {
		t.Error("two forms have the same name")
	}
	atOnce(8, func(int) { b.post("/", "post", "Only once", "once", once).wants(303).leads("/") })
	if n := s.user("susan").PostCount; n != 1 {
		t.Errorf("%d posts", n)
	}
	b.post("/", "post", "Another text", "once", once).wants(303)
	b.post("/", "post", "Only once").wants(303) // from a program that knows of no names
	b.post("/", "post", "Only once").wants(303)
	b.post("/", "post", "Only once", "once", strings.Repeat("é ", 5000)).wants(303)
	s.member("john").post("/", "post", "Only once", "once", once).wants(303)
	if n := s.user("susan").PostCount; n != 5 {
		t.Errorf("%d posts, want 5", n)
	}
	if n := s.user("john").PostCount; n != 1 {
		t.Errorf("john has %d posts, want 1", n)
	}
}

func TestDeletePost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan, john := s.member("susan"), s.member("john")
	susan.post("/", "post", "Not for long").wants(303)
	susan.get("/post/1").shows("Not for long", "/post/1/delete")
	john.get("/post/1").shows("Not for long").hides("/post/1/delete")
	john.get("/post/1/delete").wants(403).shows("somebody else")
	john.post("/post/1/delete").wants(403)
	susan.get("/post/1/delete").wants(200).shows("Not for long")
	susan.post("/post/1/delete").wants(303).leads("/user/susan")
	susan.get("/user/susan").shows("Your post has been deleted.").hides("Not for long")
	susan.get("/post/1").wants(404)
	susan.post("/post/1/delete").wants(404)
	susan.post("/post/x/delete").wants(404)
}

func TestFollow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan, john := s.member("susan"), s.member("john")
	john.post("/", "post", "John's first").wants(303)
	susan.get("/").hides("John&#39;s first")

	susan.post("/follow/john").wants(303).leads("/user/john")
	susan.get("/user/john").shows("You are following john!", `action="/unfollow/john"`)
	susan.post("/follow/JOHN").wants(303).leads("/user/john")
	susan.get("/").shows("John&#39;s first")
	john.get("/user/john/followers").shows(`/user/susan"`)
	john.get("/user/susan/following").shows(`/user/john"`)
	if n := s.user("john").FollowerCount; n != 1 {
		t.Errorf("john has %d followers", n)
	}

	susan.post("/unfollow/john").wants(303).leads("/user/john")
	susan.get("/user/john").shows("You are not following john.", `action="/follow/john"`)
	susan.post("/unfollow/john").wants(303)
	susan.get("/").hides("John&#39;s first")

	susan.post("/follow/susan").wants(303).leads("/user/susan")
	susan.get("/user/susan").shows("You cannot follow yourself!")
	susan.post("/unfollow/susan").wants(303)
	susan.get("/user/susan").shows("You cannot unfollow yourself!")
	susan.post("/follow/nobody").wants(404)
	susan.post("/unfollow/nobody").wants(404)
	susan.post("/follow/a%2Fb").wants(404)
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	const next = "another battery staple"
	for name, test := range map[string]struct {
		current, password, password2 string
		shows                        string // "" when it is changed
	}{
		"good":               {password, next, next, ""},
		"no current":         {"", next, next, `id="current_password-error">This field is required.`},
		"wrong current":      {"wrong", next, next, `id="current_password-error">This is not your current password.`},
		"short":              {password, "short", "short", `id="password-error">`},
		"passwords differ":   {password, next, next + "!", `id="password2-error">Field must be equal to password.`},
		"the email":          {password, "susan@example.org", "susan@example.org", `id="password-error">`},
		"everything missing": {"", "", "", `id="password-error">`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b := s.member("susan")
			a := b.post("/account", "current_password", test.current, "password", test.password, "password2", test.password2)
			valid := next
			if test.shows != "" {
				a.wants(422).shows(test.shows).hides(password, next, "wrong")
				valid = password
			} else {
				a.wants(303).leads("/account")
				b.get("/account").wants(200).shows("Your password has been changed")
			}
			s.browser().post("/login", "username", "susan", "password", valid).wants(303)
		})
	}
}
