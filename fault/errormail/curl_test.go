package errormail_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/errormail"
	"example.org/microblog/fault/incident"
)

// command returns the command in a mail, and what the mail says about it.
func command(t testing.TB, o errormail.Options, q *fault.Request) (cmd, notes string) {
	t.Helper()
	f := failure()
	f.Request, f.Steps = q, nil
	m := errormail.Compose(o, notice(incident.First, f), errormail.Facts{})
	_, rest, ok := strings.Cut(m.Text, "\nThe request as a command\n------------------------\n")
	if !ok {
		return "", ""
	}
	rest, _, _ = strings.Cut(rest, "\nDetails\n")
	cmd, notes, _ = strings.Cut(rest, "\n\n")
	return strings.TrimSuffix(cmd, "\n"), notes
}

// shell runs a command in a real shell, with curl being a function that tells its arguments.
func shell(t testing.TB, cmd string) []string {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	run := exec.CommandContext(ctx, sh)
	run.Dir = t.TempDir()
	run.Env = []string{"HOME=/the-home", "PATH=/nowhere"}
	run.Stdin = strings.NewReader("curl() { for a in \"$@\"; do printf '%s\\0' \"$a\"; done; }\n" + cmd + "\n")
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("%v: %s\n%s", err, errs.String(), cmd)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\x00"), "\x00")
}

func request(method string) *fault.Request {
	return &fault.Request{Method: method, URL: "/login?next=%2F", Host: "blog.example.org", Header: http.Header{}}
}

// baseArgs are the arguments of each command.
var baseArgs = []string{"-i", "--globoff", "--path-as-is"}

func TestCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		method string
		change func(*fault.Request)
		base   string
		args   []string
		notes  string
	}{
		{name: "GET", method: "GET", args: []string{"http://blog.example.org/login?next=%2F"}},
		{name: "HEAD", method: "HEAD", args: []string{"--head", "http://blog.example.org/login?next=%2F"}},
		{name: "a known address", method: "GET", base: "https://blog.example.org/", args: []string{"https://blog.example.org/login?next=%2F"}},
		{name: "a foreign Host", method: "GET", base: "https://blog.example.org", change: func(q *fault.Request) { q.Host = "evil.example" },
			args: []string{"https://blog.example.org/login?next=%2F"}, notes: "came with the Host header evil.example"},
		{name: "a Host that is none", method: "GET", change: func(q *fault.Request) { q.Host = "x/../@evil.example#" },
			args: []string{"http://localhost/login?next=%2F"}, notes: "not known where the application is reached"},
		{name: "a Host with a port", method: "GET", change: func(q *fault.Request) { q.Host = "[::1]:5000" }, args: []string{"http://[::1]:5000/login?next=%2F"}},
		{name: "unsafe", method: "DELETE", args: []string{"-X", "DELETE", "http://blog.example.org/login?next=%2F", "-H", "Sec-Fetch-Site: same-origin"}},
		{name: "what the browser said stays", method: "DELETE", change: func(q *fault.Request) {
			q.Header = http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://x.example"}}
		}, args: []string{"-X", "DELETE", "http://blog.example.org/login?next=%2F", "-H", "Origin: https://x.example", "-H", "Sec-Fetch-Site: cross-site"}},
		{name: "a form", method: "POST", change: func(q *fault.Request) {
			q.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {"99"}, "Accept-Encoding": {"gzip"}, "Connection": {"close"}}
			q.Form = url.Values{"username": {"susan"}, "a b=": {"=@&"}, "password": {"[masked]"}, "raw": {"a\nb\x00ü"}, "": {"x"}}
		}, args: []string{"-X", "POST", "http://blog.example.org/login?next=%2F", "-H", "Sec-Fetch-Site: same-origin",
			"-H", "Content-Type: application/x-www-form-urlencoded", "--data-raw", "=x", "--data-urlencode", "a+b%3D==@&",
			"--data-urlencode", "password=[masked]", "--data-raw", "raw=a%0Ab%00%C3%BC", "--data-urlencode", "username=susan"}, notes: "masked when it was recorded"},
		{name: "a form without a type", method: "PUT", change: func(q *fault.Request) { q.Form = url.Values{"a": {"1", "2"}} },
			args: []string{"-X", "PUT", "http://blog.example.org/login?next=%2F", "-H", "Sec-Fetch-Site: same-origin",
				"-H", "Content-Type: application/x-www-form-urlencoded", "--data-urlencode", "a=1", "--data-urlencode", "a=2"}},
		{name: "a file", method: "POST", change: func(q *fault.Request) {
			q.Header = http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}
			q.Form = url.Values{"title": {"@/etc/passwd"}, "x=@/etc/passwd;": {"y"}, "nul": {"\x00"}}
			q.Files = []fault.File{{Field: "photo", Name: `../../etc/"pass;wd\.jpg`, Size: 12}, {Field: "y=@/etc/passwd", Name: "a", Size: 1}}
		}, args: []string{"-X", "POST", "http://blog.example.org/login?next=%2F", "-H", "Sec-Fetch-Site: same-origin",
			"--form-string", "title=@/etc/passwd", "-F", `photo=@"upload-1";filename="\"pass;wd\\.jpg"`},
			notes: "upload-1 stands for the uploaded file"},
		{name: "a body that is not kept", method: "POST", change: func(q *fault.Request) {
			q.ContentLength, q.Header = 12, http.Header{"Content-Type": {"application/json"}}
		}, args: []string{"-X", "POST", "http://blog.example.org/login?next=%2F", "-H", "Sec-Fetch-Site: same-origin", "-H", "Content-Type: application/json",
			"--data-binary", "@request-body"}, notes: "a body of 12 bytes, which was not kept"},
		{name: "a GET with a body", method: "GET", change: func(q *fault.Request) { q.ContentLength = -1 },
			args: []string{"-X", "GET", "http://blog.example.org/login?next=%2F", "--data-binary", "@request-body"}, notes: "of unknown length"},
		{name: "what a shell would obey", method: "GET", change: func(q *fault.Request) {
			q.URL = `/'"$(id)` + "`id`" + `;|&<>*?[x]{a,b}!!\~/../ü #x%zz`
			q.Header = http.Header{"X-A": {`'; rm -rf / #`}, "X-B": {"$HOME `id` $(id) \\ \" !!"}, "X-C": {"-o /etc/x"}}
		}, args: []string{`http://blog.example.org/'"$(id)` + "`id`" + `;|&<>*?[x]{a,b}!!\~/../%C3%BC%20%23x%zz`,
			"-H", `X-A: '; rm -rf / #`, "-H", "X-B: $HOME `id` $(id) \\ \" !!", "-H", "X-C: -o /etc/x"}},
		{name: "headers that are none", method: "GET", change: func(q *fault.Request) {
			q.Header = http.Header{"@/etc/passwd": {"x"}, "X-Empty": {""}, "X-Tab": {"a\tb\x1b[2J\r\nX-Evil: 1"}, "A:b": {"c"}}
		}, args: []string{"http://blog.example.org/login?next=%2F", "-H", "X-Empty;", "-H", "X-Tab: a b [2J  X-Evil: 1"}, notes: "2 parts were left out"},
		{name: "a method that is none", method: "G'ET\n", args: []string{"http://blog.example.org/login?next=%2F", "-H", "Sec-Fetch-Site: same-origin"}, notes: "this is a GET"},
		{name: "a method of one's own", method: "M-SEARCH'", args: []string{"-X", "M-SEARCH'", "http://blog.example.org/login?next=%2F", "-H", "Sec-Fetch-Site: same-origin"}},
		{name: "as of a proxy", method: "GET", change: func(q *fault.Request) { q.URL = "http://other.example/x" },
			args: []string{"http://blog.example.org/", "--request-target", "http://other.example/x"}},
		{name: "all", method: "OPTIONS", change: func(q *fault.Request) { q.URL = "*" }, args: []string{"-X", "OPTIONS", "http://blog.example.org/", "--request-target", "*"}},
		{name: "cut", method: "GET", change: func(q *fault.Request) { q.Cut = true }, args: []string{"http://blog.example.org/login?next=%2F"}, notes: "was cut when it was recorded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := request(c.method)
			if c.change != nil {
				c.change(q)
			}
			o := options()
			o.BaseURL = c.base
			cmd, notes := command(t, o, q)
			if got := shell(t, cmd); !slices.Equal(got, append(slices.Clone(baseArgs), c.args...)) {
				t.Errorf("arguments\n%q, want\n%q", got[min(len(got), 3):], c.args)
			}
			if !strings.Contains(notes, c.notes) || c.notes == "" && notes != "" {
				t.Errorf("notes %q, want %q", notes, c.notes)
			}
		})
	}
}

func TestNoCommandForWhatWasReported(t *testing.T) {
	t.Parallel()
	if cmd, _ := command(t, options(), &fault.Request{Method: "GET", URL: "/", Cut: true}); cmd != "" {
		t.Errorf("%q", cmd)
	}
	if cmd, _ := command(t, options(), nil); cmd != "" {
		t.Errorf("%q", cmd)
	}
}

func TestLongCommand(t *testing.T) {
	t.Parallel()
	q := request("POST")
	q.Form = url.Values{}
	for i := range 100 {
		q.Form[fmt.Sprintf("field%02d", i)] = []string{strings.Repeat("x", 1000)}
	}
	cmd, notes := command(t, options(), q)
	if len(cmd) > 9<<10 || !strings.Contains(notes, "left out, because the command would be too long") {
		t.Errorf("%d bytes, %q", len(cmd), notes)
	}
	if args := shell(t, cmd); len(args) < 10 {
		t.Errorf("%q", args)
	}
}

// seen is what a server saw of a request.
type seen struct {
	Method, URI, Host string
	Header            http.Header
	Form              url.Values
	Files             map[string]string
	Body              string
}

// A request comes, is recorded, and its command asks for the same again, with a real curl.
func TestCommandRepeatsTheRequest(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl here")
	}
	var mu sync.Mutex // what a server gets by another process is ordered by nothing that the race detector knows
	var last seen
	var recorded *fault.Failure
	recorder := recorderFunc(func(_ context.Context, f *fault.Failure) fault.Receipt {
		mu.Lock()
		defer mu.Unlock()
		recorded = f
		return fault.Receipt{}
	})
	catcher := fault.New(fault.Options{Recorder: recorder, Logger: discard()})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		last = seen{Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header.Clone(), Files: map[string]string{}}
		if r.Header.Get("Content-Type") == "application/json" {
			body, _ := io.ReadAll(r.Body)
			last.Body = string(body)
		} else if err := r.ParseMultipartForm(1 << 20); err == nil || err == http.ErrNotMultipart {
			last.Form = maps.Clone(r.PostForm)
			if r.MultipartForm != nil {
				for field, files := range r.MultipartForm.File {
					last.Files[field] = files[0].Filename
				}
			}
		}
		panic("to be recorded")
	})
	protection := http.NewCrossOriginProtection()
	server := httptest.NewServer(catcher.Middleware(protection.Handler(handler)))
	defer server.Close()

	dir := t.TempDir()
	for name, content := range map[string]string{"request-body": `{"a":1}`, "upload-1": "a file"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	post := func(kind string, body string) *http.Request {
		r, err := http.NewRequest("POST", server.URL+"/a/../b'c?x=%27&y=[1-3]&z={p,q}", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("X-Hostile", "'$(touch "+dir+"/obeyed)' \"`id`\" @/etc/passwd \\")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return r
	}
	form, kind := multipartForm(t)
	for name, r := range map[string]*http.Request{
		"form": post("application/x-www-form-urlencoded", url.Values{
			"username": {"@/etc/passwd", "'; id #"}, "about me": {"two\r\nlines & more = <b>"}, "nul": {"\x00"}, "emoji": {"\U0001F600"},
		}.Encode()),
		"multipart": post(kind, form),
		"JSON":      post("application/json", `{"a":1}`),
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			mu.Lock()
			want, f := last, recorded
			last = seen{}
			mu.Unlock()
			want.Header.Del("Sec-Fetch-Site") // As of a client that is no browser.
			f.Request.Header.Del("Sec-Fetch-Site")
			o := options()
			o.BaseURL = ""
			cmd, _ := command(t, o, f.Request)

			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			run := exec.CommandContext(ctx, "sh", "-c", strings.Replace(cmd, "curl ", curl+" -sS ", 1))
			run.Dir = dir
			out, err := run.CombinedOutput()
			if err != nil || !strings.Contains(string(out), " 500 ") {
				t.Fatalf("%v\n%s\n%s", err, cmd, out)
			}
			mu.Lock()
			defer mu.Unlock()
			if last.Method != want.Method || last.URI != want.URI || last.Host != want.Host || last.Body != want.Body {
				t.Errorf("%+v, want %+v", last, want)
			}
			if last.Header.Get("X-Hostile") != want.Header.Get("X-Hostile") {
				t.Errorf("header %q, want %q", last.Header["X-Hostile"], want.Header["X-Hostile"])
			}
			if !maps.EqualFunc(last.Form, want.Form, slices.Equal) || !maps.Equal(last.Files, want.Files) {
				t.Errorf("form %q %q, want %q %q", last.Form, last.Files, want.Form, want.Files)
			}
			if _, err := os.Stat(filepath.Join(dir, "obeyed")); err == nil {
				t.Error("the shell obeyed the request")
			}
		})
	}
}

func multipartForm(t *testing.T) (body, kind string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("title", "@/etc/passwd; type=x"); err != nil {
		t.Fatal(err)
	}
	part, err := w.CreateFormFile("photo", `holi;'day$(id).jpg`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte("a file")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), mime.FormatMediaType("multipart/form-data", map[string]string{"boundary": w.Boundary()})
}

// FuzzCommand checks with a real shell that a request's bytes are nothing but arguments.
func FuzzCommand(f *testing.F) {
	for _, s := range hostiles {
		f.Add("POST", "/"+s, s, "X-A", s, s, s, s)
	}
	f.Add("'", "*", "a b", "@/etc/passwd", "\n", "=@/etc/passwd", "", "'")
	f.Fuzz(func(t *testing.T, method, target, host, header, value, field, content, file string) {
		q := &fault.Request{
			Method: method, URL: target, Host: host, Header: http.Header{header: {value}}, Form: url.Values{field: {content}},
		}
		for _, files := range [][]fault.File{nil, {{Field: field, Name: file, Size: 1}}} {
			q.Files = files
			cmd, _ := command(t, options(), q)
			args := shell(t, cmd)
			if !slices.Equal(args[:3], baseArgs) {
				t.Fatalf("%q", args)
			}
			checkArguments(t, args[3:])
		}
	})
}

// checkArguments checks that there are only the options that a request needs, and none whose value
// curl would read a file for, but the placeholders.
func checkArguments(t *testing.T, args []string) {
	t.Helper()
	urls := 0
	for i := 0; i < len(args); i++ {
		switch a := args[i]; a {
		case "--head":
			continue
		case "-X", "--request-target", "--data-raw", "--form-string":
		case "-H":
			if strings.HasPrefix(args[i+1], "@") {
				t.Fatalf("a header that curl reads from a file: %q", args)
			}
		case "--data-urlencode":
			if name, _, ok := strings.Cut(args[i+1], "="); !ok || name == "" || strings.Contains(name, "@") {
				t.Fatalf("a field that curl reads from a file: %q", args)
			}
		case "--data-binary":
			if args[i+1] != "@request-body" {
				t.Fatalf("%q", args)
			}
		case "-F":
			if name, rest, _ := strings.Cut(args[i+1], "="); name == "" || !strings.HasPrefix(rest, `@"upload-`) {
				t.Fatalf("a file that is no placeholder: %q", args)
			}
		default:
			if !strings.HasPrefix(a, "https://blog.example.org/") {
				t.Fatalf("an argument %q in %q", a, args)
			}
			urls++
			continue
		}
		i++
	}
	if urls != 1 {
		t.Fatalf("%d addresses: %q", urls, args)
	}
}

// What was masked cannot be asked for again.
func TestCurlTellsOfMasks(t *testing.T) {
	t.Parallel()
	const want = "Parts of it were masked when it was recorded, so this is not the original request"
	for name, tt := range map[string]struct {
		q      fault.Request
		masked bool
	}{
		"none":           {fault.Request{Method: "GET", Host: "a.example", URL: "/", Header: http.Header{"Accept": {"*/*"}}}, false},
		"in a header":    {fault.Request{Method: "GET", Host: "a.example", URL: "/", Header: http.Header{"Cookie": {"session=[masked]"}}}, true},
		"in the address": {fault.Request{Method: "GET", Host: "a.example", URL: "/?token=%5Bmasked%5D", Header: http.Header{}}, true},
		"in the form":    {fault.Request{Method: "POST", Host: "a.example", URL: "/", Header: http.Header{}, Form: url.Values{"password": {"[masked]"}}}, true},
	} {
		if _, notes := command(t, options(), &tt.q); strings.Contains(notes, want) != tt.masked {
			t.Errorf("%s: %q", name, notes)
		}
	}
}
