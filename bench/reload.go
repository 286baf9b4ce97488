package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// reloadName is what --run matches for this part.
	reloadName = "reload"

	mostMissed = 2 // missed saves of a kind, with one tool; no more are tried then
)

// reloading is how long a developer waits for an edit, and what visitors notice of it, by tool.
type reloading struct {
	Edits   int             `json:"edits"` // of each kind
	Saves   int             `json:"saves"` // under load
	Rate    int             `json:"rate"`  // of the load, in requests per second
	Tools   []reloadFigures `json:"tools"`
	Missing []missingTool   `json:"not_measured,omitempty"`
}

// reloadFigures are those of one tool.
type reloadFigures struct {
	Tool    string        `json:"tool"`
	Edits   []editFigures `json:"edits"`
	Load    *disturbance  `json:"load,omitempty"`
	Left    int           `json:"left_behind"`       // processes of the application, after the tool has been stopped
	Trouble string        `json:"trouble,omitempty"` // why it was not measured to the end, or did not end well
}

// editFigures are those of one kind of edit.
type editFigures struct {
	Name   string          `json:"name"`
	Times  []time.Duration `json:"times_ns"` // from the save to the first right answer
	Missed int             `json:"missed"`   // saves without a right answer within editTimeout
}

// missingTool is one that is not measured.
type missingTool struct {
	Tool   string `json:"tool"`
	Reason string `json:"reason"`
}

// measureReload compares the tools that o asks for. One that cannot be had, or that ends, is told
// about and does not stop the others. With an error too, what was measured is returned.
func measureReload(ctx context.Context, o reloadOptions, dir string, progress io.Writer) (reloading, error) {
	var tools []tool
	for _, t := range knownTools() {
		if o.tools[t.name] {
			tools = append(tools, t)
		}
	}
	return compareTools(ctx, o, tools, dir, progress)
}

// compareTools measures the tools in turns, all on the same application.
func compareTools(ctx context.Context, o reloadOptions, tools []tool, dir string, progress io.Writer) (r reloading, err error) {
	r = reloading{Edits: o.edits, Saves: o.saves, Rate: o.rate}
	if err := os.Mkdir(toolsDir(dir), 0o777); err != nil {
		return r, fmt.Errorf("making a directory for the tools: %w", err)
	}
	var all []*reloader
	defer func() {
		for _, one := range all {
			one.stop(nil)
			r.Tools = append(r.Tools, one.figures)
		}
	}()
	for _, t := range tools {
		fmt.Fprintf(progress, "starting %v\n", t)
		program, err := t.obtain(ctx, dir)
		var d *development
		if err == nil {
			d, err = develop(ctx, t, program, filepath.Join(dir, "notes-"+t.name))
		}
		switch {
		case ctx.Err() != nil:
			return r, ctx.Err()
		case err != nil:
			fmt.Fprintf(progress, "%v is not measured: %v\n", t, err)
			r.Missing = append(r.Missing, missingTool{t.String(), oneLine(err)})
			continue
		}
		one := &reloader{development: d, figures: reloadFigures{Tool: t.String()}, running: true, progress: progress}
		for _, e := range edits() {
			one.figures.Edits = append(one.figures.Edits, editFigures{Name: e.name})
		}
		all = append(all, one)
	}

	// turn does something with each tool, beginning with the given one.
	turn := func(first int, do func(one *reloader) error) error {
		for i := range all {
			one := all[(first+i)%len(all)]
			if !one.running {
				continue
			}
			if err := do(one); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				fmt.Fprintf(progress, "%v is not measured to the end: %v\n", one.tool, err)
				one.stop(err)
			}
		}
		return nil
	}
	var texts counter
	for round := range o.edits {
		for i, e := range edits() {
			if err := turn(round, func(one *reloader) error { return one.time(ctx, i, e, &texts) }); err != nil {
				return r, err
			}
		}
	}
	if o.saves > 0 {
		if err := turn(0, func(one *reloader) error { return one.disturb(ctx, o, &texts) }); err != nil {
			return r, err
		}
	}
	return r, nil
}

// oneLine is an error's text, which may be a program's output, as a table's cell can hold it.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// reloader is a tool that is being measured.
type reloader struct {
	*development
	figures  reloadFigures
	running  bool
	progress io.Writer
}

// stop ends the tool, if it has not been already. reason is why that is before everything was
// measured, if it is.
func (one *reloader) stop(reason error) {
	if !one.running {
		return
	}
	one.running = false
	left, err := one.development.stop()
	one.figures.Left = left
	if err = errors.Join(reason, err); err != nil {
		one.figures.Trouble = oneLine(err)
	}
}

// time adds one edit of the kind e, which is the i-th.
func (one *reloader) time(ctx context.Context, i int, e edit, texts *counter) error {
	f := &one.figures.Edits[i]
	if f.Missed >= mostMissed {
		return nil
	}
	took, err := one.edit(ctx, e, texts, pollEvery, calmTime)
	switch {
	case errors.Is(err, errMissed):
		f.Missed++
		one.tellMissed(e)
	case err != nil:
		return err
	default:
		f.Times = append(f.Times, took)
	}
	return nil
}

// disturb edits under load.
func (one *reloader) disturb(ctx context.Context, o reloadOptions, texts *counter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result := make(chan disturbance, 1)
	stop := make(chan struct{})
	go func() { result <- steadyLoad{one.address, o.rate}.run(ctx, stop) }()
	saved, missed := 0, 0
	err := func() error {
		for saved < o.saves && missed < mostMissed {
			for _, e := range edits() {
				if saved >= o.saves {
					break
				}
				saved += e.saves()
				if _, err := one.edit(ctx, e, texts, pollInLoad, calmInLoad); errors.Is(err, errMissed) {
					missed++
					one.tellMissed(e)
				} else if err != nil {
					return err
				}
			}
		}
		return nil
	}()
	close(stop)
	d := <-result
	if err != nil {
		return err
	}
	d.Saves, d.Missed = saved, missed
	one.figures.Load = &d
	fmt.Fprintf(one.progress, "%v under load: %+v\n", one.tool, d)
	return nil
}

func (one *reloader) tellMissed(e edit) {
	fmt.Fprintf(one.progress, "%v: %s: %v; it said at last: %s\n", one.tool, e.name, errMissed, one.output)
}
