package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
)

// message is what `fault run` and the application say to each other, one line of JSON each.
type message struct {
	Type    string        `json:"type"`
	Seq     int64         `json:"seq,omitempty"`
	PID     int           `json:"pid,omitempty"`
	Dir     string        `json:"dir,omitempty"`
	Request string        `json:"request,omitempty"`
	Failure fault.Failure `json:"failure,omitzero"`
	Files   []string      `json:"files,omitempty"`
	Error   string        `json:"error,omitempty"`
}

// developer is the other end of a development build: what `fault run` would be.
type developer struct {
	t    *testing.T
	in   *bufio.Reader
	conn net.Conn
	seq  int64
}

// listenAsDeveloper makes the socket, and returns its path and the function that waits for the application.
func listenAsDeveloper(t *testing.T) (path string, accept func() *developer) {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") // The path of a socket must be short.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path = filepath.Join(dir, "run")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return path, func() *developer {
		t.Helper()
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return &developer{t: t, in: bufio.NewReader(conn), conn: conn}
	}
}

// hears returns the next message, which is to be of that type.
func (d *developer) hears(kind string) message {
	d.t.Helper()
	if err := d.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		d.t.Fatal(err)
	}
	line, err := d.in.ReadBytes('\n')
	if err != nil {
		d.t.Fatalf("waiting for %s: %v", kind, err)
	}
	var m message
	if err := json.Unmarshal(line, &m); err != nil || m.Type != kind {
		d.t.Fatalf("%s, %v; want %s", line, err, kind)
	}
	return m
}

func (d *developer) says(m message) {
	d.t.Helper()
	line, err := json.Marshal(m)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.conn.Write(append(line, '\n')); err != nil {
		d.t.Fatal(err)
	}
}

// changes tells that a file has changed, and returns why it does not load.
func (d *developer) changes(file string) string {
	d.t.Helper()
	d.seq++
	d.says(message{Type: "changed", Seq: d.seq, Files: []string{file}})
	m := d.hears("loaded")
	if m.Seq != d.seq {
		d.t.Fatalf("%+v is the answer to another question than %d", m, d.seq)
	}
	return m.Error
}

// developmentBuild builds Microblog for development from a copy of its source, which the test may edit.
func developmentBuild(t *testing.T) (dir, binary string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, part := range []string{"cmd", "internal"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(root, part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "source.go"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary = filepath.Join(dir, "microblog")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := append([]string{"build", "-buildvcs=false", "-tags", "faultdev", "-o", binary}, raceFlags()...)
	for _, args := range [][]string{
		{"mod", "edit", "-replace", "example.org/microblog/fault=" + filepath.Join(root, "fault")},
		append(build, "./cmd/microblog"),
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return dir, binary
}

var stylesheetAddress = regexp.MustCompile(`/static/app\.[0-9a-f]{16}\.css`)

// TestDevelopment edits templates and the stylesheet of a running development build.
func TestDevelopment(t *testing.T) {
	t.Parallel()
	dir, binary := developmentBuild(t)
	web := filepath.Join(dir, "internal", "web")
	edit := func(name, old, new string) string {
		t.Helper()
		file := filepath.Join(web, filepath.FromSlash(name))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		edited := strings.Replace(string(text), old, new, 1)
		if edited == string(text) {
			t.Fatalf("%s does not hold %q", file, old)
		}
		if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}

	socket, accept := listenAsDeveloper(t)
	s := start(t, options{binary: binary, args: []string{"--drill"}, settings: settings{fault.SupervisorVariable: socket}})
	d := accept()
	if m := d.hears("hello"); m.PID != s.cmd.Process.Pid {
		t.Errorf("process %d said hello, want %d", m.PID, s.cmd.Process.Pid)
	}
	for _, name := range []string{"static", "templates"} {
		if m := d.hears("live"); m.Dir != filepath.Join(web, name) {
			t.Errorf("live is %s, want %s", m.Dir, name)
		}
	}
	c := s.client(t)
	old := stylesheetAddress.FindString(c.get("/login").want(200).body)
	if old == "" {
		t.Fatal("the page has no stylesheet")
	}

	t.Run("a template", func(t *testing.T) {
		// The blank log-in form is a page that was rendered before anybody asked for it.
		if problem := d.changes(edit("templates/login.html", "<h1>", "<h1>Edited: ")); problem != "" {
			t.Fatal(problem)
		}
		c.get("/login").want(200).says("Edited: ")
		if problem := d.changes(edit("templates/error.html", "<h1>", "<h1>Edited: ")); problem != "" {
			t.Fatal(problem)
		}
		c.get("/nothing").want(404).says("Edited: ")
	})
	t.Run("a broken template", func(t *testing.T) {
		for name, test := range map[string]struct{ old, new, want string }{
			"does not parse": {"<h1>", "{{if}}<h1>", "template: login.html:"},
			"unknown field":  {"<h1>", "{{.Nonsense}}<h1>", "login.html:"},
			"no such file":   {"<h1>", `{{asset "none.css"}}<h1>`, "template: login.html:"},
		} {
			problem := d.changes(edit("templates/login.html", test.old, test.new))
			if !regexp.MustCompile(regexp.QuoteMeta(test.want) + `\d+:`).MatchString(problem) {
				t.Errorf("%s: the problem is %q", name, problem)
			}
			c.get("/login").want(200).says("Edited: ")
			if problem := d.changes(edit("templates/login.html", test.new, test.old)); problem != "" {
				t.Errorf("%s, mended: %s", name, problem)
			}
		}
	})
	t.Run("a stylesheet", func(t *testing.T) {
		file := filepath.Join(web, "static", "app.css")
		if err := os.WriteFile(file, []byte("body { color: rebeccapurple }"), 0o600); err != nil {
			t.Fatal(err)
		}
		if problem := d.changes(file); problem != "" {
			t.Fatal(problem)
		}
		now := stylesheetAddress.FindString(c.get("/login").want(200).body)
		if now == old || now == "" {
			t.Errorf("the new stylesheet's address is %q, the old one's %q", now, old)
		}
		for address, cache := range map[string]string{now: "immutable", old: "no-cache", old + "?v=2": "no-cache"} {
			r := c.get(address).want(200)
			if !strings.Contains(r.body, "rebeccapurple") || !strings.Contains(r.header.Get("Cache-Control"), cache) {
				t.Errorf("%s: %v\n%s", address, r.header, tail(r.body))
			}
		}
		c.get(strings.Replace(old, "app.", "other.", 1)).want(404)
	})
	t.Run("a failure", func(t *testing.T) {
		told := make(chan message, 1)
		go func() {
			defer close(told)
			line, err := d.in.ReadBytes('\n')
			var m message
			if err != nil || json.Unmarshal(line, &m) != nil {
				return
			}
			told <- m
			_, _ = fmt.Fprintf(d.conn, `{"type":"noted","seq":%d}`+"\n", m.Seq)
		}()
		r := c.do("GET", "/drill/panic", nil, map[string][]string{"Fault-Run-Request": {"token"}}).want(500)
		m := <-told
		if m.Type != "failed" || m.Request != "token" || m.Failure.ID.String() != r.header.Get("Fault-Id") || m.Failure.Request.Header.Get("Fault-Run-Request") != "" {
			t.Errorf("%+v", m)
		}
	})
	t.Run("nobody there any more", func(t *testing.T) {
		if err := d.conn.Close(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, d.in)
		c.get("/drill/panic").want(500)
		c.get("/login").want(200).says("Edited: ")
	})
}

// TestReleaseDoesNotReadTheDisk starts the binary under test as `fault run` would.
func TestReleaseDoesNotReadTheDisk(t *testing.T) {
	t.Parallel()
	socket, _ := listenAsDeveloper(t)
	s := start(t, options{settings: settings{fault.SupervisorVariable: socket}})
	c := s.client(t)
	address := stylesheetAddress.FindString(c.get("/login").want(200).body)
	if r := c.get(address).want(200); !strings.Contains(r.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%v", r.header)
	}
	c.get(regexp.MustCompile(`[0-9a-f]{16}`).ReplaceAllString(address, "0123456789abcdef")).want(404)
	if out, err := exec.Command("go", "tool", "nm", program(t)).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	} else if strings.Contains(string(out), "fault/internal/devlink") {
		t.Error("what belongs to development is in a release")
	}
}
