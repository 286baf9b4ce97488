package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// devRunGate is how main begins; what is put there keeps a version from being ready until a file is there.
const devRunGate = `	"syscall"

	"example.org/microblog/internal/cli"
)

func main() {
`

// devRunPeople: people sign up, log in and post while a new version is on its way, and go on with the new one.
func devRunPeople(t *testing.T, d *devRun) {
	gate := filepath.Join(t.TempDir(), "gate")
	told, processes := d.told(), d.processes()
	waits := strings.Replace(devRunGate, "\"syscall\"\n", "\"syscall\"\n\t\"time\"\n", 1) + fmt.Sprintf(`	for _, err := os.Stat(%q); err != nil; _, err = os.Stat(%[1]q) {
		time.Sleep(10 * time.Millisecond)
	}
`, gate)
	undo := d.edit(t, "cmd/microblog/main.go", devRunGate, waits)

	b := d.tab(t, look{})
	name := unique("newcomer")
	b.open("/register")
	b.fill("username", name)
	b.fill("email", name+"@example.com")
	b.fill("password", password)
	b.fill("password2", password)
	if status := b.press("form[action='/register'] button"); status != 200 {
		t.Fatalf("signing up: %d: %s", status, b.describe())
	}
	b.says("Congratulations")
	b.login(name)
	b.fill("post", "with the old version")
	if status := b.press("form.composer button"); status != 200 {
		t.Fatalf("posting: %d: %s", status, b.describe())
	}
	b.says("with the old version")

	// The others come all the time, whichever version there is.
	var others sync.WaitGroup
	done := make(chan struct{})
	failed := make(chan string, 2)
	for i := range 2 {
		c := d.person(t, "other")
		others.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				home, err := c.try("GET", "/", nil, nil)
				if err == nil && home.status == 200 && home.err == nil {
					home, err = c.try("POST", "/", form("post", fmt.Sprintf("%d of the other %d", n, i), "once", home.value("once")), nil)
				}
				if err != nil || home.status != http.StatusSeeOther || home.err != nil {
					failed <- fmt.Sprintf("%v %+v", err, home)
					return
				}
			}
		})
	}
	b.mark()
	b.fill("post", "with the new version")
	if d.processes() != processes {
		t.Error("the new version is there before its time")
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.tells(t, told, `cmd/microblog/main\.go: built in .*ready in`)
	b.sees(t, "p", "What you have typed here would be lost")
	b.stays(t)
	if status := b.press("form.composer button"); status != 200 {
		t.Fatalf("posting to the new version: %d: %s", status, b.describe())
	}
	b.says("with the new version")
	b.says("with the old version")
	close(done)
	others.Wait()
	close(failed)
	for f := range failed {
		t.Errorf("during the change of versions a request failed: %s", f)
	}

	// What other sites send is refused as ever.
	c := d.person(t, "careful")
	for name, header := range map[string]http.Header{
		"another origin": {"Origin": {"https://evil.example"}},
		"cross-site":     {"Sec-Fetch-Site": {"cross-site"}},
		"same site":      {"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://localhost:1"}},
	} {
		if r := c.do("POST", "/logout", form(), header); r.status != 403 {
			t.Errorf("%s: status %d", name, r.status)
		}
	}
	c.get("/").want(200).says("Hi, " + c.name)

	undo()
	b.empty("post")
	d.tells(t, told, `(?s)cmd/microblog/main\.go: built in .*cmd/microblog/main\.go: built in `)
	b.open("/user/" + name)
	b.says("with the new version")
	b.do(chromedp.Evaluate[chromedp.Void]("undefined"))
}

// devRunMails: after all these failures no administrator has got a mail; the mailbox is there.
func devRunMails(t *testing.T, d *devRun) {
	if r := d.client(t).get("/drill/error"); r.status != 500 {
		t.Fatalf("status %d", r.status)
	}
	resp, err := http.Get(d.mails + "/api/mails")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	var mails struct{ Mails []json.RawMessage }
	if err == nil {
		err = json.Unmarshal(text, &mails)
	}
	if err != nil || resp.StatusCode != 200 || mails.Mails == nil || len(mails.Mails) != 0 {
		t.Errorf("the mailbox has %d %s, %v", resp.StatusCode, text, err)
	}
	b := d.tab(t, look{})
	if status := b.open("/.fault/"); status != 200 {
		t.Fatalf("status %d", status)
	}
	b.says("this failure was asked for by the drill")
	b.picture("devrun-overview")
	if address := eval[string](b, `[...document.querySelectorAll("a")].find(a => a.innerText === "Mails")?.href ?? ""`); strings.TrimSuffix(address, "/") != d.mails {
		t.Errorf("the link to the mails leads to %q, want %s", address, d.mails)
	}
	if status := b.goes(chromedp.Navigate(d.mails)); status != 200 {
		t.Errorf("the mailbox answers %d", status)
	}
}

// devRunVerify: the release can be told from what fault run has built.
func devRunVerify(t *testing.T, d *devRun) {
	verify := func(binary string) (stdout, stderr string, err error) {
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(t.Context(), d.cmd.Path, "verify", binary)
		cmd.Stdout, cmd.Stderr = &out, &errs
		err = cmd.Run()
		return out.String(), errs.String(), err
	}
	if out, errs, err := verify(program(t)); err != nil || errs != "" {
		t.Errorf("the release: %v\n%s%s", err, out, errs)
	}
	built, err := filepath.Glob(filepath.Join(d.temp, "fault-run-*", "*microblog*"))
	if err != nil || len(built) == 0 {
		t.Fatalf("fault run has built nothing: %v", err)
	}
	out, errs, err := verify(built[0])
	if err == nil || !strings.Contains(errs, "example.org/microblog/fault/internal/devlink.") || !strings.Contains(errs, "not fit for a release") {
		t.Errorf("what fault run builds: %v\n%s%s", err, out, errs)
	}
}
