package proxy

import (
	"net/http"

	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

// Pages are what a developer is shown in the place of the application's answers, or beside them. A nil one is the
// function of package overlay with that name (WriteFailure and WriteOverview for the last but two).
type Pages struct {
	FormatOf func(r *http.Request) overlay.Format
	// Problem shows p, nil if there is none any more. to is a local path with its query.
	Problem  func(w http.ResponseWriter, r *http.Request, p *problem.Problem, to string, framed bool)
	Wait     func(w http.ResponseWriter, r *http.Request, v overlay.Waiting)
	Failure  func(w http.ResponseWriter, r *http.Request, f *overlay.Failure, status int, page bool)
	Overview func(w http.ResponseWriter, r *http.Request, o overlay.Overview)
	Asset    func(name string) (content []byte, contentType string, ok bool)
}

func (p Pages) complete() Pages {
	if p.FormatOf == nil {
		p.FormatOf = overlay.FormatOf
	}
	if p.Problem == nil {
		p.Problem = overlay.Problem
	}
	if p.Wait == nil {
		p.Wait = overlay.Wait
	}
	if p.Failure == nil {
		p.Failure = overlay.WriteFailure
	}
	if p.Overview == nil {
		p.Overview = overlay.WriteOverview
	}
	if p.Asset == nil {
		p.Asset = overlay.Asset
	}
	return p
}
