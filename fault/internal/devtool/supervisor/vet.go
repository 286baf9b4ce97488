package supervisor

import (
	"context"
	"path/filepath"
	"slices"

	"example.org/microblog/fault/internal/devtool/problem"
)

// vetting is what go vet says of a version.
type vetting struct {
	generation *generation
	packages   []string
	problem    *problem.Problem
}

// vet looks at the packages that have changed, beside the new version, which serves already. A newer version ends it.
func (s *supervisor) vet(changed []string) {
	if s.stopVet != nil {
		s.stopVet()
	}
	if s.options.NoVet {
		return
	}
	s.addUnvetted(changed)
	packages, g := slices.Clone(s.unvetted), s.current
	ctx, cancel := context.WithCancel(s.ctx)
	s.stopVet = cancel
	s.work.Go(func() {
		defer cancel()
		p, err := s.builder.Vet(ctx, packages)
		if err != nil || ctx.Err() != nil {
			return // the next version is looked at again; nothing depends on it
		}
		select {
		case s.vetted <- vetting{g, packages, p}:
		case <-s.ctx.Done():
		}
	})
}

// addUnvetted notes the packages of changed files as not looked at, or all packages where that cannot be told.
func (s *supervisor) addUnvetted(changed []string) {
	in := s.inputs.Load()
	var packages []string
	for _, p := range in.Packages {
		if len(changed) == 0 || slices.ContainsFunc(changed, func(file string) bool { return filepath.Dir(file) == p.Dir }) {
			packages = append(packages, p.ImportPath)
		}
	}
	for _, p := range packages {
		if !slices.Contains(s.unvetted, p) {
			s.unvetted = append(s.unvetted, p)
		}
	}
}

// vetDone takes what go vet says. What it found is looked at again until it is mended.
func (s *supervisor) vetDone(v vetting) {
	if v.generation != s.current || s.cycle != nil {
		return // it may have seen what is newer than that version
	}
	s.problems.vet = v.problem
	if v.problem == nil {
		s.unvetted = nil
	} else {
		v.problem.Newest = true
	}
	s.showProblem()
}
