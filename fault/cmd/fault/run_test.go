package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// plainMain is an application that heeds LISTEN; body is that of its handler for all paths.
func plainMain(body string) string {
	return `package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	l, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
` + body + `
	})
	panic(http.Serve(l, nil))
}
`
}

func says(text string) string { return plainMain(fmt.Sprintf("\t\tfmt.Fprint(w, %q)", text)) }

// TestRunWrongUsage starts nothing.
func TestRunWrongUsage(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": says("one"), "lib/lib.go": "package lib\n"})
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	for name, test := range map[string]struct {
		env  string
		args []string
		code int
		want string
	}{
		"no port":           {args: []string{"--listen", "localhost"}, code: 2, want: `--listen: "localhost" `},
		"LISTEN":            {env: "LISTEN=localhost", code: 2, want: `LISTEN: "localhost" .*--listen takes its place`},
		"exposed":           {args: []string{"--listen", "0.0.0.0:0"}, code: 2, want: "add --expose if that is meant"},
		"exposed by LISTEN": {env: "LISTEN=0.0.0.0:5000", code: 2, want: "add --expose"},
		"in use":            {args: []string{"--listen", held.Addr().String()}, code: 1, want: "is in use by .*choose another address with --listen"},
		"no such package":   {args: []string{"--listen", "127.0.0.1:0", "./cmd/nothing"}, code: 1, want: "cmd/nothing"},
		"no program":        {args: []string{"--listen", "127.0.0.1:0", "./lib"}, code: 1, want: "lib.*main"},
		"no setting":        {args: []string{"--listen", "127.0.0.1:0", "--env", "NAME"}, code: 2, want: "--env.*NAME=VALUE"},
		"no pattern":        {args: []string{"--listen", "127.0.0.1:0", "--watch", "conf/["}, code: 2, want: `--watch: "conf/\[" is no pattern`},
		"no directory":      {args: []string{"--listen", "127.0.0.1:0", "--from-disk", "gone"}, code: 2, want: "--from-disk: there is no directory gone(?s:.*)Run fault run --help"},
		"no host":           {args: []string{"--listen", "127.0.0.1:0", "--allow-host", "http://x:1"}, code: 2, want: "--allow-host: .*is no name of a host"},
		"no time":           {args: []string{"--listen", "127.0.0.1:0", "--drain=-1s"}, code: 2, want: "--drain: "},
		"no such port":      {args: []string{"--listen", "127.0.0.1:99999"}, code: 2, want: "--listen: .*99999"},
		"PORT":              {env: "PORT=abc", code: 2, want: "PORT: .*--listen takes its place"},
		"no address":        {args: []string{"--listen", "127.0.0.1:0", "--app-listen", "8080"}, code: 2, want: "--app-listen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, _, stderr := endedIn(t, dir, test.env, append([]string{"run", "--no-mailbox"}, test.args...)...)
			if code != test.code || !regexp.MustCompile(`(?s)`+test.want).MatchString(stderr) {
				t.Errorf("exit %d, want %d with %q:\n%s", code, test.code, test.want, stderr)
			}
			if strings.Contains(stderr, "goroutine ") {
				t.Error("that is nothing to tell")
			}
		})
	}
}

// TestRunGoEdit: an edit is served, beside requests that run on, and a broken one is told while the last good one serves.
func TestRunGoEdit(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": says("one")})
	r := runFault(t, dir, "--no-mailbox")
	r.serves("/", "one")
	r.says(`built in .*ready in`)

	put(t, filepath.Join(dir, "main.go"), says("two"))
	r.serves("/", "two")

	put(t, filepath.Join(dir, "main.go"), strings.Replace(says("three"), `fmt.Fprint(w,`, `fmt.Fprimt(w,`, 1))
	r.says(`main.go:\d+:\d+`)
	page := r.browse("/")
	if page.status != http.StatusServiceUnavailable || !strings.Contains(page.body, "Fprimt") || !strings.Contains(page.body, "main.go") || !strings.Contains(page.body, "last-good") {
		t.Errorf("a page load gets %d %s", page.status, page.body)
	}
	if a := r.get("/"); a.status != http.StatusOK || a.body != "two" {
		t.Errorf("a program gets %d %q", a.status, a.body)
	}
	if a := r.must(r.asks("GET", "/.fault/problem", "", "User-Agent: curl/8.0")); !strings.Contains(a.body, "Fprimt") || !strings.Contains(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("curl gets %s %q", a.header.Get("Content-Type"), a.body)
	}
	put(t, filepath.Join(dir, "main.go"), says("four"))
	r.serves("/", "four")
	if a := r.browse("/"); a.status != http.StatusOK || !strings.HasPrefix(a.body, "four") {
		t.Errorf("mended: %d %q", a.status, a.body)
	}
}

// TestRunBrokenAtFirst: without any version that works everybody gets the problem, in a form of theirs.
func TestRunBrokenAtFirst(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": strings.Replace(says("one"), "net.Listen", "net.Lisen", 1)})
	r := runFault(t, dir, "--no-mailbox")
	r.says(`net\.Lisen`)
	for name, test := range map[string]struct {
		headers     []string
		contentType string
	}{
		"browser":  {[]string{"Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, "text/html; charset=utf-8"},
		"terminal": {[]string{"User-Agent: curl/8.5", "Accept: */*"}, "text/plain; charset=utf-8"},
		"program":  {[]string{"Accept: application/json"}, "application/problem+json"},
	} {
		a := r.must(r.asks("GET", "/", "", test.headers...))
		if a.status != http.StatusServiceUnavailable || a.header.Get("Content-Type") != test.contentType || !strings.Contains(a.body, "Lisen") || !strings.Contains(a.body, "main.go") {
			t.Errorf("%s: %d %s\n%s", name, a.status, a.header.Get("Content-Type"), a.body)
		}
		if test.contentType == "application/problem+json" && !json.Valid([]byte(a.body)) {
			t.Errorf("no JSON: %s", a.body)
		}
	}
	put(t, filepath.Join(dir, "main.go"), says("mended"))
	r.serves("/", "mended")
}

// TestRunBrokenInputs: what keeps the inputs from being listed is a problem, too, and mending it is noticed.
func TestRunBrokenInputs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, broken, want, mended string
	}{
		"package clause": {"extra.go", "pakage main\n", "extra.go:1", "package main\n"},
		"missing import": {"extra.go", "package main\n\nimport _ \"example.test/app/gone\"\n", "gone", "package main\n"},
		"go.mod":         {"go.mod", "modul example.test/app\n", "go.mod", "module example.test/app\n\ngo 1.26\n"},
		"no embed":       {"extra.go", "package main\n\nimport _ \"embed\"\n\n//go:embed nothing.txt\nvar s string\n", "nothing.txt", "package main\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := application(t, map[string]string{"main.go": says("one"), test.file: test.broken})
			r := runFault(t, dir, "--no-mailbox")
			r.says("http://")
			r.until(func() (bool, string) {
				a := r.browse("/")
				return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, test.want), fmt.Sprintf("%s in %d %s", test.want, a.status, a.body)
			})
			put(t, filepath.Join(dir, test.file), test.mended)
			r.serves("/", "one")
			put(t, filepath.Join(dir, "main.go"), says("two"))
			r.serves("/", "two")
		})
	}
}

// TestRunDiesAtStart: the old version goes on, the crash is shown.
func TestRunDiesAtStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ statement, want string }{
		"panic":     {`panic("no such table: users")`, "no such table: users"},
		"exit":      {`fmt.Fprintln(os.Stderr, "DATABASE_URL is missing"); os.Exit(3)`, "DATABASE_URL is missing"},
		"quiet end": {`if len(os.Args) > 0 { return }`, "ended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := application(t, map[string]string{"main.go": says("one")})
			r := runFault(t, dir, "--no-mailbox")
			r.serves("/", "one")
			dying := strings.Replace(says("two"), "func main() {\n", "func main() {\n\t"+test.statement+"\n", 1)
			put(t, filepath.Join(dir, "main.go"), dying)
			r.until(func() (bool, string) {
				a := r.browse("/")
				return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, test.want), fmt.Sprintf("%s in %d %s", test.want, a.status, a.body)
			})
			if a := r.get("/"); a.body != "one" {
				t.Errorf("a program gets %d %q", a.status, a.body)
			}
			put(t, filepath.Join(dir, "main.go"), says("three"))
			r.serves("/", "three")
		})
	}
}

// TestRunCrash: a process that dies while it serves is started again; who asked for its death is shown why.
func TestRunCrash(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": plainMain(`
		if r.URL.Path == "/die" {
			go func() { panic("a stray goroutine") }()
			select {}
		}
		fmt.Fprint(w, os.Getpid())`)})
	r := runFault(t, dir, "--no-mailbox")
	r.until(func() (bool, string) {
		a, err := r.asks("GET", "/", "")
		return err == nil && a.status == 200, "the first version"
	})
	before := r.get("/").body
	if a := r.browse("/die?token=abcdef123"); a.status < 500 || !strings.Contains(a.body, "a stray goroutine") || !strings.Contains(a.body, "main.go") ||
		!strings.Contains(a.body, "1 request was under way: GET /die?token=[masked]") {
		t.Errorf("who asked gets %d %s", a.status, a.body)
	}
	if after := r.get("/"); after.status != http.StatusOK || after.body == before {
		t.Errorf("the process is %s, then %d %s", before, after.status, after.body)
	}
	if a := r.get("/.fault/problem"); !strings.Contains(a.body, "a stray goroutine") {
		t.Errorf("the problem is %d %s", a.status, a.body)
	}
	r.says("a stray goroutine")
	if a := r.must(r.asks("GET", "/die", "", "User-Agent: curl/8.5")); !strings.Contains(a.body, "1 request was under way: GET /die.") {
		t.Errorf("curl gets %d %s", a.status, a.body)
	}
	var list struct {
		Package  string
		Failures []struct{ URL, Message string }
	}
	if a := r.must(r.asks("GET", "/.fault/", "", "Accept: application/json")); json.Unmarshal([]byte(a.body), &list) != nil ||
		list.Package != filepath.Base(dir) || len(list.Failures) != 2 || !strings.Contains(list.Failures[0].Message, "a stray goroutine") {
		t.Fatalf("the list is %d %s", a.status, a.body)
	}
	if a := r.browse(list.Failures[1].URL); a.status != http.StatusOK || !strings.Contains(a.body, "The process crashed") || !strings.Contains(a.body, "GET /die?token=[masked]") {
		t.Errorf("the first crash is %d %s", a.status, a.body)
	}
}

// TestRunWaitsForReadyz: a version that is not ready gets no requests.
func TestRunWaitsForReadyz(t *testing.T) {
	t.Parallel()
	body := `
		if r.URL.Path == "/readyz" {
			if _, err := os.Stat("ready"); err != nil {
				http.Error(w, "the cache is cold", 503)
			}
			return
		}
		fmt.Fprint(w, "%s")`
	dir := application(t, map[string]string{"main.go": plainMain(fmt.Sprintf(body, "one")), "ready": ""})
	r := runFault(t, dir, "--no-mailbox", "--start-timeout", "4s")
	r.serves("/", "one")
	if err := os.Remove(filepath.Join(dir, "ready")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "main.go"), plainMain(fmt.Sprintf(body, "two")))
	r.until(func() (bool, string) {
		a := r.browse("/")
		return strings.Contains(a.body, "the cache is cold"), fmt.Sprintf("what /readyz says in %d %s", a.status, a.body)
	})
	if a := r.get("/"); a.body != "one" {
		t.Errorf("%d %q", a.status, a.body)
	}
	put(t, filepath.Join(dir, "ready"), "")
	put(t, filepath.Join(dir, "main.go"), plainMain(fmt.Sprintf(body, "three")))
	r.serves("/", "three")
}

// TestRunEnvironment: the application gets its settings, and starts anew when .env changes.
func TestRunEnvironment(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{
		"main.go": plainMain(`
		text, _ := os.ReadFile(".env")
		fmt.Fprint(w, os.Getpid(), " ", os.Args[1:], " ", os.Getenv("EXTRA"), " ", os.Getenv("MAIL_SERVER"), ":", os.Getenv("MAIL_PORT"), " ", os.Getenv("ADMINS"), " ", string(text))`),
		".env": "NAME=first",
	})
	r := runFault(t, dir, "--env", "EXTRA=at {addr}", ".", "--", "--port", "{port}")
	mails := r.says(`mails: http://(127\.0\.0\.1:\d+)`)
	if response, err := http.Get("http://" + mails[1] + "/api/mails"); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("the mailbox: %v, %v", response, err)
	} else {
		response.Body.Close()
	}
	want := regexp.MustCompile(`^(\d+) \[--port (\d+)\] at 127\.0\.0\.1:(\d+) 127\.0\.0\.1:\d+ admin@localhost NAME=first$`)
	var first string
	r.until(func() (bool, string) {
		a, err := r.asks("GET", "/", "")
		first = a.body
		return err == nil && want.MatchString(a.body), fmt.Sprintf("the environment; it is %q, %v", a.body, err)
	})
	if found := want.FindStringSubmatch(first); found[2] != found[3] || strings.HasSuffix(r.addr, ":"+found[2]) {
		t.Errorf("the ports in %q are not the private one", first)
	}
	put(t, filepath.Join(dir, ".env"), "NAME=second\nMAIL_SERVER=mail.example.org\n")
	r.until(func() (bool, string) {
		a, err := r.asks("GET", "/", "")
		pid, _, _ := strings.Cut(first, " ")
		return err == nil && strings.Contains(a.body, "NAME=second") && !strings.HasPrefix(a.body, pid+" "), fmt.Sprintf("a new process; it is %q, %v", a.body, err)
	})
}

// TestRunOwnMailServer: who has a mail server keeps it, also if it is named in .env.
func TestRunOwnMailServer(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{
		"main.go": plainMain(`fmt.Fprintf(w, "%q", os.Getenv("MAIL_SERVER"))`),
		".env":    "export MAIL_SERVER='mail.example.org' # ours\n",
	})
	r := runFault(t, dir)
	r.serves("/", `""`)
	if strings.Contains(r.err.String(), "mails:") {
		t.Error("the mailbox runs all the same")
	}
}

// TestRunFixedAddress: an application that cannot be told its address is found where it is, and its versions run one
// after the other.
func TestRunFixedAddress(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} {
		t.Run(fmt.Sprintf("told %v", told), func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			_, port, _ := net.SplitHostPort(address)
			main := func(text string) string {
				return strings.Replace(says(text), `os.Getenv("LISTEN")`, `":`+port+`"`, 1)
			}
			dir := application(t, map[string]string{"main.go": main("one")})
			args := []string{"--no-mailbox"}
			if told {
				args = append(args, "--app-listen", address)
			}
			r := runFault(t, dir, args...)
			r.serves("/", "one")
			load := make(chan error, 1)
			ending := make(chan struct{})
			go func() {
				for {
					select {
					case <-ending:
						load <- nil
						return
					default:
					}
					if a, err := r.asks("GET", "/", ""); err != nil || a.status != http.StatusOK {
						load <- fmt.Errorf("%d %q %w", a.status, a.body, err)
						return
					}
				}
			}()
			for _, text := range []string{"two", "three"} {
				put(t, filepath.Join(dir, "main.go"), main(text))
				r.serves("/", text)
			}
			for _, cause := range []string{"not yet", "nor now"} {
				put(t, filepath.Join(dir, "main.go"), strings.Replace(main("four"), "func main() {\n", "func main() {\n\tpanic(\""+cause+"\")\n", 1))
				r.until(func() (bool, string) {
					a := r.browse("/")
					return strings.Contains(a.body, cause), fmt.Sprintf("the crash in %d %s", a.status, a.body)
				})
				r.serves("/", "three")
			}
			close(ending)
			if err := <-load; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRunFixedAddressWithoutPages: an application that has nothing at its root is found, too, beside a server for metrics.
func TestRunFixedAddressWithoutPages(t *testing.T) {
	t.Parallel()
	main := strings.Replace(says("one"), `os.Getenv("LISTEN")`, `"`+freeAddress(t)+`"`, 1)
	main = strings.Replace(main, `"/"`, `"/items"`, 1)
	main = strings.Replace(main, "func main() {\n", `func main() {
	metrics := http.NewServeMux()
	metrics.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "up 1") })
	go http.ListenAndServe("`+freeAddress(t)+`", metrics)
`, 1)
	r := runFault(t, application(t, map[string]string{"main.go": main}), "--no-mailbox", "--no-debugger", "--no-vet")
	r.serves("/items", "one")
}

// TestRunEmbedded: what is embedded needs a build, and a new file that a pattern matches does, too; a test of the program itself does not.
func TestRunEmbedded(t *testing.T) {
	t.Parallel()
	main := strings.Replace(plainMain(`
		entries, _ := texts.ReadDir("texts")
		for _, e := range entries {
			text, _ := texts.ReadFile("texts/" + e.Name())
			fmt.Fprint(w, string(text))
		}`), "import (\n", "import (\n\t\"embed\"\n", 1)
	main = strings.Replace(main, "func main()", "//go:embed texts/*.txt main_test.go\nvar texts embed.FS\n\nfunc main()", 1)
	dir := application(t, map[string]string{"main.go": main, "texts/a.txt": "a", "main_test.go": "package main\n"})
	r := runFault(t, dir, "--no-mailbox")
	r.serves("/", "a")
	put(t, filepath.Join(dir, "main_test.go"), "package main\n\n// changed\n")
	r.says(`main_test\.go: a test, which is embedded`)
	put(t, filepath.Join(dir, "texts/a.txt"), "A")
	r.serves("/", "A")
	if r.says(`(\S+): built`); strings.Contains(r.err.String(), "main_test.go: built") || strings.Contains(r.err.String(), "1 more: built") {
		t.Errorf("a test was built:\n%s", r.err.String())
	}
	put(t, filepath.Join(dir, "texts/b.txt"), "B")
	r.serves("/", "AB")
	if err := os.Remove(filepath.Join(dir, "texts/a.txt")); err != nil {
		t.Fatal(err)
	}
	r.serves("/", "B")
}

// TestRunModules: a module beside, by replace or by go.work, is an input like the main one.
func TestRunModules(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]map[string]string{
		"replace": {"app/go.mod": "module example.test/app\n\ngo 1.26\n\nrequire example.test/lib v0.0.0\n\nreplace example.test/lib => ../lib\n"},
		"go.work": {"app/go.mod": "module example.test/app\n\ngo 1.26\n", "go.work": "go 1.26\n\nuse (\n\t./app\n\t./lib\n)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				"go.mod":      "module example.test/unrelated\n\ngo 1.26\n",
				"app/main.go": strings.Replace(plainMain(`fmt.Fprint(w, lib.Text)`), "import (\n", "import (\n\t\"example.test/lib\"\n", 1),
				"lib/go.mod":  "module example.test/lib\n\ngo 1.26\n", "lib/lib.go": "package lib\n\nconst Text = \"one\"\n",
			}
			for file, text := range link {
				files[file] = text
			}
			dir := application(t, files)
			r := runFaultWith(t, filepath.Join(dir, "app"), []string{"GOFLAGS="}, "--no-mailbox")
			r.serves("/", "one")
			put(t, filepath.Join(dir, "lib/lib.go"), "package lib\n\nconst Text = \"two\"\n")
			r.serves("/", "two")
			put(t, filepath.Join(dir, "lib/more.go"), "package lib\n\nfunc init() { Text2 = Text }\n\nvar Text2 string\n")
			put(t, filepath.Join(dir, "lib/lib.go"), "package lib\n\nconst Text = \"three\"\n")
			r.serves("/", "three")
		})
	}
}

// TestRunVet: what go vet is sure of is shown beside the new version.
func TestRunVet(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": says("one")})
	r := runFault(t, dir, "--no-mailbox")
	r.serves("/", "one")
	put(t, filepath.Join(dir, "main.go"), plainMain(`fmt.Fprintf(w, "two %d", "text")`))
	r.serves("/", "two %!d(string=text)")
	r.until(func() (bool, string) {
		a := r.get("/.fault/problem")
		return strings.Contains(a.body, "Fprintf") && strings.Contains(a.body, "main.go"), fmt.Sprintf("the finding in %d %s", a.status, a.body)
	})
	if a := r.browse("/"); a.status != http.StatusOK || !strings.HasPrefix(a.body, "two") {
		t.Errorf("the new version is withheld: %d %s", a.status, a.body)
	}
	put(t, filepath.Join(dir, "main.go"), says("three"))
	r.serves("/", "three")
	r.until(func() (bool, string) {
		a := r.get("/.fault/problem")
		return !strings.Contains(a.body, "Fprintf"), fmt.Sprintf("no finding in %d %s", a.status, a.body)
	})
}

// kitMain is an application with the kit: a catcher, and a template that it reads from disk in development.
const kitMain = `package main

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"example.org/microblog/fault"
	"example.org/microblog/fault/live"
	"example.org/microblog/fault/trace"
)

//go:embed templates
var embedded embed.FS

func load() error { return trace.Wrap(errors.New("row is damaged"), "loading the profile") }

type shop struct{ name string }

func (s *shop) buy(w http.ResponseWriter, r *http.Request) error {
	if s.name != "" {
		return errors.New("sold out") // of a method value
	}
	return nil
}

func main() {
	catcher := fault.New(fault.Options{})
	var page atomic.Pointer[template.Template]
	err := live.Files(embedded).Load(func(files fs.FS) error {
		t, err := template.ParseFS(files, "templates/*.html")
		if err == nil {
			page.Store(t)
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", catcher.Handle(func(w http.ResponseWriter, r *http.Request) error {
		return page.Load().ExecuteTemplate(w, "page.html", os.Getpid())
	}))
	mux.Handle("GET /buy", catcher.Handle((&shop{"tea"}).buy))
	mux.Handle("GET /empty", catcher.Handle((&shop{}).buy))
	mux.Handle("GET /fail", catcher.Handle(func(w http.ResponseWriter, r *http.Request) error { return load() }))
	mux.Handle("GET /panic", catcher.Handle(func(w http.ResponseWriter, r *http.Request) error {
		var m map[string]int
		m[r.FormValue("q")]++
		return nil
	}))
	mux.Handle("POST /buy", catcher.Handle((&shop{"tea"}).buy))
	mux.Handle("GET /headers", catcher.Handle(func(w http.ResponseWriter, r *http.Request) error {
		_, err := fmt.Fprint(w, r.Header)
		return err
	}))
	l, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, catcher.Middleware(mux)))
}
`

func kitApplication(t *testing.T) string {
	return application(t, map[string]string{
		"go.mod": kitModule(t), "main.go": kitMain,
		"templates/page.html": "<!DOCTYPE html><title>t</title><p>one {{.}}</p>\n",
	})
}

// TestRunFailurePage: a failing request shows its stack, causes and request, to whoever may see source code.
func TestRunFailurePage(t *testing.T) {
	t.Parallel()
	r := runFault(t, kitApplication(t), "--no-mailbox")
	r.until(func() (bool, string) {
		a, err := r.asks("GET", "/", "")
		return err == nil && a.status == 200, "the first version"
	})

	page := r.browse("/fail?q=hello")
	for _, want := range []string{"row is damaged", "loading the profile", "main.go", "func load() error", "hello", page.header.Get("Fault-Id")} {
		if !strings.Contains(page.body, want) {
			t.Errorf("no %q in %d %s", want, page.status, page.body)
		}
	}
	if page.status != http.StatusInternalServerError || page.header.Get("Fault-Id") == "" {
		t.Errorf("status %d, ID %q", page.status, page.header.Get("Fault-Id"))
	}
	text := r.must(r.asks("GET", "/panic?q=x", "", "User-Agent: curl/8.5", "Accept: */*"))
	if text.status != 500 || !strings.Contains(text.body, "assignment to entry in nil map") || !strings.Contains(text.body, "m[r.FormValue(") || strings.Contains(text.body, "<") && strings.Contains(text.body, "</") {
		t.Errorf("curl gets %d %s", text.status, text.body)
	}
	program := r.must(r.asks("GET", "/fail", "", "Accept: application/json"))
	var problem map[string]any
	if err := json.Unmarshal([]byte(program.body), &problem); err != nil || problem["status"] != 500.0 || !strings.Contains(program.body, "main.go") {
		t.Errorf("a program gets %d %s %v", program.status, program.body, err)
	}
	for _, path := range []string{"/buy", "/empty"} {
		text := r.must(r.asks("GET", path, "", "User-Agent: curl/8.5"))
		if text.status != 500 || !strings.Contains(text.body, "> 27 | func (s *shop) buy(") || !strings.Contains(text.body, "main.go:27  main.(*shop).buy") {
			t.Errorf("of a method curl gets %d %s", text.status, text.body)
		}
	}
	posted := r.must(r.asks("POST", "/buy", `{"article": "green tea", "card_token": "4711x"}`, "User-Agent: curl/8.5", "Content-Type: application/json"))
	if posted.status != 500 || !strings.Contains(posted.body, "green tea") || strings.Contains(posted.body, "4711x") {
		t.Errorf("of a body of JSON curl gets %d %s", posted.status, posted.body)
	}
	r.says(`failed: GET /buy: sold out \(main.go:27\)`)
	stranger := r.must(r.asks("GET", "/fail", "", "Host: rebound.example.org", "Accept: text/html"))
	if stranger.status != 500 || strings.Contains(stranger.body, "row is damaged") || strings.Contains(stranger.body, "main.go") {
		t.Errorf("a stranger gets %d %s", stranger.status, stranger.body)
	}
	if a := r.get("/headers"); strings.Contains(a.body, "Fault-Run") {
		t.Errorf("the application sees %s", a.body)
	}
	r.says(`failed: GET /fail: .*main.go:\d+`)
}

// TestRunTemplate: a template that the application reads from disk needs no new process; a broken one is shown and the
// last good one stays.
func TestRunTemplate(t *testing.T) {
	t.Parallel()
	dir := kitApplication(t)
	r := runFault(t, dir, "--no-mailbox")
	var first string
	r.until(func() (bool, string) {
		a, err := r.asks("GET", "/", "")
		first = a.body
		return err == nil && strings.Contains(first, "one "), fmt.Sprintf("the first version; it is %q %v", a.body, err)
	})
	template := filepath.Join(dir, "templates/page.html")
	put(t, template, "<!DOCTYPE html><title>t</title><p>two {{.}}</p>\n")
	r.serves("/", strings.Replace(first, "one", "two", 1)) // and the same process

	put(t, template, "<!DOCTYPE html><title>t</title>\n<p>three {{.}</p>\n")
	r.until(func() (bool, string) {
		a := r.browse("/")
		return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, "page.html") && strings.Contains(a.body, "three {{.}"), fmt.Sprintf("the template error in %d %s", a.status, a.body)
	})
	if a := r.get("/"); !strings.Contains(a.body, "two ") {
		t.Errorf("a program gets %q", a.body)
	}
	put(t, template, "<!DOCTYPE html><title>t</title><p>four {{.}}</p>\n")
	r.serves("/", strings.Replace(first, "one", "four", 1))
	r.until(func() (bool, string) { // the application may be quicker than who watches the file
		a := r.browse("/")
		return a.status == http.StatusOK, fmt.Sprintf("the mended template in %d %s", a.status, a.body)
	})
}

// TestRunEnds: Ctrl+C ends everything, and the port is free at once, also while a build runs and with the application
// refusing to end; and nothing outlives a killed supervisor.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	stubborn := strings.Replace(says("one"), "func main() {\n", "func main() {\n\tsignal.Ignore(syscall.SIGTERM, os.Interrupt)\n\t_ = exec.Command(\"sleep\", \"1000\").Start()\n", 1)
	stubborn = strings.Replace(stubborn, "import (\n", "import (\n\t\"os/exec\"\n\t\"os/signal\"\n\t\"syscall\"\n", 1)
	for name, signal := range map[string]syscall.Signal{"interrupt": syscall.SIGINT, "terminate": syscall.SIGTERM, "kill": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := application(t, map[string]string{"main.go": stubborn})
			r := runFault(t, dir, "--no-mailbox")
			r.serves("/", "one")
			put(t, filepath.Join(dir, "main.go"), strings.Replace(stubborn, `"one"`, `"two"`, 1))
			if err := r.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			select {
			case <-r.done:
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
			if code := r.cmd.ProcessState.ExitCode(); signal != syscall.SIGKILL && code != 0 {
				t.Errorf("exit %d:\n%s", code, r.err.String())
			}
			l, err := net.Listen("tcp", r.addr)
			if err != nil {
				t.Error(err)
			} else {
				l.Close()
			}
		})
	}
}

// TestRunUpload: a large upload arrives whole.
func TestRunUpload(t *testing.T) {
	t.Parallel()
	main := strings.Replace(plainMain(`
		switch r.URL.Path {
		case "/upload":
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n, err)
		default:
			fmt.Fprint(w, "ok")
		}`), "import (\n", "import (\n\t\"io\"\n", 1)
	r := runFault(t, application(t, map[string]string{"main.go": main}), "--no-mailbox")
	r.serves("/", "ok")

	const size = 64 << 20
	response, err := http.Post("http://"+r.addr+"/upload", "application/octet-stream", io.LimitReader(zeroes{}, size))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	response.Body.Close()
	if want := fmt.Sprint(size, " <nil>"); err != nil || string(text) != want {
		t.Errorf("%q instead of %q, %v", text, want, err)
	}
}

// zeroes never ends.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }
