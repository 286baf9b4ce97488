package supervisor

import (
	"context"
	"fmt"

	"example.org/microblog/fault/internal/devtool/terminal"
)

func (s *supervisor) pressed(key terminal.Key, quit context.CancelFunc) {
	switch key {
	case terminal.Rebuild:
		s.needBuild = true
		s.crashes = 0
		s.begin()
	case terminal.Open:
		s.openBrowser()
	case terminal.Debugger:
		if s.debugger != nil {
			s.debugger.Unlock()
			s.term.Event("debugger: " + s.debugger.URL() + "  PIN " + s.debugger.PIN())
		}
	case terminal.Quit:
		quit()
	}
}

func (s *supervisor) openBrowser() {
	s.work.Go(func() {
		if err := terminal.OpenBrowser(s.url); err != nil {
			s.term.Event(fmt.Sprintf("no browser could be opened (%v); open %s", err, s.url))
		}
	})
}
