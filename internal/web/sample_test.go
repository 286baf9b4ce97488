package web

import (
	"slices"
	"time"
)

// samplePages are pages as people meet them, for the tests and for looking at them.
func samplePages(now time.Time) map[string]any {
	susan, john := &Viewer{ID: 1, Username: "susan"}, &Viewer{ID: 2, Username: "john"}
	people := []Person{
		{ID: 1, Username: "susan", AboutMe: "Photographs of trains that no longer run. Lisbon, mostly.\nhttps://trains.example/susan"},
		{ID: 2, Username: "john", AboutMe: "Bread, bicycles, Bach."},
		{ID: 3, Username: "Ångström_λ", AboutMe: "Spectra & <small> things"},
		{ID: 4, Username: "דנה", AboutMe: "כותבת על ספרים ועל הים"},
		{ID: 5, Username: "a.very.long.username.that.goes.on.and.on.until.sixty.four.chars.x", AboutMe: ""},
	}
	bodies := []string{
		"The 6:40 to Porto still has the old green seats. I took it twice today, just for those.",
		"Three small joys:\n– the first coffee\n– a letter with a real stamp\n– a failing test that tells you why",
		"@susan The seats are gone since spring, see https://trains.example/news/2026/11/the-last-green-seats-of-the-line?page=2#comments (sorry!).",
		"אתמול ירד גשם כל הלילה, ובבוקר הים היה שקט לגמרי.",
		"Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsvorstandsmitgliederversammlungsprotokollführerin",
		"<b>Not bold</b> & \"not\" an <script>alert('entity')</script> &amp; so on 👩‍👩‍👧‍👦",
		"Yes.",
		"今日は長い散歩をした。川のそばの道は静かで、鳥の声だけが聞こえた。",
		"Whoever rides in the rain owns the city for an hour.",
		"Hello, world.",
	}
	ages := []time.Duration{20 * time.Second, 3 * time.Minute, 59 * time.Minute, 5 * time.Hour, 23 * time.Hour, 49 * time.Hour, 6 * 24 * time.Hour, 30 * 24 * time.Hour, 250 * 24 * time.Hour, 900 * 24 * time.Hour}
	var timeline, mine []PostItem
	for i, body := range bodies {
		post := PostItem{ID: int64(4210 - i), Author: people[i%len(people)], Body: body, CreatedAt: now.Add(-ages[i])}
		post.Own = post.Author.ID == susan.ID
		timeline = append(timeline, post)
		post.Author, post.Own = people[0], true
		mine = append(mine, post)
	}
	theirs := slices.Clone(mine)
	everybodys := slices.Clone(timeline)
	for i := range bodies {
		theirs[i].Own, everybodys[i].Own = false, false
	}
	pager := Pager{Newer: "/explore?after=4300", Older: "/explore?before=4201"}
	long := Field{Value: "Today I wanted to tell everybody about the thing with the trains, but it got a little longer than I thought, and now I do not know what to leave out, really.", Error: "A post has at most 140 characters; this one has 156."}

	return map[string]any{
		"home":       &HomePage{Layout: Layout{Title: "Home", Viewer: susan, Path: "/"}, Form: PostForm{Once: "c2FtcGxl"}, Posts: timeline, Pager: Pager{Older: "/?before=4201"}, Following: 12},
		"home-wrong": &HomePage{Layout: Layout{Title: "Home", Viewer: susan, Path: "/"}, Form: PostForm{Post: long, Once: "c2FtcGxl"}, Posts: timeline[:2], Following: 12},
		"home-empty": &HomePage{Layout: Layout{Title: "Home", Viewer: susan, Path: "/index", Notices: []Notice{{Kind: "good", Text: "Congratulations, you are now a registered user!"}}}, Form: PostForm{Once: "c2FtcGxl"}},
		"home-quiet": HomePage{Layout: Layout{Title: "Home", Viewer: susan, Path: "/"}, Following: 2},

		"explore":            &ExplorePage{Layout: Layout{Title: "Explore", Path: "/explore"}, Posts: everybodys, Pager: pager},
		"explore-empty":      &ExplorePage{Layout: Layout{Title: "Explore", Path: "/explore"}},
		"explore-beyond":     &ExplorePage{Layout: Layout{Title: "Explore", Path: "/explore"}, Pager: Pager{Newest: "/explore"}},
		"explore-empty-self": &ExplorePage{Layout: Layout{Title: "Explore", Path: "/explore", Viewer: susan}},

		"profile-self":     &ProfilePage{Layout: Layout{Title: "susan", Viewer: susan, Path: "/user/susan", Notices: []Notice{{Kind: "good", Text: "Your changes have been saved."}}}, Person: people[0], JoinedAt: now.AddDate(-1, -2, 0), LastSeen: now, PostCount: 1204, Followers: 17, Following: 1, Self: true, Posts: mine, Pager: Pager{Older: "/user/susan?before=4201"}},
		"profile-follow":   &ProfilePage{Layout: Layout{Title: "susan", Viewer: john, Path: "/user/susan"}, Person: people[0], JoinedAt: now.AddDate(-1, -2, 0), LastSeen: now.Add(-3 * time.Minute), PostCount: 10, Followers: 17, Following: 200, Posts: theirs},
		"profile-unfollow": &ProfilePage{Layout: Layout{Title: "דנה", Viewer: john, Path: "/user/דנה"}, Person: people[3], JoinedAt: now.AddDate(0, -2, 0), LastSeen: now.Add(-30 * time.Hour), PostCount: 1, Followers: 1, Follows: true, Posts: timeline[3:4]},
		"profile-stranger": &ProfilePage{Layout: Layout{Title: people[4].Username, Path: "/user/" + people[4].Username}, Person: people[4], JoinedAt: now.AddDate(0, 0, -1)},
		"profile-new":      &ProfilePage{Layout: Layout{Title: "susan", Viewer: susan, Path: "/user/susan"}, Person: people[0], JoinedAt: now, LastSeen: now, Self: true},

		"followers":       &PeoplePage{Layout: Layout{Title: "Followers of susan", Viewer: john, Path: "/user/susan/followers"}, Person: people[0], Kind: "followers", People: people[1:], Pager: Pager{Older: "/user/susan/followers?before=3"}},
		"following-empty": &PeoplePage{Layout: Layout{Title: "People susan follows", Viewer: susan, Path: "/user/susan/following"}, Person: people[0], Kind: "following"},
		"followers-empty": &PeoplePage{Layout: Layout{Title: "Followers of susan"}, Person: people[0], Kind: "followers"},

		"post":        &PostPage{Layout: Layout{Title: "Post by susan", Viewer: susan, Path: "/post/4210"}, Post: mine[0]},
		"post-other":  &PostPage{Layout: Layout{Title: "Post by Ångström_λ", Path: "/post/4208"}, Post: timeline[2]},
		"delete-post": &DeletePostPage{Layout: Layout{Title: "Delete this post?", Viewer: susan, Path: "/post/4209/delete"}, Post: mine[1]},

		"login":       &LoginPage{Layout: Layout{Title: "Log in", Path: "/login"}},
		"login-wrong": &LoginPage{Layout: Layout{Title: "Log in", Path: "/login", Next: "/user/susan?x=1&y=2"}, Username: Field{Value: `su"san`}, RememberMe: true, FormError: "Invalid username or password"},
		"login-blank": &LoginPage{Layout: Layout{Title: "Log in", Path: "/login", Notices: []Notice{{Kind: "info", Text: "Please log in to access this page."}}}, Username: Field{Error: "This field is required."}, Password: Field{Error: "This field is required."}},

		"register":       &RegisterPage{Layout: Layout{Title: "Register", Path: "/register"}},
		"register-wrong": &RegisterPage{Layout: Layout{Title: "Register", Path: "/register"}, Username: Field{"susan", "Please use a different username."}, Email: Field{"susan@", "Invalid email address."}, Password: Field{"", "Use at least 8 characters."}, Password2: Field{"", "This must equal the password."}, FormError: "You were not registered."},

		"edit-profile":       &EditProfilePage{Layout: Layout{Title: "Edit profile", Viewer: susan, Path: "/edit_profile"}, Username: Field{Value: "susan"}, AboutMe: Field{Value: people[0].AboutMe}},
		"edit-profile-wrong": &EditProfilePage{Layout: Layout{Title: "Edit profile", Viewer: susan, Path: "/edit_profile"}, Username: Field{"john", "Please use a different username."}, AboutMe: Field{"\n  <x>", "Too long."}},
		"account":            &AccountPage{Layout: Layout{Title: "Password and sessions", Viewer: susan, Path: "/account"}, Email: "susan@example.org"},
		"account-wrong":      &AccountPage{Layout: Layout{Title: "Password and sessions", Viewer: susan, Path: "/account"}, Email: "susan@example.org", FormError: "The password was not changed.", Current: Field{"", "This is not your password."}, Password: Field{"", "Use at least 8 characters."}, Password2: Field{"", "This must equal the new password."}},
		"logout":             &LogoutPage{Layout: Layout{Title: "Log out?", Viewer: susan, Path: "/logout"}},

		"drill": &DrillPage{Layout: Layout{Title: "Drill", Path: "/drill"}, Kinds: []DrillKind{{Path: "panic", Does: "The handler panics."}}},

		"frame": &FramePage{Layout: Layout{Title: "Incidents", Viewer: &Viewer{ID: 1, Username: "susan", Admin: true, Desk: true}, Path: "/admin/incidents/status", Stylesheet: "/admin/incidents/desk.0123456789abcdef.css"}, Body: "<h1>Incidents</h1><p>None.</p>"},

		"error-404": &ErrorPage{Layout: Layout{Title: "File Not Found", Viewer: susan}, Status: 404, Heading: "File Not Found", Message: "There is no person called “joan” here.", Help: "It may have been deleted or renamed."},
		"error-500": &ErrorPage{Layout: Layout{Title: "An unexpected error has occurred"}, Status: 500, Heading: "An unexpected error has occurred", ID: "7F3K-92QD", Notified: true, Help: "It is not your fault."},
		"error-503": &ErrorPage{Layout: Layout{Title: "Not available"}, Status: 503, Heading: "Microblog is not available right now", RetryAfter: 2 * time.Minute, Wait: "2 minutes"},
	}
}
