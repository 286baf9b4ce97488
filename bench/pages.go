package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
)

// scenario is one page, compared with the bare server.
type scenario struct {
	name     string
	path     string
	signedIn bool
	status   int
	contains []string // texts that the page must have, so that it is the one that is meant
	aim      float64  // least share of the bare server's throughput; 0: none
	args     []string // of microblog serve
	settings []string
	control  bool // a second bare server takes the real one's place: what differs then is noise
}

// scenarios are the pages of issue and documentation, those that share a server one after the other.
func scenarios(p people) []scenario {
	return []scenario{
		{name: "control: bare beside bare", path: "/login", status: http.StatusOK, control: true},
		{name: "log-in page", path: "/login", status: http.StatusOK, contains: []string{`name="password"`}, aim: 0.5},
		{name: "log-in page that leads back", path: "/login?next=/explore", status: http.StatusOK, contains: []string{`name="next" value="/explore"`}},
		{name: "profile with ten posts, signed in", path: "/user/" + p.author, signedIn: true, status: http.StatusOK, contains: p.tenPosts, aim: 0.15},
		{name: "home timeline, signed in", path: "/", signedIn: true, status: http.StatusOK, contains: []string{p.newestFollowed}},
		{name: "404", path: "/no-such-page", status: http.StatusNotFound, contains: []string{"</html>"}, aim: 0.4},
		{name: "log-in page, ACCESS_LOG=off", path: "/login", status: http.StatusOK, contains: []string{`name="password"`}, aim: 0.6, settings: []string{"ACCESS_LOG=off"}},
		{name: "500 (drill)", path: "/drill/error", status: http.StatusInternalServerError, contains: []string{"An unexpected error has occurred"}, args: []string{"--drill"}},
	}
}

// sharesServer reports whether two scenarios can be measured on one running server.
func (s scenario) sharesServer(o scenario) bool {
	return slices.Equal(s.args, o.args) && slices.Equal(s.settings, o.settings)
}

// comparison is what came of a scenario.
type comparison struct {
	Name      string  `json:"name"`
	Path      string  `json:"path"`
	Status    int     `json:"status"`
	Bytes     int     `json:"bytes"` // of the whole answer, head and body
	Aim       float64 `json:"aim,omitempty"`
	Microblog figures `json:"microblog"`
	Bare      figures `json:"bare"`
	Ratio     spread  `json:"ratio"` // Microblog's answers per second through the bare server's, by round
	Memory    memory  `json:"memory"`
	Others    float64 `json:"others"` // share of the machine's CPU time that other programs used meanwhile; 0: not known
}

// figures are one server's.
type figures struct {
	PerSecond []float64     `json:"per_second"` // answers, by round
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	CPU       time.Duration `json:"cpu_ns"` // of the server, for one answer; 0: not known
}

// spread sums up the rounds.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(v []float64) spread {
	if len(v) == 0 {
		return spread{}
	}
	s := slices.Sorted(slices.Values(v))
	middle := s[len(s)/2]
	if len(s)%2 == 0 {
		middle = (middle + s[len(s)/2-1]) / 2
	}
	return spread{Median: middle, Min: s[0], Max: s[len(s)-1]}
}

// comparePages measures the scenarios that o asks for. What it does is told to progress.
func comparePages(ctx context.Context, o options, s site, p people, progress io.Writer) (all []comparison, err error) {
	var running *server
	stop := func() {
		if running != nil {
			err = errors.Join(err, running.stop())
			running = nil
		}
	}
	defer func() { stop() }()
	var last scenario
	for _, sc := range scenarios(p) {
		if !o.wanted(sc.name) {
			continue
		}
		if running != nil && !sc.sharesServer(last) {
			if stop(); err != nil {
				return all, err
			}
		}
		if running == nil {
			if running, err = s.start(ctx, sc.args, sc.settings...); err != nil {
				return all, err
			}
		}
		last = sc
		c, err := compare(ctx, o, running, sc, p)
		if err != nil {
			return all, fmt.Errorf("measuring %s: %w", sc.name, err)
		}
		fmt.Fprintf(progress, "%s: %.0f/s, bare %.0f/s, ratio %.3f\n", c.Name,
			spreadOf(c.Microblog.PerSecond).Median, spreadOf(c.Bare.PerSecond).Median, c.Ratio.Median)
		all = append(all, c)
	}
	return all, nil
}

// compare measures one scenario, round by round, the real server and the bare one in turn.
func compare(ctx context.Context, o options, srv *server, sc scenario, p people) (_ comparison, err error) {
	cookie := ""
	if sc.signedIn {
		if cookie, err = srv.signIn(ctx, p.reader, p.password); err != nil {
			return comparison{}, err
		}
	}
	t := target{name: sc.path, request: request(srv.address, sc.path, cookie), status: sc.status}
	h, raw, err := ask(ctx, srv.address, t)
	if err != nil {
		return comparison{}, err
	}
	if h.status != sc.status {
		return comparison{}, fmt.Errorf("%s answered %d instead of %d", sc.path, h.status, sc.status)
	}
	for _, text := range sc.contains {
		if !bytes.Contains(raw, []byte(text)) {
			return comparison{}, fmt.Errorf("%s is not the page that was meant: %q is not in it", sc.path, text)
		}
	}
	t.length = h.length
	rec, err := record(h, raw)
	if err != nil {
		return comparison{}, err
	}
	bare, err := startBare(ctx, rec)
	if err != nil {
		return comparison{}, err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	_, same, err := ask(ctx, bare.address, t)
	if err != nil {
		return comparison{}, err
	}
	if len(same) != len(raw) {
		return comparison{}, fmt.Errorf("the bare server's answer has %d bytes, Microblog's %d", len(same), len(raw))
	}

	address, pid := srv.address, srv.pid()
	if sc.control {
		second, err := startBare(ctx, rec)
		if err != nil {
			return comparison{}, err
		}
		defer func() { err = errors.Join(err, second.stop()) }()
		address, pid = second.address, second.pid()
	}
	c := comparison{Name: sc.name, Path: sc.path, Status: sc.status, Bytes: len(raw), Aim: sc.aim}
	tested := contender{load: load{address, []target{t}, o.connections, o.round}, pid: pid, figures: &c.Microblog}
	control := contender{load: load{bare.address, []target{t}, o.connections, o.round}, pid: bare.pid(), figures: &c.Bare}
	for _, one := range []*contender{&tested, &control} {
		if err := one.warmUp(ctx, o.warmUp); err != nil {
			return comparison{}, err
		}
	}
	resetPeak(pid)
	watch := watchOthers(os.Getpid(), pid, bare.pid())
	ratios := make([]float64, o.rounds)
	for i := range ratios {
		for _, one := range []*contender{&tested, &control} {
			if err := one.measure(ctx); err != nil {
				return comparison{}, err
			}
		}
		ratios[i] = c.Microblog.PerSecond[i] / c.Bare.PerSecond[i]
	}
	if c.Others, err = watch.share(); err != nil {
		return comparison{}, err
	}
	tested.finish()
	control.finish()
	c.Ratio = spreadOf(ratios)
	c.Memory, err = memoryOf(pid)
	return c, err
}

// contender is a server under load.
type contender struct {
	load    load
	pid     int
	figures *figures
	latency histogram
	cpu     time.Duration
}

func (c *contender) warmUp(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	l := c.load
	l.duration = d
	_, err := l.run(ctx)
	return err
}

// measure adds one round.
func (c *contender) measure(ctx context.Context) error {
	before, err := cpuOf(c.pid)
	if err != nil {
		return err
	}
	m, err := c.load.run(ctx)
	if err != nil {
		return err
	}
	after, err := cpuOf(c.pid)
	if err != nil {
		return err
	}
	c.cpu += after - before
	c.latency.merge(&m.latency)
	c.figures.PerSecond = append(c.figures.PerSecond, m.perSecond())
	return nil
}

// finish sums up.
func (c *contender) finish() {
	c.figures.P50 = c.latency.quantile(0.50)
	c.figures.P99 = c.latency.quantile(0.99)
	c.figures.CPU = c.cpu / time.Duration(c.latency.total)
}
