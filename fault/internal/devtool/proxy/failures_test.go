package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/proxy"
)

var failureID = fault.ID{1, 2, 3, 4, 5, 6, 7, 8, 9}

func aFailure(message string) *overlay.Failure {
	return &overlay.Failure{Failure: &fault.Failure{
		ID: failureID, Kind: fault.KindPanic, Status: 500, Message: message, Request: &fault.Request{Method: "GET", URL: "/x?secret=1"},
	}}
}

// failing is an application whose requests fail in the way that the path says, and which waits until that is noted.
func failing(f *fixture) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get(devlink.RequestHeader)
		failure := aFailure("it failed")
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("X-Of-The-App", "kept")
		switch r.URL.Path {
		case "/reported":
			failure.Reported = true
			f.Failed(token, failure)
			fmt.Fprint(w, "<html><head></head>well")
			return
		case "/begun":
			fmt.Fprint(w, "<html><head></head><body><p>half")
			_ = http.NewResponseController(w).Flush()
			failure.Begun = true
			f.Failed(token, failure)
			panic(http.ErrAbortHandler)
		case "/long":
			f.Failed(token, failure)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.CopyN(w, zeros{}, 3<<20)
			return
		case "/other":
			f.Failed("somebody else's", failure)
		case "/well":
			fmt.Fprint(w, "well")
			return
		default:
			f.Failed(token, failure)
		}
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, "<html><head></head>An unexpected error has occurred")
	}
}

func TestFailureIsShown(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, nil)
	f.serve(failing(f))
	answer := "/.fault/failures/" + failureID.Full() + "/answer"
	shown := fmt.Sprintf("FAILURE it failed answer=%q generation=1 SOURCE", answer)
	for name, header := range map[string]map[string]string{"a page": navigation, "curl": nil, "a fetch": fetch} {
		res, body := f.get("/", header)
		if res.StatusCode != http.StatusBadGateway || body != shown || res.Header.Get("X-Of-The-App") != "kept" {
			t.Errorf("%s: %s %q", name, res.Status, body)
		}
	}
	if res, body := f.do("POST", "/", strings.NewReader("a=b"), nil); res.StatusCode != http.StatusBadGateway || body != shown {
		t.Errorf("%s %q", res.Status, body)
	}
	res, body := f.get(answer, nil)
	if res.StatusCode != http.StatusBadGateway || body != "<html><head></head>An unexpected error has occurred" ||
		!strings.HasPrefix(res.Header.Get("Content-Security-Policy"), "sandbox;") || res.Header.Get("X-Of-The-App") != "" {
		t.Errorf("%v %q", res, body)
	}
	for _, id := range []string{failureID.Full(), failureID.String(), strings.ToLower(failureID.Full())} {
		if res, body := f.get("/.fault/failures/"+id, nil); res.StatusCode != 200 || body != shown {
			t.Errorf("%s: %s %q", id, res.Status, body)
		}
	}
	for _, path := range []string{"/.fault/failures/", "/.fault/failures/x", "/.fault/failures/ZZZZ-ZZZZ", "/.fault/failures/ZZZZ-ZZZZ/answer", "/.fault/failures/" + failureID.Full() + "/more"} {
		if res, _ := f.get(path, nil); res.StatusCode != 404 && path != "/.fault/failures/" {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	// what is not shown in its place
	for name, test := range map[string]struct {
		path   string
		header map[string]string
		want   string
	}{
		"one that was only reported":  {"/reported", navigation, "well"},
		"one of another request":      {"/other", navigation, "An unexpected error"},
		"a visitor by another name":   {"/", map[string]string{"Host": "evil.example"}, "An unexpected error"},
		"a script of another site":    {"/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, "An unexpected error"},
		"a forged name":               {"/well", map[string]string{devlink.RequestHeader: "x"}, "well"},
		"no page loads after the end": {"/well", navigation, "well"},
	} {
		if _, body := f.get(test.path, test.header); !strings.Contains(body, test.want) || strings.Contains(body, "FAILURE") {
			t.Errorf("%s: %q", name, body)
		}
	}
	if res, body := f.get("/long", nil); res.StatusCode != 500 || body != "FAILURE it failed answer=\"\" generation=1 SOURCE" {
		t.Errorf("%s %q", res.Status, body)
	}
	for range 60 {
		f.Failed("", aFailure("again"))
	}
	f.Keep(aFailure("the end of a process"))
	f.Keep(nil)
	if res, body := f.get("/.fault/failures/"+failureID.Full(), nil); res.StatusCode != 200 || !strings.HasPrefix(body, "FAILURE the end of a process") {
		t.Errorf("%s %q", res.Status, body)
	}
	if _, body := f.get("/.fault/", nil); body != "OVERVIEW  generation=1 failures=50" {
		t.Error(body)
	}
}

// TestFailureOfABegunPage makes sure that the page is broken off as the application did, and says why.
func TestFailureOfABegunPage(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, nil)
	f.serve(failing(f))
	for name, host := range map[string]string{"developer": "localhost", "visitor": "evil.example"} {
		c := f.dial()
		c.say("GET /begun HTTP/1.1", "Host: "+host, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Sec-Fetch-Dest: document", "", "")
		rest := c.rest()
		if strings.HasSuffix(rest, "0\r\n\r\n") || !strings.Contains(rest, "<p>half") {
			t.Errorf("%s: the page seems whole: %q", name, rest)
		}
		tag := `<script src="/.fault/client.js?failure=` + failureID.Full() + `"></script>`
		if strings.Contains(rest, tag) != (name == "developer") {
			t.Errorf("%s: %q", name, rest)
		}
	}
}

// TestCrash lets the process end during a request.
func TestCrash(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"started again": true, "not started again": false} {
		crash := make(chan struct{})
		f := start(t, proxy.Options{}, nil)
		app := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(crash)
			<-r.Context().Done()
		})}
		l := listen(t)
		go func() { _ = app.Serve(l) }()
		b := proxy.NewBackend(l.Addr().String(), 1)
		f.Switch(b)
		p := &problem.Problem{Kind: problem.Crash, Title: "it crashed"}
		p.Identify()
		go func() {
			<-crash
			if running := b.UnderWay(); len(running) != 1 || running[0].URL.Path != "/" || !slices.Equal(running[0].Header["Cookie"], []string{"a=b"}) {
				t.Errorf("%s: %v are under way, without our cookies", name, running)
			}
			app.Close()
			f.Crashed(b, p, again)
		}()
		res, body := f.get("/", map[string]string{"Cookie": "fault-debugger-7000=x; a=b; " + proxy.AsideName + "=1"})
		if res.StatusCode != 503 || !strings.HasPrefix(body, "PROBLEM it crashed") {
			t.Errorf("%s: %s %q", name, res.Status, body)
		}
		waits := f.dial()
		waits.say("GET /next HTTP/1.1", "Host: localhost", "", "")
		if again {
			eventually(t, "the next request waits", func() bool { waiting, _, _ := f.State(); return waiting == 1 })
			next := proxy.NewBackend(application(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "alive") }), 2)
			t.Cleanup(next.Close)
			f.Switch(next)
			if _, body := waits.response("GET"); body != "alive" {
				t.Errorf("%s: %q", name, body)
			}
		} else if _, body := waits.response("GET"); !strings.HasPrefix(body, "PROBLEM it crashed") {
			t.Errorf("%s: %q", name, body)
		}
		b.Close()
	}
}

func TestProblem(t *testing.T) {
	t.Parallel()
	f := start(t, proxy.Options{}, app)
	post := func() string {
		_, body := f.do("POST", "/form", strings.NewReader("a=b"), navigation)
		return body
	}
	p := aProblem("mistake")
	f.SetProblem(p)
	if res, body := f.get("/a?b=c", navigation); res.StatusCode != 503 || !strings.HasPrefix(body, "PROBLEM mistake to=/a?b=c framed=false served=true") {
		t.Error(body)
	}
	if _, body := f.get("/a", map[string]string{"Accept": "text/html"}); !strings.HasPrefix(body, "PROBLEM") {
		t.Error("an old browser:", body)
	}
	for name, header := range map[string]map[string]string{"a fetch": fetch, "curl": {"Accept": "*/*"}, "a program": {"Accept": "application/json"}} {
		if _, body := f.get("/a", header); body != "APPLICATION /a" {
			t.Errorf("%s: %q", name, body)
		}
	}
	if body := post(); !strings.HasSuffix(body, "APPLICATION /form") {
		t.Error(body)
	}
	newest := *p
	newest.Newest = true
	f.SetProblem(&newest)
	if _, body := f.get("/a", navigation); !strings.HasSuffix(body, "APPLICATION /a") {
		t.Error("a problem of the newest version withholds it:", body)
	}
	f.SetProblem(p)
	f.Down()
	for name, header := range map[string]map[string]string{"a page": navigation, "a fetch": fetch, "curl": nil} {
		if _, body := f.get("/a", header); !strings.HasPrefix(body, "PROBLEM mistake to=/a framed=false served=false") {
			t.Errorf("%s: %q", name, body)
		}
	}
	if body := post(); !strings.HasPrefix(body, "PROBLEM") {
		t.Error(body)
	}
	f.SetProblem(nil)
	if _, body := f.get("/.fault/problem", nil); body != "no problem" {
		t.Error(body)
	}
	// a request that waits gets the problem when it comes
	c := f.dial()
	c.say("GET / HTTP/1.1", "Host: localhost", "", "")
	eventually(t, "it waits", func() bool { waiting, _, _ := f.State(); return waiting == 1 })
	f.SetProblem(p)
	if _, body := c.response("GET"); !strings.HasPrefix(body, "PROBLEM") {
		t.Error(body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.app.Drain(ctx); err != nil {
		t.Error(err)
	}
}
