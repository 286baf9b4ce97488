package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should come soon. Only one that fails waits so long, and a machine may be busy.
const patience = 90 * time.Second

// binary is the path of the built command.
var binary string

func TestMain(m *testing.M) {
	if refusals := os.Getenv(confined); refusals != "" {
		fmt.Fprintln(os.Stderr, confine(refusals))
		os.Exit(1)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "fault-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "fault")
		if runtime.GOOS == "windows" {
			binary += ".exe"
		}
		build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// ended runs the command to its end.
func ended(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string // what they have, in between
	}{
		"nothing":            {nil, 2, "", "a command is missing"},
		"help":               {[]string{"--help"}, 0, "mailbox", ""},
		"help as a word":     {[]string{"help", "mailbox"}, 0, "--fail", ""},
		"help of mailbox":    {[]string{"mailbox", "--help"}, 0, "tempfail", ""},
		"version":            {[]string{"version"}, 0, "fault ", ""},
		"no command":         {[]string{"explode"}, 2, "", "explode"},
		"no flag":            {[]string{"mailbox", "--port", "25"}, 2, "", "--port"},
		"a word too many":    {[]string{"mailbox", "now"}, 2, "", "now"},
		"no mode":            {[]string{"mailbox", "--fail", "explode"}, 2, "", "refuse, tempfail, silent, slow, drop"},
		"no number":          {[]string{"mailbox", "--fail", "drop", "--fail-first", "x"}, 2, "", "--fail-first"},
		"no chance":          {[]string{"mailbox", "--fail", "drop", "--fail-chance", "0"}, 2, "", "--fail-chance"},
		"two answers":        {[]string{"mailbox", "--fail", "refuse", "--fail", "tempfail"}, 2, "", "cannot both be"},
		"no address":         {[]string{"mailbox", "--smtp", "8025"}, 2, "", "--smtp: \"8025\" is not of the form HOST:PORT"},
		"no port":            {[]string{"mailbox", "--http", "127.0.0.1:x"}, 2, "", "--http: "},
		"exposed":            {[]string{"mailbox", "--http", "0.0.0.0:8026"}, 2, "", "other machines could reach 0.0.0.0:8026, and whoever is there could read the mails; add --expose"},
		"no TLS":             {[]string{"mailbox", "--tls", "ssl"}, 2, "", "--tls"},
		"no certificate":     {[]string{"mailbox", "--tls-cert", "x"}, 2, "", "--tls-cert"},
		"STARTTLS":           {[]string{"mailbox", "--fail", "drop@starttls"}, 2, "", "--fail: drop@starttls"},
		"a password only":    {[]string{"mailbox", "--password", "hush"}, 2, "", "--user"},
		"to keep nothing":    {[]string{"mailbox", "--keep", "0"}, 2, "", "--keep: at least 1"},
		"to keep less":       {[]string{"mailbox", "--keep", "-1"}, 2, "", "--keep: at least 1, not -1"},
		"one more than all":  {[]string{"mailbox", "--max-bytes", "200000000"}, 2, "", "--max-bytes"},
		"a host with a port": {[]string{"mailbox", "--allow-host", "x:1"}, 2, "", "--allow-host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := ended(t, test.args...)
			if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
				t.Errorf("exit %d, want %d\nout: %s\nerr: %s", code, test.code, stdout, stderr)
			}
			if test.code == 0 && stderr != "" || test.code != 0 && stdout != "" {
				t.Errorf("in the wrong stream\nout: %s\nerr: %s", stdout, stderr)
			}
			if strings.Contains(stderr, "hush") || strings.Contains(stderr, "goroutine ") {
				t.Errorf("that is nothing to tell: %s", stderr)
			}
		})
	}
}

// TestHelpListsWhatThereIs fails when a command is told of that does not exist.
func TestHelpListsWhatThereIs(t *testing.T) {
	t.Parallel()
	_, help, _ := ended(t, "--help")
	_, commands, ok := strings.Cut(help, "Commands:\n")
	if !ok {
		t.Fatal(help)
	}
	names := regexp.MustCompile(`(?m)^  ([a-z]+) `).FindAllStringSubmatch(commands, -1)
	if len(names) == 0 {
		t.Fatal(help)
	}
	for _, name := range names {
		if code, _, stderr := ended(t, name[1], "--help"); code != 0 {
			t.Errorf("%s: exit %d: %s", name[1], code, stderr)
		}
	}
}

// process is a running command.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	err *bytes.Buffer

	mu   sync.Mutex
	out  strings.Builder
	read chan struct{} // closed at the end of its output
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), err: &bytes.Buffer{}, read: make(chan struct{})}
	p.cmd.Stderr = p.err
	pipe, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	go func() {
		defer close(p.read)
		for lines := bufio.NewReader(pipe); ; {
			line, err := lines.ReadString('\n')
			p.mu.Lock()
			p.out.WriteString(line)
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// find waits for something in the output and returns what its groups caught.
func (p *process) find(expression string) []string {
	p.t.Helper()
	re := regexp.MustCompile(expression)
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if found := re.FindStringSubmatch(p.output()); found != nil {
			return found
		}
		select {
		case <-p.read:
			p.t.Fatalf("it ended without %s:\n%s\n%s", expression, p.output(), p.err)
		default:
		}
		if time.Now().After(end) {
			p.t.Fatalf("no %s within %s:\n%s", expression, patience, p.output())
		}
	}
}

// mailbox starts fault mailbox on free ports.
func mailbox(t *testing.T, args ...string) (p *process, smtpAddr, url string) {
	t.Helper()
	p = start(t, append([]string{"mailbox", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0"}, args...)...)
	found := p.find(`Mails are taken at (\S+) .* shown at (http://\S+)\n`)
	return p, found[1], found[2]
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	p, addr, url := mailbox(t)
	p.find(`Ctrl\+C stops it`)
	if err := smtp.SendMail(addr, nil, "a@b.example", []string{"c@d.example"}, []byte("Subject: Hello\r\n\r\nHow are you?\r\n")); err != nil {
		t.Fatal(err)
	}
	p.find(`Subject: +Hello\n`)
	p.find(`How are you\?\n`)
	resp, err := http.Get(url + "/api/mails/1.eml")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "Subject: Hello\r\n\r\nHow are you?\r\n" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestMailboxFails(t *testing.T) {
	t.Parallel()
	p, addr, _ := mailbox(t, "--quiet", "--fail", "tempfail", "--fail-first", "1", "--user", "susan", "--password", "hush")
	p.find(`It fails on purpose: tempfail@rcpt, the first attempt\.`)
	auth := smtp.PlainAuth("", "susan", "hush", "127.0.0.1")
	send := func() error {
		return smtp.SendMail(addr, auth, "a@b.example", []string{"c@d.example"}, []byte("Subject: Hello\r\n\r\n"))
	}
	if err := send(); err == nil || !strings.HasPrefix(err.Error(), "450 ") {
		t.Errorf("the first: %v", err)
	}
	if err := send(); err != nil {
		t.Errorf("the second: %v", err)
	}
	p.find(`mail 1 from <a@b\.example> to <c@d\.example>: Hello`)
	if strings.Contains(p.output(), "hush") {
		t.Error("the password is printed")
	}
}

func TestSignalsEndItAtOnce(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no such signals on Windows")
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			p, addr, url := mailbox(t, "--fail", "silent")
			conn, err := net.Dial("tcp", addr) // which is kept waiting
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p.find("not answered on purpose")
			waiting, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer waiting.Close()
			if _, err := io.WriteString(waiting, "GET /api/mails?wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if err := p.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			<-p.read
			if err := p.cmd.Wait(); err != nil || p.err.Len() != 0 {
				t.Errorf("%v\n%s", err, p.err)
			}
			if took := time.Since(began); took > patience/2 {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	p, addr, url := mailbox(t)
	for flag, address := range map[string]string{"--smtp": addr, "--http": strings.TrimPrefix(url, "http://")} {
		args := []string{"mailbox", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0"}
		code, stdout, stderr := ended(t, append(args, flag, address)...)
		if code != 1 || stdout != "" {
			t.Errorf("exit %d, out %q", code, stdout)
		}
		holder := "another program"
		if runtime.GOOS == "linux" {
			holder = fmt.Sprintf("another fault mailbox (process %d)", p.cmd.Process.Pid)
		}
		for _, want := range []string{"the address " + address + " is in use by " + holder, "choose another address with " + flag} {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: no %q in\n%s", flag, want, stderr)
			}
		}
		if strings.Count(stderr, "\n") != 1 {
			t.Errorf("more than a line:\n%s", stderr)
		}
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cert.pem")
	p, _, _ := mailbox(t, "--tls", "starttls", "--tls-cert", path)
	p.find(`SHA-256 is ([0-9A-F]{2}:){31}[0-9A-F]{2}`)
	p.find(regexp.QuoteMeta(path))
	if text, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(text, []byte("-----BEGIN CERTIFICATE-----")) {
		t.Errorf("%q, %v", text, err)
	}
	dear := filepath.Join(t.TempDir(), "dear.txt")
	if err := os.WriteFile(dear, []byte("something dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := ended(t, "mailbox", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--tls", "implicit", "--tls-cert", dear)
	if text, err := os.ReadFile(dear); code != 1 || !strings.Contains(stderr, "not overwritten") || err != nil || string(text) != "something dear" {
		t.Errorf("exit %d: %s; the file is %q, %v", code, stderr, text, err)
	}
}
