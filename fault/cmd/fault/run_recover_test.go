package main_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mortal is an application that says text, and dies when asked to.
func mortal(text string) string {
	return plainMain(fmt.Sprintf(`
		if r.URL.Path == "/die" {
			go func() { panic("asked to die") }()
			select {}
		}
		fmt.Fprint(w, %q)`, text))
}

// TestRunCrashOfTheLastGood: while the newest source does not work, a crash brings back the version that did.
func TestRunCrashOfTheLastGood(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]string{
		"does not build":  "package main\n\nfunc main() { undefined() }\n",
		"dies at start":   "package main\n\nfunc main() { panic(\"no\") }\n",
		"vanished source": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := application(t, map[string]string{"main.go": mortal("one")})
			r := runFault(t, dir, "--no-mailbox")
			r.serves("/", "one")
			put(t, filepath.Join(dir, "main.go"), broken)
			r.until(func() (bool, string) {
				a := r.browse("/")
				return a.status == http.StatusServiceUnavailable, fmt.Sprintf("the problem; it is %d %s", a.status, a.body)
			})
			if a := r.browse("/die"); a.status < 500 {
				t.Errorf("%d %s", a.status, a.body)
			}
			_, _ = r.asks("GET", "/die", "")
			r.serves("/", "one")
			put(t, filepath.Join(dir, "main.go"), mortal("two"))
			r.serves("/", "two")
		})
	}
}

// TestRunNewPackageThatDies: a package that came with a version which dies at start is watched, too.
func TestRunNewPackageThatDies(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": says("one")})
	r := runFault(t, dir, "--no-mailbox")
	r.serves("/", "one")
	library := filepath.Join(dir, "lib/lib.go")
	put(t, library, "package lib\n\nfunc Text() string { panic(\"not yet\") }\n")
	main := strings.Replace(plainMain(`fmt.Fprint(w, text)`), "import (\n", "import (\n\t\"example.test/app/lib\"\n", 1)
	put(t, filepath.Join(dir, "main.go"), strings.Replace(main, "func main() {\n", "func main() {\n\ttext := lib.Text()\n", 1))
	r.says("not yet")
	time.Sleep(time.Second) // for whatever goes on after that to be over
	put(t, library, "package lib\n\nfunc Text() string { return \"two\" }\n")
	r.serves("/", "two")
}

// TestRunWritesAtStart: an application that writes a template when it starts is not started for ever.
func TestRunWritesAtStart(t *testing.T) {
	t.Parallel()
	main := strings.Replace(plainMain(`fmt.Fprint(w, os.Getpid())`), "func main() {\n",
		"func main() {\n\tif err := os.WriteFile(\"index.html\", []byte(fmt.Sprint(os.Getpid())), 0o644); err != nil {\n\t\tpanic(err)\n\t}\n", 1)
	r := runFault(t, application(t, map[string]string{"main.go": main}), "--no-mailbox")
	r.says("index.html changes whenever the application starts")
	var pid string
	r.until(func() (bool, string) {
		before, err := r.asks("GET", "/", "")
		if err != nil || before.status != http.StatusOK {
			return false, "an answer"
		}
		time.Sleep(300 * time.Millisecond) // longer than a start takes
		after, err := r.asks("GET", "/", "")
		pid = after.body
		return err == nil && before.body == after.body, fmt.Sprintf("one process that stays; they are %s and %s", before.body, pid)
	})
}

// TestRunQuickHands: templates that are saved as soon as the one before is served are no files that the application writes.
func TestRunQuickHands(t *testing.T) {
	t.Parallel()
	main := strings.Replace(plainMain(`fmt.Fprint(w, string(text))`), "func main() {\n", "func main() {\n\ttext, _ := os.ReadFile(\"index.html\")\n", 1)
	dir := application(t, map[string]string{"main.go": main, "index.html": "0"})
	r := runFault(t, dir, "--no-mailbox")
	for i := range 12 {
		put(t, filepath.Join(dir, "index.html"), fmt.Sprint("save ", i))
		r.serves("/", fmt.Sprint("save ", i))
	}
}

// TestRunExclusiveSaves: versions that cannot run side by side, saved faster than they start.
func TestRunExclusiveSaves(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	main := func(text, start string) string {
		source := strings.Replace(mortal(text), `os.Getenv("LISTEN")`, fmt.Sprintf("%q", address), 1)
		source = strings.Replace(source, "import (\n", "import (\n\t\"time\"\n", 1)
		return strings.Replace(source, "func main() {\n", "var _ = time.Now\n\nfunc main() {\n\t"+start+"\n", 1)
	}
	dir := application(t, map[string]string{"main.go": main("one", "")})
	file := filepath.Join(dir, "main.go")
	r := runFault(t, dir, "--no-mailbox", "--app-listen", address)
	r.serves("/", "one")

	put(t, file, main("two", "time.Sleep(2 * time.Second)"))
	r.until(func() (bool, string) { // its predecessor has been taken down
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil, "the first version to go"
	})
	put(t, file, "package main\n\nfunc main() { undefined() }\n")
	r.serves("/", "one")
	if a := r.browse("/"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "undefined") {
		t.Errorf("a page load gets %d %s", a.status, a.body)
	}
	put(t, file, main("three", ""))
	r.serves("/", "three")
	put(t, filepath.Join(dir, ".env"), "A=1\n")
	time.Sleep(100 * time.Millisecond) // while the next one starts
	put(t, filepath.Join(dir, ".env"), "A=2\n")
	r.serves("/", "three")
	put(t, file, main("four", ""))
	r.serves("/", "four")
	if strings.Contains(r.err.String(), "already in use") {
		t.Error("two versions ran at the same time")
	}
}

// TestRunExclusiveDrains: a request that runs is not cut off by the next save.
func TestRunExclusiveDrains(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	main := func(text string) string {
		source := strings.Replace(plainMain(fmt.Sprintf(`
		if r.URL.Path == "/slow" {
			time.Sleep(3 * time.Second)
		}
		fmt.Fprint(w, %q)`, text)), `os.Getenv("LISTEN")`, fmt.Sprintf("%q", address), 1)
		return strings.Replace(source, "import (\n", "import (\n\t\"time\"\n", 1)
	}
	dir := application(t, map[string]string{"main.go": main("one")})
	r := runFault(t, dir, "--no-mailbox", "--app-listen", address)
	r.serves("/", "one")
	slow := make(chan error, 1)
	go func() {
		a, err := r.asks("GET", "/slow", "")
		if err == nil && a.body != "one" {
			err = fmt.Errorf("%d %q", a.status, a.body)
		}
		slow <- err
	}()
	time.Sleep(200 * time.Millisecond) // for it to arrive
	for _, text := range []string{"two", "three", "four"} {
		put(t, filepath.Join(dir, "main.go"), main(text))
		time.Sleep(700 * time.Millisecond) // about as long as a build takes
	}
	if err := <-slow; err != nil {
		t.Error(err)
	}
	r.serves("/", "four")
}

// TestRunWatch: what --watch names makes the application start anew, whatever kind of file it is.
func TestRunWatch(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{
		"main.go":      strings.Replace(plainMain(`fmt.Fprint(w, string(text))`), "func main() {\n", "func main() {\n\ttext, _ := os.ReadFile(\"conf/menu.js\")\n", 1),
		"conf/menu.js": "one",
	})
	r := runFault(t, dir, "--no-mailbox", "--watch", "conf/*")
	r.serves("/", "one")
	put(t, filepath.Join(dir, "conf/menu.js"), "two")
	r.serves("/", "two")
}

// TestRunMailLater: a mail server that is named later is used from the next start on.
func TestRunMailLater(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": plainMain(`fmt.Fprint(w, os.Getenv("MAIL_SERVER"), os.Getenv("MAIL_PORT"))`)})
	r := runFault(t, dir)
	r.until(func() (bool, string) {
		a, err := r.asks("GET", "/", "")
		return err == nil && strings.HasPrefix(a.body, "127.0.0.1"), "the mailbox; it is " + a.body
	})
	put(t, filepath.Join(dir, ".env"), "MAIL_SERVER=mail.example.org\n")
	r.serves("/", "")

	r = runFault(t, application(t, map[string]string{"main.go": plainMain(`fmt.Fprint(w, os.Getenv("MAIL_SERVER"), os.Getenv("MAIL_PORT"))`)}), "--env", "MAIL_SERVER=smtp.test")
	r.serves("/", "smtp.test")
}

// TestRunCrashesTooOften: one that dies again and again stays down, until anything changes.
func TestRunCrashesTooOften(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": mortal("one"), "style.css": "a {}"})
	r := runFault(t, dir, "--no-mailbox")
	r.serves("/", "one")
	r.until(func() (bool, string) {
		_, _ = r.asks("GET", "/die", "")
		return strings.Contains(r.err.String(), "times in a row"), "it to stay down"
	})
	if a := r.get("/"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "asked to die") {
		t.Errorf("%d %s", a.status, a.body)
	}
	put(t, filepath.Join(dir, "style.css"), "b {}")
	r.serves("/", "one")
}

// TestRunSeveralTemplates: a template that does not load stays a problem until it is mended itself.
func TestRunSeveralTemplates(t *testing.T) {
	t.Parallel()
	main := strings.Replace(kitMain, "//go:embed templates\nvar embedded embed.FS", "//go:embed templates\nvar embedded embed.FS\n\n//go:embed other\nvar other embed.FS", 1)
	main = strings.Replace(main, "	mux := http.NewServeMux()", `	if err := live.Files(other).Load(func(files fs.FS) error {
		_, err := template.ParseFS(files, "other/*.html")
		return err
	}); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()`, 1)
	dir := application(t, map[string]string{"go.mod": kitModule(t), "main.go": main, "templates/page.html": "<p>one</p>", "other/b.html": "<p>b</p>"})
	r := runFault(t, dir, "--no-mailbox")
	r.serves("/", "<p>one</p>")
	put(t, filepath.Join(dir, "templates/page.html"), "<p>two {{.}</p>")
	broken := func() (bool, string) {
		a := r.get("/.fault/problem")
		return strings.Contains(a.body, "page.html"), fmt.Sprintf("the template error in %d %s", a.status, a.body)
	}
	r.until(broken)
	put(t, filepath.Join(dir, "other/b.html"), "<p>good</p>")
	time.Sleep(500 * time.Millisecond) // longer than loading takes
	if still, _ := broken(); !still {
		t.Error("the error is gone, but not mended")
	}
	put(t, filepath.Join(dir, "templates/page.html"), "<p>three</p>")
	r.serves("/", "<p>three</p>")
	r.until(func() (bool, string) { b, what := broken(); return !b, "no " + what })
}

// TestRunStale: what a killed fault run has left behind goes with the next one.
func TestRunStale(t *testing.T) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("fault-run-test-%d", os.Getpid()))
	put(t, filepath.Join(dir, "lock"), "")
	put(t, filepath.Join(dir, "1-app"), "binary")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := runFault(t, application(t, map[string]string{"main.go": says("one")}), "--no-mailbox")
	r.serves("/", "one")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

// TestRunSidePorts: an application with a second, fixed port, and one that cannot be told any.
func TestRunSidePorts(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]string{"heeds LISTEN": `os.Getenv("LISTEN")`, "heeds nothing": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ownAddress, side := lowAddress(t), lowAddress(t)
			if own == "" {
				own = fmt.Sprintf("%q", ownAddress)
			}
			main := func(text string) string {
				source := strings.Replace(says(text), `os.Getenv("LISTEN")`, own, 1)
				source = strings.Replace(source, "	l, err :=", fmt.Sprintf("	metrics, err := net.Listen(\"tcp\", %q)\n	if err != nil {\n		panic(err)\n	}\n	go http.Serve(metrics, http.NotFoundHandler())\n	l, err :=", side), 1)
				return strings.Replace(source, `"os"`, "\"os\"", 1) + "\nvar _ = os.Args\n"
			}
			dir := application(t, map[string]string{"main.go": main("one")})
			r := runFault(t, dir, "--no-mailbox")
			for _, text := range []string{"one", "two", "three"} {
				put(t, filepath.Join(dir, "main.go"), main(text))
				r.serves("/", text)
			}
			put(t, filepath.Join(dir, "main.go"), strings.Replace(main("four"), "func main() {\n", "func main() {\n\tpanic(\"no\")\n", 1))
			r.says("panic: no")
			r.serves("/", "three")
		})
	}
}

// lowAddress is a free address with a port that no system gives to those who ask for any.
func lowAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port below 32768")
	return ""
}

// TestRunBusyHands: saves that come faster than builds are seen all the same.
func TestRunBusyHands(t *testing.T) {
	t.Parallel()
	// It also starts slower than it is saved.
	dir := application(t, map[string]string{"main.go": says("one"), "slow.go": "package main\n\nimport \"time\"\n\nfunc init() { time.Sleep(400 * time.Millisecond) }\n"})
	r := runFault(t, dir, "--no-mailbox")
	r.serves("/", "one")
	for n, begun := 0, time.Now(); strings.Count(r.err.String(), "built in") < 2; n++ {
		if time.Since(begun) > 4*patience {
			t.Fatal("no version of them is served")
		}
		put(t, filepath.Join(dir, "main.go"), says(fmt.Sprint("version ", n)))
		time.Sleep(100 * time.Millisecond) // less than a build takes
	}
	put(t, filepath.Join(dir, "main.go"), says("the last one"))
	r.serves("/", "the last one")
}
