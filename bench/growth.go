package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// kept is how many different addresses of one kind of page are asked for in turn, so that it is
// not one page out of a cache that is measured.
const kept = 200

// growingPage is a kind of page that is measured at every size of the database.
type growingPage struct {
	name   string
	viewer string // who is signed in; "": nobody
	paths  []string
}

// growingPages are the pages measured in a database with these people.
func growingPages(p people) []growingPage {
	random := rand.New(rand.NewPCG(uint64(p.posts), 1))
	middle := p.firstPost + int64(p.posts)/2
	pages := []growingPage{
		{name: "home", viewer: p.reader, paths: []string{"/"}},
		{name: "home, deep", viewer: p.reader, paths: []string{fmt.Sprintf("/?before=%d", middle)}},
		{name: "home, following 200 who are long silent", viewer: p.dozer, paths: []string{"/"}},
		{name: "explore", viewer: p.reader, paths: []string{"/explore"}},
		{name: "explore, deep", viewer: p.reader},
		{name: "profile", viewer: p.reader},
		{name: "profile, deep", viewer: p.reader, paths: []string{fmt.Sprintf("/user/%s?before=%d", p.talker, middle)}},
		{name: "post", viewer: p.reader},
	}
	for range kept {
		post := p.firstPost + random.Int64N(int64(p.posts))
		pages[4].paths = append(pages[4].paths, fmt.Sprintf("/explore?before=%d", max(post, p.firstPost+100)))
		pages[5].paths = append(pages[5].paths, "/user/"+p.writers[random.IntN(len(p.writers))])
		pages[7].paths = append(pages[7].paths, fmt.Sprintf("/post/%d", post))
	}
	return pages
}

// growth is how the pages do at each size.
type growth struct {
	Sizes []sizeFigures    `json:"sizes"`
	Pages []growingFigures `json:"pages"`
}

type sizeFigures struct {
	Posts    int           `json:"posts"`
	People   int           `json:"people"`
	Seeding  time.Duration `json:"seeding_ns"`
	Database int64         `json:"database_bytes"`
	Idle     memory        `json:"memory_idle"` // after the start
	Memory   memory        `json:"memory"`      // after all pages
}

type growingFigures struct {
	Name string          `json:"name"`
	P50  []time.Duration `json:"p50_ns"` // by size
	P99  []time.Duration `json:"p99_ns"`
}

// grown is a server on a database of one size.
type grown struct {
	*server
	people  people
	cookies map[string]string
}

// measureGrowth fills one database for each size, starts a server on each and measures the pages
// in turn, one request at a time.
func measureGrowth(ctx context.Context, o options, binary, dir string, progress io.Writer) (_ growth, err error) {
	var g growth
	var all []grown
	var founded []*seeded
	defer func() {
		for _, one := range all {
			err = errors.Join(err, one.stop())
		}
		for _, f := range founded {
			err = errors.Join(err, f.remove())
		}
	}()
	for _, size := range o.sizes {
		began := time.Now()
		f, err := found(ctx, o, binary, dir, fmt.Sprintf("growth-%d", size), size)
		if err != nil {
			return g, err
		}
		founded = append(founded, f)
		fmt.Fprintf(progress, "%d posts are in the database after %.1f s\n", size, time.Since(began).Seconds())
		one := grown{people: f.people, cookies: map[string]string{"": ""}}
		s := sizeFigures{Posts: size, People: len(f.people.names), Seeding: time.Since(began), Database: f.size}
		if one.server, err = f.site.start(ctx, nil); err != nil {
			return g, err
		}
		all = append(all, one)
		for _, name := range []string{f.people.reader, f.people.dozer} {
			if one.cookies[name], err = one.signIn(ctx, name, f.people.password); err != nil {
				return g, err
			}
		}
		if s.Idle, err = memoryOf(one.pid()); err != nil {
			return g, err
		}
		g.Sizes = append(g.Sizes, s)
	}
	if len(all) == 0 {
		return g, nil
	}
	for i, page := range growingPages(all[0].people) {
		f, err := measureGrowing(ctx, o, all, i)
		if err != nil {
			return g, fmt.Errorf("measuring %s: %w", page.name, err)
		}
		g.Pages = append(g.Pages, f)
		fmt.Fprintf(progress, "%s: p50 %v\n", f.Name, f.P50)
	}
	for i, one := range all {
		if g.Sizes[i].Memory, err = memoryOf(one.pid()); err != nil {
			return g, err
		}
	}
	return g, nil
}

// measureGrowing measures the page of that index on every server, in turns.
func measureGrowing(ctx context.Context, o options, all []grown, index int) (growingFigures, error) {
	f := growingFigures{P50: make([]time.Duration, len(all)), P99: make([]time.Duration, len(all))}
	loads := make([]load, len(all))
	latency := make([]histogram, len(all))
	for i, one := range all {
		page := growingPages(one.people)[index]
		f.Name = page.name
		l := load{address: one.address, connections: 1, duration: o.round / 2}
		for _, path := range page.paths {
			t := target{name: path, request: request(one.address, path, one.cookies[page.viewer]), status: 200}
			h, _, err := ask(ctx, one.address, t)
			if err != nil {
				return f, err
			}
			if h.status != t.status {
				return f, fmt.Errorf("%s answered %d instead of %d", path, h.status, t.status)
			}
			t.length = h.length
			l.targets = append(l.targets, t)
		}
		loads[i] = l
	}
	for round := range o.rounds + 1 {
		for i, l := range loads {
			m, err := l.run(ctx)
			if err != nil {
				return f, err
			}
			if round > 0 { // the first one is for warming up
				latency[i].merge(&m.latency)
			}
		}
	}
	for i := range latency {
		f.P50[i] = latency[i].quantile(0.50)
		f.P99[i] = latency[i].quantile(0.99)
	}
	return f, nil
}
