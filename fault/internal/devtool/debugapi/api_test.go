package debugapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

func TestFailure(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	f := newFailure("index out of range [3] with length 2")
	at := s.Add(f)
	if want := s.URL() + "/failures/" + f.ID.Full(); at != want {
		t.Errorf("it is at %s, want %s", at, want)
	}
	c := login(t, s)
	list := c.get("/failures")
	first := list.json["failures"].([]any)[0].(map[string]any)
	for name, want := range map[string]any{
		"id": f.ID.Full(), "short": f.ID.String(), "state": "idle", "title": "GET /user/susan: index out of range [3] with length 2",
		"where": "web/user.go:42", "generation": 3.0, "kind": "panic", "pinned": false,
	} {
		if first[name] != want {
			t.Errorf("%s is %v in the list, want %v", name, first[name], want)
		}
	}
	if a := c.get("/failures/" + f.ID.Full() + "?attach=no"); a.json["state"] != "idle" {
		t.Errorf("looking attached: %v", a.json["state"])
	}
	a := c.ready(f.ID.String())
	var got []string
	for _, f := range frames(a) {
		vars := f["variables"].(map[string]any)
		got = append(got, fmt.Sprintf("%v %v %v stands %v %v app %v source %v", f["frame"], f["name"], f["short"], f["stands"], vars["state"], f["app"], f["source"] != nil))
	}
	want := []string{
		"4 runtime.panicIndex runtime/panic.go stands <nil> ready app false source true",
		"0 web.user web/user.go stands <nil> ready app true source true",
		"1 http.HandlerFunc.ServeHTTP net/http/server.go stands <nil> failed app false source false",
		"2 web.vanished web/gone.go stands <nil> none app true source false",
		"3 web.(*Middleware).ServeHTTP web/mw.go stands 9 ready app true source false",
		"5 runtime.goexit runtime/asm.s stands <nil> ready app false source true",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("frames:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	vars := frames(a)[1]["variables"].(map[string]any)
	arguments, locals := vars["arguments"].([]any), vars["locals"].([]any)
	if len(arguments) != 1 || len(locals) != 3 {
		t.Fatalf("%v", vars)
	}
	if l := locals[2].(map[string]any); l["unreadable"] != "It was optimized away." {
		t.Errorf("%v", l)
	}
	if e := frames(a)[2]["variables"].(map[string]any)["error"]; e != "The variables of this frame could not be read: this frame is broken." {
		t.Errorf("%v", e)
	}

	ref := arguments[0].(map[string]any)["ref"].(string)
	children := c.get("/failures/" + f.ID.Full() + "/variables/" + ref + "?start=240&count=50")
	if list := children.json["variables"].([]any); len(list) != 10 || children.json["total"] != 250.0 || list[0].(map[string]any)["value"] != "57600" {
		t.Errorf("%s", children.body)
	}
	one := c.get("/failures/" + f.ID.Full() + "/frames/3/variables")
	if one.json["state"] != "ready" || one.json["locals"].([]any)[1].(map[string]any)["value"] != "13" {
		t.Errorf("%s", one.body)
	}
	var goroutines []string
	for _, g := range c.get("/failures/" + f.ID.Full() + "/goroutines").json["goroutines"].([]any) {
		g := g.(map[string]any)
		goroutines = append(goroutines, fmt.Sprint(g["id"], " ", g["request"]))
	}
	if got := strings.Join(goroutines, ", "); got != "34 true, 9 true, 7 <nil>, 1 <nil>" {
		t.Errorf("goroutines in the order %s", got)
	}
	if v, ok := a.json["variables"].(map[string]any); !ok || v["ready"] != 4.0 || v["failed"] != 1.0 || v["of"] != 5.0 {
		t.Errorf("the variables are at %v", a.json["variables"])
	}
	if a.json["stack_of"] != "panic" || a.json["copy_of"] != "panic" {
		t.Errorf("the stack is of %v, the copy's of %v", a.json["stack_of"], a.json["copy_of"])
	}
	if a := c.get("/failures/" + f.ID.Full() + "/frames/2/variables"); a.status != 409 || a.code() != "unavailable" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	f := newFailure("it failed")
	s.Add(f)
	c := login(t, s)
	base := "/failures/" + f.ID.Full()
	for name, test := range map[string]struct {
		path, body string
		status     int
		want       string // of the body
	}{
		"an expression":     {"/evaluate", `{"frame":3,"expression":"  user.Name "}`, 200, `"13: user.Name"`},
		"of a frame below":  {"/evaluate", `{"frame":5,"expression":"x"}`, 200, `"14: x"`},
		"no such frame":     {"/evaluate", `{"frame":17,"expression":"x"}`, 404, `"frame"`},
		"negative":          {"/evaluate", `{"frame":-1,"expression":"x"}`, 404, `"frame"`},
		"not in the copy":   {"/evaluate", `{"frame":2,"expression":"x"}`, 409, `"unavailable"`},
		"nonsense":          {"/evaluate", `{"frame":0,"expression":"nonsense"}`, 422, `there is no nonsense in this frame.`},
		"needs a call":      {"/evaluate", `{"frame":0,"expression":"f()"}`, 422, `"code": "call"`},
		"unfinished":        {"/evaluate", `{"frame":0,"expression":"user."}`, 422, `"code": "unfinished"`},
		"try it":            {"/evaluate", `{"frame":0,"expression":"user","try":true}`, 200, `"11: user"`},
		"try unfinished":    {"/evaluate", `{"frame":0,"expression":"user.","try":true}`, 200, `"code": "unfinished"`},
		"try nonsense":      {"/evaluate", `{"frame":0,"expression":"nonsense","try":true}`, 200, `"code": "expression"`},
		"try a call":        {"/evaluate", `{"frame":0,"expression":"f()","try":true}`, 200, `"code": "call"`},
		"try what is slow":  {"/evaluate", `{"frame":0,"expression":"slow","try":true}`, 200, `"code": "time"`},
		"slow":              {"/evaluate", `{"frame":0,"expression":"slow"}`, 504, `"code": "time"`},
		"try by a call":     {"/evaluate", `{"frame":0,"expression":"f()","call":true,"try":true}`, 400, `exclude one another`},
		"try no frame":      {"/evaluate", `{"frame":17,"expression":"x","try":true}`, 404, `"frame"`},
		"try what is not":   {"/evaluate", `{"frame":2,"expression":"x","try":true}`, 409, `"unavailable"`},
		"no frame":          {"/evaluate", `{"expression":"x"}`, 400, `\"frame\" is missing`},
		"empty":             {"/evaluate", `{"frame":0,"expression":" "}`, 400, `is empty`},
		"long":              {"/evaluate", `{"frame":0,"expression":"` + strings.Repeat("x", 5000) + `"}`, 413, `4096`},
		"huge":              {"/evaluate", `{"frame":0,"expression":"` + strings.Repeat("x", 70000) + `"}`, 413, `65536`},
		"unknown member":    {"/evaluate", `{"frame":0,"expression":"x","calls":true}`, 400, `unknown field`},
		"two objects":       {"/evaluate", `{"frame":0,"expression":"x"}{}`, 400, `behind the object`},
		"no object":         {"/evaluate", `nonsense`, 400, `not what is expected`},
		"nothing":           {"/evaluate", ``, 400, `is empty`},
		"call is a text":    {"/evaluate", `{"frame":0,"expression":"f()","call":"true"}`, 400, `cannot unmarshal`},
		"complete":          {"/complete", `{"frame":0,"text":"𝄞.Na"}`, 200, `"from": 3`},
		"complete at":       {"/complete", `{"frame":0,"text":"a.b.c","offset":3}`, 200, `"from": 2`},
		"complete outside":  {"/complete", `{"frame":0,"text":"abc","offset":4}`, 400, `offset`},
		"complete negative": {"/complete", `{"frame":0,"text":"abc","offset":-1}`, 400, `offset`},
		"complete within":   {"/complete", `{"frame":0,"text":"𝄞","offset":1}`, 400, `offset`},
	} {
		t.Run(name, func(t *testing.T) {
			c := &caller{t: t, url: c.url, token: c.token}
			a := c.post(base+test.path, test.body)
			if a.status != test.status || !strings.Contains(string(a.body), test.want) {
				t.Errorf("%d %s, want %d with %s", a.status, a.body, test.status, test.want)
			}
		})
	}
	for path, want := range map[string]int{
		"/variables/0.17": 200, "/variables/7.17": 410, "/variables/0.18": 422, "/variables/17": 400, "/variables/0.0": 400, "/variables/0.-1": 400,
		"/variables/0.17?start=-1": 400, "/variables/0.17?count=0": 400, "/variables/0.17?count=1001": 400, "/variables/0.17?count=x": 400, "/variables/0.17?start=1&start=2": 400,
		"/frames/x/variables": 400, "/frames/99/variables": 404, "/nothing": 404, "/frames/0": 404, "/variables": 404,
	} {
		if a := c.get(base + path); a.status != want {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.body, want)
		}
	}
}

func TestCallsChangeValues(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	f := newFailure("it failed")
	s.Add(f)
	c := login(t, s)
	calls := func(a answer) any {
		return frames(a)[1]["variables"].(map[string]any)["locals"].([]any)[0].(map[string]any)["value"]
	}
	before := c.ready(f.ID.Full())
	if calls(before) != "0" || before.json["calls"] != 0.0 {
		t.Fatalf("%s", before.body)
	}
	a := c.post("/failures/"+f.ID.Full()+"/evaluate", `{"frame":0,"expression":"f()","call":true}`)
	if a.status != 200 || a.json["called"] != true {
		t.Fatalf("%d %s", a.status, a.body)
	}
	result := a.json["result"].(map[string]any)
	after := c.ready(f.ID.Full())
	if calls(after) != "1" || after.json["calls"] != 1.0 {
		t.Errorf("the variables are those from before the call: %s", after.body)
	}
	if a := c.get("/failures/" + f.ID.Full() + "/variables/" + result["ref"].(string)); a.status != 200 {
		t.Errorf("the result cannot be looked into: %s", a.body)
	}
}

// TestDebuggersAreBounded looks at more failures than may have a debugger, several times each and all at once.
func TestDebuggersAreBounded(t *testing.T) {
	t.Parallel()
	s, engine := newServer(t, func(o *debugapi.Options) { o.Attached = 2 })
	c := login(t, s)
	var ids []string
	for range 5 {
		f := newFailure("it failed")
		s.Add(f)
		ids = append(ids, f.ID.Full())
	}
	first := c.ready(ids[0])
	for _, id := range ids[1:3] {
		c.ready(id)
	}
	if a := c.get("/failures/" + ids[0] + "?attach=no"); a.json["state"] != "idle" {
		t.Errorf("the one that was looked at first is %v", a.json["state"])
	}
	again := c.ready(ids[0])
	if len(frames(first)) != len(frames(again)) {
		t.Error("there are other frames the second time")
	}
	for i, f := range frames(again) {
		if before := frames(first)[i]; f["frame"] != before["frame"] || f["function"] != before["function"] {
			t.Errorf("frame %v is %v, was %v", f["frame"], f["function"], before["function"])
		}
	}
	ref := func(a answer) string {
		return frames(a)[1]["variables"].(map[string]any)["arguments"].([]any)[0].(map[string]any)["ref"].(string)
	}
	if a := c.get("/failures/" + ids[0] + "/variables/" + ref(first)); a.status != http.StatusGone || a.code() != "stale" {
		t.Errorf("a reference from before: %d %s", a.status, a.body)
	}
	if a := c.get("/failures/" + ids[0] + "/variables/" + ref(again)); a.status != 200 {
		t.Errorf("a reference: %d %s", a.status, a.body)
	}
	var work sync.WaitGroup
	for _, id := range ids {
		for range 3 {
			work.Go(func() {
				a := c.post("/failures/"+id+"/evaluate", `{"frame":0,"expression":"x"}`)
				if a.status != 200 && a.code() != "attaching" {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
	}
	work.Wait()
	if _, _, most := engine.counts(); most > 2 {
		t.Errorf("there were %d debuggers at a time", most)
	}
	if n := c.get("/failures").json["attached"]; n.(float64) > 2 {
		t.Errorf("%v are attached", n)
	}
}

func TestAttachProgressAndFailure(t *testing.T) {
	t.Parallel()
	s, engine := newServer(t, nil)
	engine.hold = make(chan struct{})
	engine.fail = &debugapi.UnavailableError{Text: "Processes may not be traced here", Fix: "Set ptrace_scope to 0 or 1."}
	f := newFailure("it failed")
	s.Add(f)
	c := login(t, s)
	a := c.until(f.ID.Full(), "progress", func(a answer) bool { return a.json["progress"] == "Building Delve" })
	if a.json["state"] != "attaching" {
		t.Errorf("%v", a.json["state"])
	}
	close(engine.hold)
	a = c.until(f.ID.Full(), "the failure of it", func(a answer) bool { return a.json["state"] == "unavailable" })
	if a.json["error"] != "Processes may not be traced here." || a.json["fix"] != "Set ptrace_scope to 0 or 1." {
		t.Errorf("%s", a.body)
	}
	if len(frames(a)) != 4 {
		t.Errorf("there are %d frames", len(frames(a)))
	}
	e := c.post("/failures/"+f.ID.Full()+"/evaluate", `{"frame":0,"expression":"x"}`)
	if e.status != 409 || e.code() != "unavailable" || e.json["fix"] != "Set ptrace_scope to 0 or 1." {
		t.Errorf("%d %s", e.status, e.body)
	}
	engine.mu.Lock()
	engine.fail = nil
	engine.mu.Unlock()
	if a := c.post("/failures/"+f.ID.Full()+"/attach", `{}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	c.ready(f.ID.Full())
	engine.last(t).die()
	a = c.until(f.ID.Full(), "its end", func(a answer) bool { return a.json["state"] == "unavailable" })
	if a.json["error"] != "The debugger of this failure has ended by itself." {
		t.Errorf("%s", a.body)
	}
	for _, f := range frames(a) {
		if v := f["variables"].(map[string]any); v["state"] != "none" {
			t.Errorf("variables are left: %v", v)
		}
	}
}

func TestNoCopy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*debugapi.Options)
		with   func(*debugapi.Failure)
		want   string
	}{
		"none, and nobody knows why": {nil, func(f *debugapi.Failure) { f.Copy = debugapi.Copy{} }, "No copy of the process was frozen"},
		"none": {nil, func(f *debugapi.Failure) {
			f.Copy, f.Why = debugapi.Copy{}, &debugapi.UnavailableError{Text: "Not on this system."}
		}, "Not on this system."},
		"no debugger":         {func(o *debugapi.Options) { o.Engine = nil }, nil, "No copy of the process was frozen"},
		"no child of ours":    {nil, func(f *debugapi.Failure) { f.Copy = debugapi.Copy{PID: 1} }, "The frozen copy of the process has ended"},
		"no child of ours, 2": {nil, func(f *debugapi.Failure) { f.Copy = debugapi.Copy{PID: 1 << 30} }, "The frozen copy of the process has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newServer(t, test.change)
			f := newFailure("it failed")
			if test.with != nil {
				test.with(&f)
			}
			s.Add(f)
			c := login(t, s)
			for range 2 {
				a := c.get("/failures/" + f.ID.Full())
				if got, _ := a.json["error"].(string); a.json["state"] != "unavailable" || !strings.HasPrefix(got, test.want) || len(frames(a)) != 4 {
					t.Errorf("%s", a.body)
				}
				if a := c.post("/failures/"+f.ID.Full()+"/attach", `{}`); a.json["state"] != "unavailable" {
					t.Errorf("%s", a.body)
				}
			}
		})
	}
}

func TestPinAndDrop(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, func(o *debugapi.Options) { o.Keep = 3 })
	c := login(t, s)
	var mu sync.Mutex
	released := map[string]int{}
	add := func() string {
		f := newFailure("it failed")
		id := f.ID.Full()
		f.Copy.Release = func() {
			mu.Lock()
			defer mu.Unlock()
			released[id]++
		}
		s.Add(f)
		return id
	}
	kept := func() string {
		var all []string
		for _, f := range c.get("/failures").json["failures"].([]any) {
			all = append(all, f.(map[string]any)["id"].(string))
		}
		return strings.Join(all, " ")
	}
	a, b := add(), add()
	c.ready(a)
	if r := c.post("/failures/"+a+"/pin", "{}"); r.status != 200 || r.json["pinned"] != true {
		t.Fatalf("%d %s", r.status, r.body)
	}
	d, e := add(), add()
	if want := e + " " + d + " " + a; kept() != want {
		t.Errorf("kept: %s, want %s", kept(), want)
	}
	if r := c.get("/failures/" + b); r.status != 404 || r.code() != "failure" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := c.post("/failures/"+d+"/pin", "{}"); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := c.post("/failures/"+e+"/pin", "{}"); r.status != 409 || r.code() != "pins" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := c.post("/failures/"+d+"/pin", "{}"); r.status != 200 {
		t.Errorf("pinned twice: %d %s", r.status, r.body)
	}
	g := add()
	if want := g + " " + d + " " + a; kept() != want {
		t.Errorf("kept: %s, want %s", kept(), want)
	}
	if r := c.post("/failures/"+a+"/drop", "{}"); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := c.post("/failures/"+d+"/unpin", "{}"); r.status != 200 || r.json["pinned"] != false {
		t.Errorf("%d %s", r.status, r.body)
	}
	if want := g + " " + d; kept() != want {
		t.Errorf("kept: %s, want %s", kept(), want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, id := range []string{a, b, d, e, g} {
		if released[id] != 1 {
			t.Errorf("the copy of %s was released %d times", id, released[id])
		}
	}
	late := newFailure("too late")
	late.Copy.Release = func() { released["late"]++ }
	if s.Add(late); released["late"] != 1 {
		t.Error("a copy that came too late was not released")
	}
}

// TestWaiting has requests wait for what is new, and for what never comes.
func TestWaiting(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	c := login(t, s)
	list := c.get("/failures")
	got := make(chan answer)
	go func() { got <- c.get(fmt.Sprintf("/failures?after=%v", list.json["revision"])) }()
	f := newFailure("it failed")
	s.Add(f)
	if a := <-got; len(a.json["failures"].([]any)) != 1 {
		t.Errorf("%s", a.body)
	}
	one := c.get("/failures/" + f.ID.Full() + "?attach=no")
	go func() { got <- c.get(fmt.Sprintf("/failures/%s?after=%v", f.ID.Full(), one.json["revision"])) }()
	c.post("/failures/"+f.ID.Full()+"/drop", "{}")
	if a := <-got; a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
	short, _ := newServer(t, func(o *debugapi.Options) { o.Wait = time.Millisecond })
	c = login(t, short)
	if a := c.get("/failures?after=1000"); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, after := range []string{"x", "-1", "", "99999999999999999999"} {
		if a := c.get("/failures?after=" + after); a.status != 400 {
			t.Errorf("after=%s: %d %s", after, a.status, a.body)
		}
	}
}

// TestHungExpression ends the server while an expression is evaluated.
func TestHungExpression(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	f := newFailure("it failed")
	s.Add(f)
	c := login(t, s)
	c.ready(f.ID.Full())
	started := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		r, err := http.NewRequest("POST", c.url+"/failures/"+f.ID.Full()+"/evaluate", strings.NewReader(`{"frame":0,"expression":"sleep()","call":true}`))
		if err != nil {
			done <- err
			return
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("Content-Type", "application/json")
		close(started)
		_, err = http.DefaultClient.Do(r)
		done <- err
	}()
	<-started
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-done // with whatever
}

func TestTools(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, func(o *debugapi.Options) {
		o.Tools = debugapi.Tools{
			Explain: func(f *overlay.Failure, call int, lookup func(string) (string, bool)) []debugapi.Explanation {
				if lookup == nil {
					return []debugapi.Explanation{{Title: "Index out of range"}}
				}
				value, ok := lookup("users[0]")
				_, called := lookup("danger()")
				return []debugapi.Explanation{{Title: "Index out of range", Text: fmt.Sprintf("%d %s %t %t", call, value, ok, called)}}
			},
			Markdown: func(f *overlay.Failure) (string, error) { return "# " + f.Message, nil },
			Test:     func(*overlay.Failure) (string, error) { return "", errors.New("its body was not kept") },
			Replay: func(_ context.Context, f *overlay.Failure, cookies []*http.Cookie) (debugapi.Replayed, error) {
				return debugapi.Replayed{Status: 204, Generation: 5, Body: []byte("b\xff"), Notes: []string{"n"}, Changed: []string{"the cookie session"}, Broke: true}, nil
			},
		}
	})
	f := newFailure("it failed")
	s.Add(f)
	c := login(t, s)
	base := "/failures/" + f.ID.Full()
	if page := c.do("GET", base, "", http.Header{"Accept": {"text/html"}, "Authorization": nil}); !strings.Contains(string(page.body), "<h2>Index out of range</h2>") {
		t.Errorf("the page explains nothing before it is unlocked: %s", page.body)
	}
	if a := c.get(base + "?attach=no"); !strings.Contains(string(a.body), `"title": "Index out of range"`) {
		t.Errorf("%s", a.body)
	}
	c.until(f.ID.Full(), "the explanation", func(a answer) bool {
		return strings.Contains(string(a.body), `"text": "0 11: users[0] true false"`)
	})
	for path, want := range map[string]string{
		"/markdown": "# it failed\n", "/curl": "curl -i", "/text": "GET /user/susan?x=1",
	} {
		a := c.get(base + path)
		if a.status != 200 || !strings.Contains(string(a.body), want) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
		}
	}
	if a := c.get(base + "/test"); a.status != 409 || a.json["error"] != "its body was not kept." {
		t.Errorf("%d %s", a.status, a.body)
	}
	a := c.post(base+"/replay", `{}`)
	after, _ := a.json["after"].(map[string]any)
	if a.status != 200 || after["status"] != 204.0 || after["body"] != "b\uFFFD" || after["broke"] != true || !reflect.DeepEqual(after["changed"], []any{"the cookie session"}) || a.json["before"].(map[string]any)["status"] != 500.0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	none, _ := newServer(t, nil)
	none.Add(f)
	c = login(t, none)
	for _, path := range []string{"/markdown", "/test"} {
		if a := c.get(base + path); a.status != 501 || a.code() != "unsupported" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := c.post(base+"/replay", `{}`); a.status != 501 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options debugapi.Options
		want    string
	}{
		"no port":        {debugapi.Options{Listen: "127.0.0.1"}, "HOST:PORT"},
		"everywhere":     {debugapi.Options{Listen: ":0"}, "other machines could reach the debugger"},
		"another":        {debugapi.Options{Listen: "192.0.2.1:0"}, "other machines could reach the debugger"},
		"no application": {debugapi.Options{App: "127.0.0.1:5000"}, "not of the form"},
		"short PIN":      {debugapi.Options{PIN: "1234"}, "nine digits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := debugapi.New(test.options)
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want one about %q", err, test.want)
			}
		})
	}
	pins := map[string]bool{}
	for range 3 {
		s, err := debugapi.New(debugapi.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		pins[s.PIN()] = true
		if p := s.PIN(); len(p) != 11 || p[3] != '-' || p[7] != '-' {
			t.Errorf("the PIN %q", p)
		}
	}
	if len(pins) != 3 {
		t.Errorf("PINs: %v", pins)
	}
}

// TestSameFailureTwice: a failure is reported, and then becomes the answer to its request.
func TestSameFailureTwice(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	c := login(t, s)
	var mu sync.Mutex
	released := []string{}
	copied := func(name string, pid int) debugapi.Copy {
		return debugapi.Copy{PID: pid, Release: func() {
			mu.Lock()
			defer mu.Unlock()
			released = append(released, name)
		}}
	}
	f := newFailure("it failed")
	id := f.ID.Full()
	f.Copy = debugapi.Copy{}
	s.Add(f)
	if a := c.get("/failures/" + id); a.json["state"] != "unavailable" {
		t.Errorf("%v", a.json["state"])
	}
	again := f
	shown, failure := *f.Failure, *f.Failure.Failure
	failure.Status = 503
	shown.Failure, again.Failure = &failure, &shown
	again.Copy = copied("first", 1)
	s.Add(again)
	a := c.ready(id)
	if status := a.json["failure"].(map[string]any)["status"]; status != 503.0 {
		t.Errorf("the status is %v", status)
	}
	again.Copy = copied("second", 2)
	s.Add(again)
	wait(t, "the second copy's end", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(released, " ") == "second"
	})
	if n := len(c.get("/failures").json["failures"].([]any)); n != 1 {
		t.Errorf("%d failures are kept", n)
	}
	if a := c.get("/failures/" + id); a.json["state"] != "ready" {
		t.Errorf("%v", a.json["state"])
	}
}

// TestDebuggerThatIsWatched attaches a further debugger while a page waits for what is new of the one that was used longest ago.
func TestDebuggerThatIsWatched(t *testing.T) {
	t.Parallel()
	s, engine := newServer(t, func(o *debugapi.Options) { o.Attached = 2 })
	c := login(t, s)
	var ids []string
	for range 4 {
		f := newFailure("it failed")
		s.Add(f)
		ids = append(ids, f.ID.Full())
	}
	states := func() string {
		var all []string
		for _, id := range ids {
			all = append(all, fmt.Sprint(c.get("/failures/" + id + "?attach=no").json["state"]))
		}
		return strings.Join(all, " ")
	}
	watched, stop := context.WithCancel(t.Context())
	defer stop()
	watch := func(id string) {
		revision := int64(c.ready(id).json["revision"].(float64))
		r, err := http.NewRequestWithContext(watched, "GET", fmt.Sprintf("%s/failures/%s?after=%d", c.url, id, revision+1000), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		go func() {
			if res, err := http.DefaultClient.Do(r); err == nil {
				res.Body.Close()
			}
		}()
		wait(t, "somebody to watch", func() bool { return s.Watching(id) == 1 })
	}
	watch(ids[0])
	c.ready(ids[1])
	s.AllIsLongAgo()
	c.ready(ids[2])
	if got := states(); got != "ready idle ready idle" {
		t.Errorf("with one that is watched: %s", got)
	}
	watch(ids[2]) // now both are: the one that was used longest ago goes
	s.AllIsLongAgo()
	c.ready(ids[3])
	if got := states(); got != "idle idle ready ready" {
		t.Errorf("with two that are watched: %s", got)
	}
	stop()
	wait(t, "nobody to watch", func() bool { return s.Watching(ids[0])+s.Watching(ids[2]) == 0 })
	if _, _, most := engine.counts(); most > 2 {
		t.Errorf("there were %d debuggers at a time", most)
	}
}

// TestCopyOfAnotherMoment has a copy of the handler for a failure with the stack of its panic.
func TestCopyOfAnotherMoment(t *testing.T) {
	t.Parallel()
	looked := make(chan int, 10)
	s, engine := newServer(t, func(o *debugapi.Options) {
		o.Tools.Explain = func(_ *overlay.Failure, call int, lookup func(string) (string, bool)) []debugapi.Explanation {
			if lookup != nil {
				looked <- call
			}
			return []debugapi.Explanation{{Title: "Index out of range"}}
		}
	})
	engine.frames[1].Line = 50
	f := newFailure("it failed")
	f.Copy.StackOf = fault.StackHandled
	s.Add(f)
	a := login(t, s).ready(f.ID.Full())
	if a.json["stack_of"] != "panic" || a.json["copy_of"] != "handled" {
		t.Errorf("the stack is of %v, the copy's of %v", a.json["stack_of"], a.json["copy_of"])
	}
	if f := frames(a)[1]; f["function"] != "example.org/blog/web.user" || f["line"] != 42.0 || f["stands"] != 50.0 {
		t.Errorf("%v", f)
	}
	select {
	case <-looked:
		t.Error("it was explained by the values of another moment")
	default:
	}
	without := newFailure("it failed")
	without.Copy = debugapi.Copy{}
	s.Add(without)
	if a := login(t, s).get("/failures/" + without.ID.Full()); a.json["copy_of"] != nil || a.json["variables"] != nil {
		t.Errorf("there is no copy: %s", a.body)
	}
}

// TestSlowExplanation has somebody ask while the failure is being explained for somebody else: it comes to both.
func TestSlowExplanation(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	s, _ := newServer(t, func(o *debugapi.Options) {
		o.Tools.Explain = func(*overlay.Failure, int, func(string) (string, bool)) []debugapi.Explanation {
			close(begun)
			<-goOn
			return []debugapi.Explanation{{Title: "Index out of range"}}
		}
	})
	f := newFailure("it failed")
	f.Copy = debugapi.Copy{}
	s.Add(f)
	c := login(t, s)
	path := "/failures/" + f.ID.Full()
	first := make(chan answer, 1)
	go func() { first <- c.get(path) }()
	<-begun
	second := c.get(path)
	close(goOn)
	if a := <-first; a.json["explanations"] == nil {
		t.Errorf("the first has no explanation: %s", a.body)
	}
	if a := c.get(fmt.Sprintf("%s?after=%v", path, int64(second.json["revision"].(float64)))); a.json["explanations"] == nil || a.json["revision"] == second.json["revision"] {
		t.Errorf("the second was not told: %s", a.body)
	}
}

// TestPlace has the list name the place that the page names, however many calls the debugger knows further in.
func TestPlace(t *testing.T) {
	t.Parallel()
	s, engine := newServer(t, nil)
	engine.frames = slices.Insert(engine.frames, 1, debugapi.Frame{Index: 21, Function: "example.org/blog/store.find", File: "/src/blog/store/store.go", Line: 7, App: true})
	f, silent := newFailure("it failed"), newFailure("it ended")
	silent.Failure.Failure.Stack, silent.Excerpts = nil, nil
	c := login(t, s)
	for _, test := range []struct {
		f    debugapi.Failure
		want string
	}{{f, "web/user.go:42"}, {silent, "store/store.go:7"}} {
		s.Add(test.f)
		c.until(test.f.ID.Full(), "the state ready", func(a answer) bool { return a.json["state"] == "ready" })
		if got := c.get("/failures").json["failures"].([]any)[0].(map[string]any)["where"]; got != test.want {
			t.Errorf("it is at %v, want %s", got, test.want)
		}
	}
}

// TestExplaining has whoever waits told whether an explanation with values is to come, and that there is none after all.
func TestExplaining(t *testing.T) {
	t.Parallel()
	for name, with := range map[string][]debugapi.Explanation{"one": {{Title: "With values"}}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goOn := make(chan struct{})
			s, _ := newServer(t, func(o *debugapi.Options) {
				o.Tools.Explain = func(_ *overlay.Failure, _ int, lookup func(string) (string, bool)) []debugapi.Explanation {
					if lookup == nil {
						return []debugapi.Explanation{{Title: "Without values"}}
					}
					<-goOn
					return with
				}
			})
			f := newFailure("it failed")
			s.Add(f)
			c := login(t, s)
			a := c.until(f.ID.Full(), "the state ready", func(a answer) bool { return a.json["state"] == "ready" })
			if a.json["explaining"] != true || !strings.Contains(string(a.body), "Without values") {
				t.Errorf("it does not tell that more is to come: %s", a.body)
			}
			close(goOn)
			a = c.until(f.ID.Full(), "the end of it", func(a answer) bool { return a.json["explaining"] == nil })
			if want := len(with) > 0; strings.Contains(string(a.body), "With values") != want {
				t.Errorf("with values: %t, want %t", !want, want)
			}
		})
	}
}

// TestRecoveredPanic has the copy of a panic for an error that something has made of it: it is explained where it panicked.
func TestRecoveredPanic(t *testing.T) {
	t.Parallel()
	s, engine := newServer(t, func(o *debugapi.Options) {
		o.Tools.Explain = func(f *overlay.Failure, call int, lookup func(string) (string, bool)) []debugapi.Explanation {
			if lookup == nil {
				return []debugapi.Explanation{{Title: "Without values"}}
			}
			value, _ := lookup("i")
			at, line := f.Stack[call], f.Excerpts[call][0]
			text := fmt.Sprintf("%s of %s: %s = %s", at.Function, f.StackOf, line.Text, value)
			return []debugapi.Explanation{{Title: "With values", Text: text, Mark: &explain.Mark{Line: at.Line, From: 3, To: 5}}}
		}
	})
	engine.frames = slices.Insert(engine.frames, 1, debugapi.Frame{Index: 21, Function: "example.org/blog/web.name.String", File: "/src/blog/web/name.go", Line: 7, App: true})
	f := newFailure("it failed")
	f.Failure.Failure.StackOf, f.Copy.StackOf = fault.StackHandled, fault.StackPanic
	f.Excerpts[0][0].Mark = problem.Mark{From: 1, To: 2}
	s.Add(f)
	a := login(t, s).until(f.ID.Full(), "the explanation", func(a answer) bool { return strings.Contains(string(a.body), "With values") })
	if want := "example.org/blog/web.name.String of panic: // of /src/blog/web/name.go = 21: i"; !strings.Contains(string(a.body), want) {
		t.Errorf("%v, want %q", a.json["explanations"], want)
	}
	for _, f := range frames(a) {
		lines, _ := f["source"].([]any)
		has := len(lines) > 0 && lines[0].(map[string]any)["mark"] != nil
		if is := f["function"] == "example.org/blog/web.name.String"; has != is {
			t.Errorf("%v is marked: %t", f["function"], has)
		}
	}
	if a.json["stack_of"] != "handled" || a.json["copy_of"] != "panic" || a.json["failure"].(map[string]any)["stack_of"] != "handled" {
		t.Errorf("the failure itself was changed: %s", a.body)
	}
}
