package debugapi

import (
	"context"
	"net/http"

	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/reproduce"
)

// NewTools returns all the tools that there are. app is where the application is reached, and newest tells which version answers there.
func NewTools(app string, newest func() int) Tools {
	return Tools{
		Explain: explained,
		Markdown: func(f *overlay.Failure) (string, error) {
			return reproduce.Markdown(f.Failure, reproduce.Details{Excerpts: f.Excerpts, Explanations: explain.Explain(f.Failure, callOf(f, topCall(f))), Base: app}), nil
		},
		Test: func(f *overlay.Failure) (string, error) {
			t, err := reproduce.GoTest(f.Failure, reproduce.Find(f.Failure))
			if err != nil {
				return "", err
			}
			return t.Source, nil
		},
		Replay: func(ctx context.Context, f *overlay.Failure, cookies []*http.Cookie) (Replayed, error) {
			generation := newest()
			got, err := reproduce.Replay(ctx, f.Failure, reproduce.ReplayOptions{Target: app, Cookies: cookies})
			if err != nil {
				return Replayed{}, err
			}
			return Replayed{
				Status: got.Status, Generation: generation, Header: got.Header, Body: got.Body, Cut: got.Cut, Took: got.Took, Notes: got.Notes, Changed: got.Changed, Broke: got.Broke,
			}, nil
		},
	}
}

// topCall is the innermost of the application's own calls, else of all; -1 is none.
func topCall(f *overlay.Failure) int {
	for i, call := range f.Stack {
		if call.App {
			return i
		}
	}
	return min(0, len(f.Stack)-1)
}

func callOf(f *overlay.Failure, index int) explain.Call {
	var lines []problem.Line
	if index >= 0 && index < len(f.Excerpts) {
		lines = f.Excerpts[index]
	}
	return explain.At(f.Failure, index, lines)
}

func explained(f *overlay.Failure, index int, lookup func(expression string) (string, bool)) []Explanation {
	call := callOf(f, index)
	call.Lookup = lookup
	var all []Explanation
	for _, e := range explain.Explain(f.Failure, call) {
		all = append(all, Explanation(e))
	}
	return all
}
