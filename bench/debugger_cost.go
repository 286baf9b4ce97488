package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// runningCost is what a page that does not fail costs under "fault run".
type runningCost struct {
	Path    string       `json:"path"`
	Bytes   int          `json:"bytes"` // of the release build's answer
	Servers []ranFigures `json:"servers"`
}

// ranFigures are those of one way to ask. CPU is that of the application, without fault run's own.
type ranFigures struct {
	Name   string  `json:"name"`
	Served figures `json:"served"`
	Ratio  spread  `json:"ratio"` // its answers per second through the release build's, by round
}

// measureCosts compares pages that do not fail: of the release build, and of the one under "fault run", asked itself and by way of
// fault run.
func (b *debuggerBench) measureCosts(ctx context.Context) (all []runningCost, err error) {
	a, err := b.start(ctx, smallestApp)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.stop()) }()
	own, err := a.release.facts(ctx)
	if err != nil {
		return nil, err
	}
	developed, err := a.app.facts(ctx)
	if err != nil {
		return nil, err
	}
	for _, path := range []string{cheapPath, listPath} {
		c := runningCost{Path: path, Servers: []ranFigures{
			{Name: "release build"}, {Name: "development build under fault run, asked directly"}, {Name: "the same, through fault run's port"},
		}}
		var contenders []*contender
		for i, one := range []struct {
			address string
			pid     int
		}{{a.release.address, own.PID}, {developed.Address, developed.PID}, {a.app.address, developed.PID}} {
			t := target{name: path, request: request(one.address, path, ""), status: http.StatusOK, length: anyLength}
			h, raw, err := ask(ctx, one.address, t)
			if err != nil {
				return all, err
			}
			if t.length = h.length; h.status != t.status {
				return all, fmt.Errorf("%s answered %d: %.200q", path, h.status, raw)
			}
			if i == 0 {
				c.Bytes = h.length
			}
			contenders = append(contenders, &contender{load: load{one.address, []target{t}, b.options.connections, b.options.round}, pid: one.pid, figures: &c.Servers[i].Served})
		}
		for _, one := range contenders {
			if err := one.warmUp(ctx, b.options.warmUp); err != nil {
				return all, err
			}
		}
		ratios := make([][]float64, len(contenders))
		for range b.options.rounds {
			for _, one := range contenders {
				if err := one.measure(ctx); err != nil {
					return all, err
				}
			}
			for i, one := range contenders {
				ratios[i] = append(ratios[i], last(one.figures.PerSecond)/last(contenders[0].figures.PerSecond))
			}
		}
		for i, one := range contenders {
			one.finish()
			c.Servers[i].Ratio = spreadOf(ratios[i])
			fmt.Fprintf(b.progress, "%s, %s: %.0f/s\n", path, c.Servers[i].Name, spreadOf(one.figures.PerSecond).Median)
		}
		all = append(all, c)
	}
	return all, nil
}
