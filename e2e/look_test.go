package e2e

import (
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// insertText types a text that no single key writes, such as an emoji.
var insertText = input.InsertText

type insertTextParams = input.InsertTextParams

// A gallery is a site with something on every page, for looking at all of them.
type gallery struct {
	server  *server
	susan   *client
	quiet   *client // has nothing and follows nobody
	patient *client // follows long
	long    *client // has the longest of everything
	post    string  // id of a post of susan's
}

func openGallery(t *testing.T) *gallery {
	t.Helper()
	s := start(t, options{args: []string{"--drill"}, settings: settings{"TRUSTED_PROXIES": "127.0.0.1"}})
	g := &gallery{server: s, susan: s.personNamed(t, "susan"), quiet: s.personNamed(t, "quiet"), patient: s.personNamed(t, "patient"),
		long: s.personNamed(t, strings.Repeat("W", 64))}
	john, mary := s.personNamed(t, "john"), s.personNamed(t, "Žofie")
	say := func(c *client, post string) { c.publish(post).want(303) }
	about := func(c *client, text string) {
		c.post("/edit_profile", form("username", c.name, "about_me", text)).want(303)
	}
	about(g.susan, "I keep hens, mend bicycles and read the weather. Not always in that order.")
	about(john, "Baker. Up at three, asleep at eight.")
	about(mary, "Fotím mlhu.")
	about(g.long, strings.Repeat("M", 140))
	for _, post := range []string{strings.Repeat("W", 140), strings.Repeat("https://example.com/", 7), strings.Repeat("\n|", 69)} {
		say(g.long, post)
	}
	say(g.susan, "The bicycle of the year: a 1962 Diamant, found behind a barn, one owner, no brakes.\nOffers welcome.")
	say(mary, "New lens, same fog: https://example.com/fog")
	say(john, "Flour day. If you see a white ghost, that is me.")
	say(g.susan, "Who else heard the geese last night?")
	say(mary, "Ráno bylo vidět na tři kroky. Krása.")
	say(g.susan, "Seven eggs before breakfast. A record for November!")
	say(john, "The rye came out of the oven two minutes ago. The whole street smells of it.")
	for _, c := range []*client{john, mary} {
		g.susan.post("/follow/"+url.PathEscape(c.name), nil).want(303)
		c.post("/follow/susan", nil).want(303)
	}
	g.patient.post("/follow/"+g.long.name, nil).want(303)
	g.long.post("/follow/patient", nil).want(303)
	g.post = postID(t, g.susan.get("/user/susan"))

	// As if they had written all day.
	db, err := sql.Open("sqlite", s.path("data", "microblog.db"))
	must(t, err)
	defer db.Close()
	_, err = db.Exec("UPDATE posts SET created_at = created_at - (1 + (SELECT max(id) FROM posts) - id) * 2300000000")
	must(t, err)
	return g
}

// A sight is a page to look at: where it is, who looks, and what status it has.
type sight struct {
	name   string
	path   string
	who    *client // nil: a stranger
	status int
	act    func(b *tab) int // what leads to the page from path; nil: nothing
}

func (g *gallery) sights() []sight {
	fill := func(form string, fields ...string) func(b *tab) int {
		return func(b *tab) int {
			for i := 0; i < len(fields); i += 2 {
				b.do(chromedp.SetValue(chromedp.ID(fields[i]), fields[i+1]))
			}
			return b.press("form[action='" + form + "'] button")
		}
	}
	return []sight{
		{"login", "/login", nil, 200, nil},
		{"register", "/register", nil, 200, nil},
		{"explore", "/explore", nil, 200, nil},
		{"profile-stranger", "/user/susan", nil, 200, nil},
		{"not-found", "/nothing/here", nil, 404, nil},
		{"failure", "/drill/panic", nil, 500, nil},
		{"unavailable", "/drill/status/503", nil, 503, nil},
		{"register-refused", "/register", nil, 422, fill("/register", "username", "susan", "email", "nonsense", "password", "x", "password2", "y")},
		{"login-refused", "/login", nil, 422, fill("/login", "username", "susan", "password", "wrong password")},
		{"logout-stranger", "/logout", nil, 200, nil},

		{"home", "/", g.susan, 200, nil},
		{"home-refused", "/", g.susan, 422, fill("/", "post", strings.Repeat("too long ", 20))},
		{"profile", "/user/susan", g.susan, 200, nil},
		{"profile-other", "/user/john", g.susan, 200, nil},
		{"profile-long", "/user/" + g.long.name, g.patient, 200, nil},
		{"home-long", "/", g.patient, 200, nil},
		{"followers-long", "/user/patient/followers", g.patient, 200, nil},
		{"followers", "/user/susan/followers", g.susan, 200, nil},
		{"following", "/user/susan/following", g.susan, 200, nil},
		{"post", "/post/" + g.post, g.susan, 200, nil},
		{"post-delete", "/post/" + g.post + "/delete", g.susan, 200, nil},
		{"edit-profile", "/edit_profile", g.susan, 200, nil},
		{"edit-profile-refused", "/edit_profile", g.susan, 422, fill("/edit_profile", "username", "john", "about_me", "What was typed is still here.")},
		{"account", "/account", g.susan, 200, nil},
		{"account-refused", "/account", g.susan, 422, fill("/account", "current_password", "x", "password", "y", "password2", "z")},
		{"logout", "/logout", g.susan, 200, nil},
		{"forbidden", "/post/1/delete", g.susan, 403, nil},
		{"failure-member", "/drill/error", g.susan, 500, nil},

		{"home-empty", "/", g.quiet, 200, nil},
		{"profile-empty", "/user/quiet", g.quiet, 200, nil},
		{"followers-empty", "/user/quiet/followers", g.quiet, 200, nil},
		{"following-empty", "/user/quiet/following", g.quiet, 200, nil},
	}
}

// looks are the ways in which every page is looked at.
var looks = []struct {
	name string
	look look
}{
	{"desktop", look{width: 1280, height: 900}},
	{"desktop-dark", look{width: 1280, height: 900, dark: true}},
	{"phone", look{width: 375, height: 812, phone: true}},
	{"phone-dark", look{width: 320, height: 640, phone: true, dark: true}},
}

// Every page at every width, light and dark: nothing to scroll sideways, nothing the browser
// complains of, a language, a title, one heading, labels, and colours that fit the scheme.
func TestLook(t *testing.T) {
	t.Parallel()
	g := openGallery(t)
	sights := map[*client][]sight{}
	for _, see := range g.sights() {
		sights[see.who] = append(sights[see.who], see)
	}
	for who, list := range sights {
		name := "stranger"
		if who != nil {
			name = who.name
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := g.server.tab(t, look{})
			b.walk(who, list, func(see sight) {
				for _, l := range looks {
					b.show(l.look)
					b.checkLook(see.name)
					b.picture(fmt.Sprintf("%s-%s", see.name, l.name))
				}
			})
		})
		t.Run(name+" without script", func(t *testing.T) {
			t.Parallel()
			b := g.server.tab(t, look{width: 375, height: 812, phone: true, noScript: true})
			b.walk(who, list, func(see sight) { b.checkLook(see.name) })
		})
	}
}

// walk goes from page to page, and lets each be judged.
func (b *tab) walk(who *client, list []sight, judge func(sight)) {
	b.t.Helper()
	if who != nil {
		b.login(who.name)
	}
	for _, see := range list {
		status := b.open(see.path)
		if see.act != nil {
			status = see.act(b)
		}
		if status != see.status {
			b.t.Errorf("%s: status %d, want %d", see.name, status, see.status)
		}
		judge(see)
	}
}

// findings are what a look at a page in the browser brings, by script.
type findings struct {
	Width, Inner        float64
	Wide                []string // what stands out to the right
	Back, Ink           string   // colours of the page
	Lang, Title         string
	H1                  int
	Unlabelled, Unnamed []string
	Small               []string // targets for fingers that are too small
	DuplicateIDs        []string
}

const findingsScript = `(() => {
	const all = [...document.querySelectorAll("body *")];
	const root = document.scrollingElement;
	const visible = e => e.checkVisibility() && !e.closest(".unseen, .skip");
	const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
	return {
		Width: root.scrollWidth, Inner: window.innerWidth,
		Wide: all.filter(e => visible(e) && e.getBoundingClientRect().right > root.clientWidth + 0.5).map(e => e.outerHTML.slice(0, 120)),
		Back: getComputedStyle(document.documentElement).backgroundColor, Ink: getComputedStyle(document.body).color,
		Lang: document.documentElement.lang, Title: document.title,
		H1: document.querySelectorAll("h1").length,
		Unlabelled: all.filter(e => e.matches("input:not([type=hidden]), textarea") && visible(e) && !e.labels.length && !e.ariaLabel).map(e => e.outerHTML),
		Unnamed: all.filter(e => e.matches("a, button") && !e.innerText.trim() && !e.ariaLabel).map(e => e.outerHTML),
		Small: all.filter(e => e.matches("button, .button, nav a, input:not([type=checkbox]):not([type=hidden]), textarea") && visible(e) && e.getBoundingClientRect().height < 24).map(e => e.outerHTML.slice(0, 120)),
		DuplicateIDs: ids.filter((id, i) => ids.indexOf(id) !== i),
	};
})()`

func (b *tab) checkLook(page string) {
	b.t.Helper()
	f := eval[findings](b, findingsScript)
	fail := func(format string, args ...any) {
		b.t.Helper()
		b.t.Errorf("%s at %d pixels: %s", page, b.look.width, fmt.Sprintf(format, args...))
	}
	if f.Width > float64(b.look.width) || f.Inner > float64(b.look.width) {
		fail("the page is %v pixels wide", f.Width)
	}
	if len(f.Wide) > 0 {
		fail("this stands out to the right: %q", f.Wide)
	}
	back, ink := luminance(b.t, f.Back), luminance(b.t, f.Ink)
	if b.look.dark != (back < 0.05) || b.look.dark != (ink > 0.5) {
		fail("background %s and text %s for dark=%v", f.Back, f.Ink, b.look.dark)
	}
	if ratio := (max(back, ink) + 0.05) / (min(back, ink) + 0.05); ratio < 7 {
		fail("the text has a contrast of %.1f", ratio)
	}
	if f.Lang != "en" || !strings.HasSuffix(f.Title, " · Microblog") || f.H1 != 1 {
		fail("language %q, title %q, %d main headings", f.Lang, f.Title, f.H1)
	}
	for what, list := range map[string][]string{"without a label": f.Unlabelled, "without a name": f.Unnamed, "too small for a finger": f.Small, "ids that are there twice": f.DuplicateIDs} {
		if len(list) > 0 {
			fail("%s: %q", what, list)
		}
	}
}
