package debugapi

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"example.org/microblog/fault/trace"
)

const maxGoroutines = 500

func (s *Server) getGoroutines(w http.ResponseWriter, r *http.Request, e *entry) error {
	var all []Goroutine
	err := s.use(r.Context(), e, func(ctx context.Context, a *attachment) (err error) {
		all, err = a.session.Goroutines(ctx)
		return err
	})
	if err != nil {
		return err
	}
	module := s.shown(e).Build.Module
	for i := range all {
		if g := &all[i]; !g.App && module != "" {
			g.App = isOf(module, g.Function) || isOf(module, g.Started)
		}
	}
	sortGoroutines(all)
	type goroutine struct {
		ID         int64             `json:"id"`
		State      string            `json:"state,omitempty"`
		Wait       string            `json:"wait,omitempty"`
		Function   string            `json:"function,omitempty"`
		Name       string            `json:"name,omitempty"`
		File       string            `json:"file,omitempty"`
		Short      string            `json:"short,omitempty"`
		Line       int               `json:"line,omitempty"`
		Started    string            `json:"started,omitempty"`
		Creator    string            `json:"creator,omitempty"`
		App        bool              `json:"app"`
		Failing    bool              `json:"failing,omitempty"`
		Request    bool              `json:"request,omitempty"`
		System     bool              `json:"system,omitempty"`
		Labels     map[string]string `json:"labels,omitempty"`
		Unreadable string            `json:"unreadable,omitempty"`
	}
	list := []goroutine{}
	for _, g := range all[:min(len(all), maxGoroutines)] {
		d := goroutine{
			ID: g.ID, State: g.State, Wait: g.Wait, Function: g.Function, File: g.File, Line: g.Line, Started: g.Started, Creator: g.Creator, App: g.App,
			Failing: g.Failing, Request: g.Request, System: g.System, Labels: g.Labels, Unreadable: g.Unreadable,
		}
		if g.Function != "" {
			call := trace.Frame{Function: g.Function, File: g.File, Line: g.Line}
			d.Name, d.Short = call.Name(), short(call, module)
		}
		list = append(list, d)
	}
	writeJSON(w, http.StatusOK, map[string]any{"goroutines": list, "cut": len(all) - len(list)})
	return nil
}

// sortGoroutines puts the failing one first, then those of its request, and then the application's own.
func sortGoroutines(all []Goroutine) {
	rank := func(g Goroutine) int {
		switch {
		case g.Failing:
			return 0
		case g.Request:
			return 1
		case g.App:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(all, func(a, b Goroutine) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.ID, b.ID))
	})
}

// isOf tells whether a function is in a module's packages, or in the program itself. Modules that lie below are taken for a part of it, but for this kit.
func isOf(module, function string) bool {
	pkg := trace.Frame{Function: function}.Package()
	in := func(module string) bool { return pkg == module || strings.HasPrefix(pkg, module+"/") }
	return pkg == "main" || in(module) && (module == kit || !in(kit))
}

// kit is the import path of this kit.
var kit = strings.TrimSuffix(reflect.TypeFor[Server]().PkgPath(), "/internal/devtool/debugapi")
