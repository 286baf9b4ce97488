package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium is the one browser process; each tab has a profile of its own in it.
type chromium struct {
	once   sync.Once
	ctx    context.Context
	cancel func()
	err    error
}

var errNoChromium = errors.New("there is no Chromium")

func findChromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return exec.LookPath(path)
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoChromium
}

func (c *chromium) start(dir string) error {
	c.once.Do(func() {
		path, err := findChromium()
		if err != nil {
			c.err = err
			return
		}
		opts := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
		opts = append(opts, chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(dir, "chromium")),
			chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true),
			chromedp.Flag("hide-scrollbars", true),
			chromedp.Flag("lang", "en-US"))
		if os.Geteuid() == 0 {
			opts = append(opts, chromedp.NoSandbox) // it refuses to run with one as root
		}
		allocator, closeAllocator := chromedp.NewExecAllocator(context.Background(), opts...)
		ctx, closeBrowser := chromedp.NewContext(allocator)
		c.ctx = ctx
		c.cancel = func() {
			_ = chromedp.Cancel(ctx)
			closeBrowser()
			closeAllocator()
		}
		if err := chromedp.Do(ctx); err != nil {
			c.err = fmt.Errorf("starting %s: %w", path, err)
			c.cancel()
			c.cancel = nil
		}
	})
	return c.err
}

func (c *chromium) close() {
	if c.cancel != nil {
		c.cancel()
	}
}

// look is how a tab shows pages.
type look struct {
	width, height int64 // 0: 1000 × 800
	phone         bool  // touch, two device pixels to one
	dark          bool
	noScript      bool
}

// A tab is a browser window with cookies of its own. What its console says against a page fails the
// test, and so does anything that the content security policy refused.
type tab struct {
	t    testing.TB
	ctx  context.Context
	base string
	look look

	mu       sync.Mutex
	page     string // address of the document
	problems []problem
	failed   map[string]bool // addresses of documents that were answered with 400 and above
}

// A problem is something that the browser said against a page.
type problem struct{ text, network string }

// tab opens a tab at s.
func (s *server) tab(t testing.TB, l look) *tab {
	t.Helper()
	b := openTab(t, l)
	b.base = s.url
	return b
}

func openTab(t testing.TB, l look) *tab {
	t.Helper()
	switch err := suite.chrome.start(suite.dir); {
	case errors.Is(err, errNoChromium):
		t.Skip("NOT TESTED IN A BROWSER: Chromium is neither where CHROMIUM says nor in PATH.")
	case err != nil:
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(suite.chrome.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, failed: map[string]bool{}}
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.complain)
	b.do(
		call(audits.Enable, cdp.Empty{}),
		call(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Pacific/Auckland"}),
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript}),
	)
	b.show(l)
	return b
}

// show makes the tab show pages that way from now on, the one that is open too.
func (b *tab) show(l look) {
	b.t.Helper()
	if l.width == 0 {
		l.width, l.height = 1000, 800
	}
	b.look = l
	scheme, scale := "light", 1.0
	if l.dark {
		scheme = "dark"
	}
	if l.phone {
		scale = 2
	}
	b.do(
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: l.width, Height: l.height, DeviceScaleFactor: scale, Mobile: l.phone}),
		call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"}}}),
	)
}

// call is an action that sends one command to the browser.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, command, params)
		return chromedp.Void{}, err
	}
}

// heard collects what the browser says.
func (b *tab) heard(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var words []string
			for _, arg := range e.Args {
				words = append(words, string(arg.Value)+arg.Description)
			}
			b.problems = append(b.problems, problem{text: fmt.Sprintf("console.%s: %s", e.Type, strings.Join(words, " "))})
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, problem{text: "uncaught: " + e.ExceptionDetails.Text})
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			if strings.Contains(e.Entry.Text, "WebSocket is closed before the connection is established") {
				return // the page was left while it was being connected
			}
			p := problem{text: fmt.Sprintf("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)}
			if e.Entry.Source == log.EntrySourceNetwork {
				p.network = e.Entry.URL
			}
			b.problems = append(b.problems, p)
		}
	case *audits.EventIssueAdded:
		said := string(e.Issue.Code)
		if d := e.Issue.Details; d != nil && d.GenericIssueDetails != nil {
			if d.GenericIssueDetails.ErrorType == audits.GenericIssueErrorTypeNavigationEntryMarkedSkippable {
				return // this is about the test: it opens addresses without a click before
			}
			said = fmt.Sprintf("%s: %s %s", said, d.GenericIssueDetails.ErrorType, d.GenericIssueDetails.ViolatingNodeAttribute)
		}
		b.problems = append(b.problems, problem{text: "issue on " + b.page + ": " + said})
	case *network.EventResponseReceived:
		if e.Type != network.ResourceTypeDocument {
			return
		}
		b.page = e.Response.URL
		if e.Response.Status >= 400 {
			b.failed[e.Response.URL] = true
		}
	}
}

// found returns what the browser said against the pages, but for documents that were answered with
// an error: that is for the test to judge.
func (b *tab) found() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, p := range b.problems {
		if (p.network == "" || !b.failed[p.network]) && !slices.Contains(all, p.text) {
			all = append(all, p.text)
		}
	}
	return all
}

func (b *tab) complain() {
	for _, p := range b.found() {
		b.t.Errorf("the browser says: %s", p)
	}
}

// limited is the tab's context for one step.
func (b *tab) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, patience)
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := b.limited()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v\non the page: %s", err, b.describe())
	}
}

// describe tells where the tab is, for a message about a failed step.
func (b *tab) describe() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + ": " + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return tail(said)
}

// value runs an action that returns something.
func value[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := b.limited()
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%v\non the page: %s", err, b.describe())
	}
	return v
}

// eval evaluates an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return value(b, chromedp.Evaluate[T](expression))
}

// goes runs steps that lead to another page, waits for it, and returns its status.
func (b *tab) goes(steps ...chromedp.Action[chromedp.Void]) int {
	b.t.Helper()
	ctx, cancel := b.limited()
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.t.Fatalf("%v\non the page: %s", err, b.describe())
	}
	return int(resp.Status)
}

// open goes to a path and returns the status.
func (b *tab) open(path string) int {
	b.t.Helper()
	for tries := 1; ; tries++ {
		ctx, cancel := b.limited()
		resp, err := chromedp.RunResponse(ctx, chromedp.Navigate(b.base+path))
		cancel()
		switch {
		case err == nil:
			return int(resp.Status)
		case tries < 3 && strings.Contains(err.Error(), "net::ERR_ABORTED"): // the page before has loaded itself again just then
		default:
			b.t.Fatalf("%v\non the page: %s", err, b.describe())
		}
	}
}

// press clicks what leads to another page, and returns its status.
func (b *tab) press(selector string) int {
	b.t.Helper()
	return b.goes(chromedp.Click(chromedp.CSS(selector)))
}

// fill replaces what stands in a field by what is typed on the keyboard.
func (b *tab) fill(name, typed string) {
	b.t.Helper()
	b.empty(name)
	b.do(chromedp.SendKeys(chromedp.ID(name), typed))
}

// empty clears a field.
func (b *tab) empty(name string) {
	b.t.Helper()
	if got := eval[string](b, fmt.Sprintf(`document.getElementById(%q).value = ""`, name)); got != "" {
		b.t.Fatalf("the field %s cannot be emptied: %q", name, got)
	}
}

// says ends the test unless the page says text.
func (b *tab) says(text string) {
	b.t.Helper()
	if said := b.text("body"); !strings.Contains(said, text) {
		b.t.Fatalf("the page does not say %q, but: %s", text, said)
	}
}

// text is what a person reads in the element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return strings.Join(strings.Fields(eval[string](b, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))), " ")
}

// at ends the test unless the tab is at this path.
func (b *tab) at(path string) {
	b.t.Helper()
	if got := eval[string](b, "location.pathname + location.search"); got != path {
		b.t.Fatalf("the browser is at %s, want %s\n%s", got, path, b.text("main"))
	}
}

// login logs name in by the form.
func (b *tab) login(name string) {
	b.t.Helper()
	b.open("/login")
	b.fill("username", name)
	b.fill("password", password)
	if status := b.press("form[action='/login'] button"); status != 200 {
		b.t.Fatalf("logging in: status %d: %s", status, b.describe())
	}
}

// picture leaves a screenshot of the whole page where E2E_SCREENSHOTS says.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("E2E_SCREENSHOTS")
	if dir == "" {
		return
	}
	png := value(b, chromedp.FullScreenshot(100))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
