package reproduce_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/reproduce"
)

// What is sent again is what was sent, but for what is told.
func TestReplay(t *testing.T) {
	notes := map[string]string{
		"json": "The request had a body of 12 bytes, which was not kept", "files": `The content of the file "empty.png" was not kept`,
		"secrets": "Masked when it was recorded, and left out: the header Authorization, the cookie session, the cookie theme.", "long": "The request was cut",
	}
	changed := map[string]string{
		"json": "the body", "files": `the content of the file a "b" ü.png, the content of the file empty.png`, "long": "what was cut off",
		"secrets": "the field password, the address, the header Authorization, the cookie session, the cookie theme",
	}
	for name, raw := range requests {
		t.Run(name, func(t *testing.T) {
			f, seen := fail(t, raw)
			var got description
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = describe(r)
				w.Header().Set("X-Answer", "yes")
				w.WriteHeader(http.StatusTeapot)
				if r.Method != http.MethodHead {
					_, _ = w.Write([]byte("short and stout"))
				}
			}))
			s.Config.DisableGeneralOptionsHandler = true
			s.Start()
			defer s.Close()
			res, err := reproduce.Replay(t.Context(), f, reproduce.ReplayOptions{Target: s.URL})
			if err != nil {
				t.Fatal(err)
			}
			body := "short and stout"
			if seen.Method == http.MethodHead {
				body = ""
			}
			if res.Status != http.StatusTeapot || res.Header.Get("X-Answer") != "yes" || string(res.Body) != body || res.Cut || res.Took <= 0 {
				t.Errorf("%+v", res)
			}
			if got, want := strings.Join(res.Changed, ", "), changed[name]; got != want {
				t.Errorf("changed are %q, want %q", got, want)
			}
			if want := notes[name]; !slices.ContainsFunc(res.Notes, func(n string) bool { return want != "" && strings.HasPrefix(n, want) }) && (want != "" || len(res.Notes) > 0) {
				t.Errorf("notes are %q, want %q", res.Notes, want)
			}

			want := expected(t, seen)
			for _, d := range []description{got, want} {
				for _, h := range []string{"Content-Length", "Sec-Fetch-Site"} {
					d.Header.Del(h)
				}
			}
			want.Proto = "HTTP/1.1"
			switch name {
			case "json":
				want.Body = 0
			case "secrets":
				want.Header.Del("Authorization")
				want.Header.Del("Cookie")
			case "long":
				want.Path = got.Path
			}
			compare(t, got, want)
		})
	}
}

func TestReplayOptions(t *testing.T) {
	f, _ := fail(t, requests["secrets"])
	g, _ := fail(t, requests["json"])
	var got description
	var cookies, site string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies, site = r.Header.Get("Cookie"), r.Header.Get("Sec-Fetch-Site")
		got = describe(r)
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		http.Redirect(w, r, "/elsewhere", http.StatusSeeOther)
	}))
	defer s.Close()

	res, err := reproduce.Replay(t.Context(), f, reproduce.ReplayOptions{Target: s.URL + "/ignored", Cookies: []*http.Cookie{{Name: "session", Value: "mine"}, {Name: "other", Value: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if res.Status != http.StatusSeeOther || got.Path != "/login" || cookies != "session=mine" || site != "same-origin" {
		t.Errorf("%d, asked for %s with the cookies %q from %q", res.Status, got.Path, cookies, site)
	}
	if !strings.Contains(strings.Join(res.Notes, " "), "the cookie theme.") || strings.Contains(strings.Join(res.Notes, " "), "cookie session") {
		t.Errorf("notes are %q", res.Notes)
	}

	res, err = reproduce.Replay(t.Context(), g, reproduce.ReplayOptions{Target: s.URL, Body: []byte(`{"a": 1}`), Client: s.Client()})
	if err != nil || got.Body != 8 || got.Header.Get("Content-Type") != "application/json" || len(res.Notes) > 0 {
		t.Errorf("%v: a body of %d, %+v", err, got.Body, res)
	}
}

// The application may be gone, break off, answer without end, or not at all.
func TestReplayTrouble(t *testing.T) {
	f := &fault.Failure{Request: &fault.Request{Method: "GET", URL: "/", Header: http.Header{"A": {"b"}}}}
	replay := func(ctx context.Context, handler http.HandlerFunc) (*reproduce.Result, error) {
		s := httptest.NewServer(handler)
		defer s.Close()
		return reproduce.Replay(ctx, f, reproduce.ReplayOptions{Target: s.URL})
	}
	t.Run("breaks off", func(t *testing.T) {
		res, err := replay(t.Context(), func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("begun"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		if err != nil || string(res.Body) != "begun" || !res.Cut || !res.Broke || len(res.Notes) != 1 {
			t.Errorf("%v, %+v", err, res)
		}
	})
	t.Run("very long", func(t *testing.T) {
		res, err := replay(t.Context(), func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(make([]byte, 2*reproduce.MaxBody))
		})
		if err != nil || len(res.Body) != reproduce.MaxBody || !res.Cut || res.Broke {
			t.Errorf("%v", err)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := replay(ctx, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("gone", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := reproduce.Replay(t.Context(), f, reproduce.ReplayOptions{Target: "http://" + l.Addr().String()}); err == nil {
			t.Error("no error")
		}
	})
	for _, target := range []string{"", "127.0.0.1:80", "file:///etc/passwd", "http://"} {
		if _, err := reproduce.Replay(t.Context(), f, reproduce.ReplayOptions{Target: target}); err == nil {
			t.Errorf("%q is no target", target)
		}
	}
}

// What was recorded cannot change where a request goes, or add lines to it.
func TestReplayForeign(t *testing.T) {
	hits := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		if r.Header.Get("Injected") != "" {
			t.Error("a header was injected")
		}
	}))
	defer s.Close()
	for _, u := range []string{"http://other.example.org/", "//other.example.org/x", "@other.example.org/", "", "x", "/a b\r\nInjected: 1", "/%zz", "https://x:y", "/… [cut, 4000 bytes]", "?x"} {
		f := &fault.Failure{Request: &fault.Request{Method: "GET", URL: u, Host: "a\r\nInjected: 1", Header: http.Header{"A": {"b\r\nInjected: 1"}, "C d": {"e"}}}}
		before := hits
		res, err := reproduce.Replay(t.Context(), f, reproduce.ReplayOptions{Target: s.URL})
		if err != nil || hits != before+1 {
			t.Errorf("%q: %v", u, err)
		} else if len(res.Notes) < 2 {
			t.Errorf("%q: notes are %q", u, res.Notes)
		}
	}
	f := &fault.Failure{Request: &fault.Request{Method: "GET /\r\nx", URL: "/", Header: http.Header{"A": {"b"}}}}
	if _, err := reproduce.Replay(t.Context(), f, reproduce.ReplayOptions{Target: s.URL}); err == nil {
		t.Error("a method that is none was sent")
	}
}
