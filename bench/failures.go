package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.org/microblog/fault/journal"
)

const (
	// failuresName and stormName are what --run matches for these parts.
	failuresName = "failures"
	stormName    = "storm"

	failingPath = "/drill/wrapped"
	// failingConnections is how many fail at the same time: enough for captures to share their writes to the disk.
	failingConnections = 64
	drainTimeout       = 5 * time.Minute
)

// failing is what failing requests cost, by the mail server that hears of them.
type failing struct {
	Servers []failingFigures `json:"servers"`
	// Page and Rendered are pages that do not fail, of the server without a mail server.
	Page     failingFigures `json:"page"`
	Rendered failingFigures `json:"rendered"`
}

// failingFigures are those of one server.
type failingFigures struct {
	Name   string  `json:"name"`
	Served figures `json:"served"`
	Ratio  spread  `json:"ratio"` // its failures per second through those without a mail server, by round
	Cost   spread  `json:"cost"`  // of a page: its answers per second through the failures of that server, by round
}

// storm is what a flood of failures leads to.
type storm struct {
	Failures uint64        `json:"failures"`
	Elapsed  time.Duration `json:"elapsed_ns"` // until all were answered
	Drain    time.Duration `json:"drain_ns"`   // until all were counted, from then
	Mails    int64         `json:"mails"`
	Memory   memory        `json:"memory"`
	Books    string        `json:"books"`
}

// measureFailures compares failing requests without a mail server, with a good one and with a silent one.
func measureFailures(ctx context.Context, o options, binary, dir string, progress io.Writer) (_ failing, err error) {
	var f failing
	good, err := startMailServer(false)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, good.stop()) }()
	silent, err := startMailServer(true)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, silent.stop()) }()

	var contenders []*contender
	for _, kind := range []struct {
		name     string
		settings []string
	}{{"none", nil}, {"good", good.settings()}, {"silent", silent.settings()}} {
		var empty *seeded
		if empty, err = newSite(ctx, o, binary, dir, "failures-"+kind.name); err != nil {
			return f, err
		}
		defer func() { err = errors.Join(err, empty.remove()) }()
		var srv *server
		if srv, err = empty.site.start(ctx, []string{"--drill"}, kind.settings...); err != nil {
			return f, err
		}
		defer func() { err = errors.Join(err, srv.stop()) }()
		c, err := contend(ctx, o, srv, failingPath, http.StatusInternalServerError)
		if err != nil {
			return f, err
		}
		contenders = append(contenders, c)
		f.Servers = append(f.Servers, failingFigures{Name: kind.name})
		if kind.name == "none" {
			for _, path := range []string{"/login", "/login?next=/explore"} {
				if c, err = contend(ctx, o, srv, path, http.StatusOK); err != nil {
					return f, err
				}
				contenders = append(contenders, c)
			}
		}
	}
	// In turns: failing without a mail server, the two pages of that server, failing with the others.
	all := []*failingFigures{&f.Servers[0], &f.Page, &f.Rendered, &f.Servers[1], &f.Servers[2]}
	for i, c := range contenders {
		c.figures = &all[i].Served
		if err := c.warmUp(ctx, o.warmUp); err != nil {
			return f, err
		}
	}
	f.Page.Name, f.Rendered.Name = "log-in page", "log-in page that leads back"
	ratios := make([][]float64, len(contenders))
	for range o.rounds {
		for _, c := range contenders {
			if err := calm(ctx, contenders); err != nil {
				return f, err
			}
			if err := c.measure(ctx); err != nil {
				return f, err
			}
		}
		first := last(contenders[0].figures.PerSecond)
		for i, c := range contenders {
			ratios[i] = append(ratios[i], last(c.figures.PerSecond)/first)
		}
	}
	for i, c := range contenders {
		c.finish()
		if i == 1 || i == 2 {
			all[i].Cost = spreadOf(ratios[i])
		} else {
			all[i].Ratio = spreadOf(ratios[i])
		}
		fmt.Fprintf(progress, "%s: %.0f/s\n", all[i].Name, spreadOf(c.figures.PerSecond).Median)
	}
	return f, nil
}

func last(v []float64) float64 { return v[len(v)-1] }

// contend makes a contender of a page of srv.
func contend(ctx context.Context, o options, srv *server, path string, status int) (*contender, error) {
	t := target{name: path, request: request(srv.address, path, ""), status: status}
	h, _, err := ask(ctx, srv.address, t)
	if err != nil {
		return nil, err
	}
	if h.status != status {
		return nil, fmt.Errorf("%s answered %d instead of %d", path, h.status, status)
	}
	t.length = h.length
	if status >= http.StatusInternalServerError {
		t.length = anyLength // the page says that somebody was notified only if the capture was durable in time
	}
	return &contender{load: load{srv.address, []target{t}, failingConnections, o.round}, pid: srv.pid()}, nil
}

// calm waits until the servers have done what the last load left them to do, so that nobody pays for another one's failures.
func calm(ctx context.Context, contenders []*contender) error {
	const step, idle = 200 * time.Millisecond, 10 * time.Millisecond
	used := func() (sum time.Duration, err error) {
		for _, c := range contenders {
			cpu, err := cpuOf(c.pid)
			if err != nil {
				return 0, err
			}
			sum += cpu
		}
		return sum, nil
	}
	end := time.Now().Add(drainTimeout)
	before, err := used()
	for err == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(step):
		}
		var after time.Duration
		if after, err = used(); err == nil && after-before <= idle {
			return nil
		}
		before = after
		if time.Now().After(end) {
			return fmt.Errorf("a server is still busy %v after the load", drainTimeout)
		}
	}
	return err
}

// measureStorm makes a server fail very often, and looks at what comes of it.
func measureStorm(ctx context.Context, o options, binary, dir string, progress io.Writer) (st storm, err error) {
	mails, err := startMailServer(false)
	if err != nil {
		return st, err
	}
	defer func() { err = errors.Join(err, mails.stop()) }()
	empty, err := newSite(ctx, o, binary, dir, stormName)
	if err != nil {
		return st, err
	}
	defer func() { err = errors.Join(err, empty.remove()) }()
	srv, err := empty.site.start(ctx, []string{"--drill"}, mails.settings()...)
	if err != nil {
		return st, err
	}
	running := true
	defer func() {
		if running {
			err = errors.Join(err, srv.stop())
		}
	}()
	c, err := contend(ctx, o, srv, failingPath, http.StatusInternalServerError)
	if err != nil {
		return st, err
	}
	st.Failures = 1 // the one that contend has looked at
	started := time.Now()
	for c.load.duration = min(time.Second, o.round); st.Failures < uint64(o.storm); {
		m, err := c.load.run(ctx)
		if err != nil {
			return st, err
		}
		st.Failures += m.answers
	}
	st.Elapsed = time.Since(started)
	fmt.Fprintf(progress, "%d failures in %v\n", st.Failures, st.Elapsed.Round(time.Millisecond))
	started = time.Now()
	for {
		held, err := journal.Inspect(filepath.Join(empty.site.dir, "data", "journal"))
		if err != nil {
			return st, err
		}
		if held.Waiting == 0 {
			break
		}
		if time.Since(started) > drainTimeout {
			return st, fmt.Errorf("%d failures are not counted %v after the storm", held.Waiting, drainTimeout)
		}
		time.Sleep(20 * time.Millisecond)
	}
	st.Drain = time.Since(started)
	if st.Memory, err = memoryOf(srv.pid()); err != nil {
		return st, err
	}
	running = false
	if err := srv.stop(); err != nil {
		return st, err
	}
	st.Mails = mails.taken.Load()
	text, err := os.ReadFile(filepath.Join(empty.site.dir, "logs", "microblog.log"))
	if err != nil {
		return st, fmt.Errorf("reading the log of the storm: %w", err)
	}
	if i := strings.LastIndex(string(text), "captured "); i >= 0 {
		st.Books, _, _ = strings.Cut(string(text[i:]), " [")
	}
	return st, nil
}

func (f *failing) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n| failing requests, %d connections; mail server: | per second | ratio: median (min–max) | aim | p50, p99 | CPU per failure |\n|---|--:|--:|--:|--:|--:|\n", failingConnections)
	for _, s := range f.Servers {
		aim := ""
		if s.Name == "silent" {
			aim = "≥ 0.95"
		}
		fmt.Fprintf(b, "| %s | %s | **%.3f** (%.3f–%.3f) | %s | %s, %s | %s |\n", s.Name, thousands(int(spreadOf(s.Served.PerSecond).Median)),
			s.Ratio.Median, s.Ratio.Min, s.Ratio.Max, aim, millis(s.Served.P50), millis(s.Served.P99), micros(s.Served.CPU))
	}
	b.WriteString("\n| a page beside a captured failure | per second | a failure costs as much as so many: median (min–max) | p50, p99 |\n|---|--:|--:|--:|\n")
	for _, p := range []failingFigures{f.Page, f.Rendered} {
		fmt.Fprintf(b, "| %s | %s | **%.2f** (%.2f–%.2f) | %s, %s |\n", p.Name, thousands(int(spreadOf(p.Served.PerSecond).Median)),
			p.Cost.Median, p.Cost.Min, p.Cost.Max, millis(p.Served.P50), millis(p.Served.P99))
	}
}

func (st *storm) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n| storm | |\n|---|---|\n| failures | %s in %.1f s |\n| until all were counted, after the last answer | %.2f s |\n| mails | %d |\n| memory: resident, peak | %s |\n| the books | %s |\n",
		thousands(int(st.Failures)), st.Elapsed.Seconds(), st.Drain.Seconds(), st.Mails, st.Memory, st.Books)
}
