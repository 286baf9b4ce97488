package debugapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"example.org/microblog/fault/internal/visible"
)

const (
	maxExpression  = 4096
	maxChildren    = 1000
	maxCompletions = 200
)

// frameOf finds the frame that a request names, and its index for the debugger, which is attached. s.mu is not held.
func (s *Server) frameOf(e *entry, a *attachment, n int) (f *frame, index int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.attached != a {
		return nil, 0, madeRoom()
	}
	if f = e.byNumber(n); f == nil {
		return nil, 0, noFrame(n)
	}
	if f.engine < 0 {
		return nil, 0, &refusal{http.StatusConflict, "unavailable", "The frozen copy does not have this call, so its variables are not known.", "Choose another frame."}
	}
	return f, f.engine, nil
}

func madeRoom() *refusal {
	return &refusal{http.StatusConflict, "attaching", "The debugger had to make room for another failure's.", "Ask again."}
}

func noFrame(n int) *refusal {
	return &refusal{http.StatusNotFound, "frame", fmt.Sprintf("This failure has no frame %d.", n), ""}
}

func (s *Server) getVariables(w http.ResponseWriter, r *http.Request, e *entry, n string) error {
	number, err := strconv.Atoi(n)
	if err != nil || number < 0 {
		return badRequest("%q is no number of a frame", visible.Line(shorten(n, 40)))
	}
	var f *frame
	err = s.use(r.Context(), e, func(_ context.Context, a *attachment) (err error) {
		if f, _, err = s.frameOf(e, a, number); err != nil { // those that only the debugger knows are known now
			return err
		}
		_ = s.loadFrame(e, a, f) // what went wrong is with the variables
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	d := e.variablesDocument(f)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, d)
	return nil
}

func (s *Server) getChildren(w http.ResponseWriter, r *http.Request, e *entry, name string) error {
	epoch, ref, ok := parseRef(name)
	if !ok {
		return badRequest("%q is no reference of a variable", visible.Line(shorten(name, 40)))
	}
	start, err := number(r.URL.Query(), "start", 0, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	count, err := number(r.URL.Query(), "count", 100, 1, maxChildren)
	if err != nil {
		return err
	}
	stale := &refusal{http.StatusGone, "stale", "This reference is from before the debugger was attached anew.", "Load the frame's variables again."}
	s.mu.Lock()
	is := e.state == Ready && e.epoch == epoch
	s.mu.Unlock()
	if !is {
		return stale
	}
	var (
		children []Variable
		total    int
	)
	err = s.use(r.Context(), e, func(ctx context.Context, a *attachment) (err error) {
		s.mu.Lock()
		is := e.attached == a && e.epoch == epoch
		s.mu.Unlock()
		if !is {
			return stale
		}
		children, total, err = a.session.Children(ctx, ref, int(start), int(count))
		return err
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"variables": variablesOf(children, epoch), "start": start, "total": total})
	return nil
}

func (s *Server) postEvaluate(w http.ResponseWriter, r *http.Request, e *entry) error {
	var body struct {
		Frame      *int   `json:"frame"`
		Expression string `json:"expression"`
		Call       bool   `json:"call"`
		Try        bool   `json:"try"` // that it has no value is no error
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	expression := strings.TrimSpace(body.Expression)
	switch {
	case body.Frame == nil:
		return badRequest(`The member "frame" is missing`)
	case body.Call && body.Try:
		return badRequest(`The members "call" and "try" exclude one another`)
	case expression == "":
		return badRequest(`The member "expression" is empty`)
	case len(expression) > maxExpression:
		return &refusal{http.StatusRequestEntityTooLarge, "request", fmt.Sprintf("The expression has more than %d bytes.", maxExpression), ""}
	}
	var (
		v        Variable
		took     time.Duration
		epoch    int64
		revision int64
	)
	err := s.use(r.Context(), e, func(ctx context.Context, a *attachment) error {
		_, index, err := s.frameOf(e, a, *body.Frame)
		if err != nil {
			return err
		}
		began := time.Now()
		v, err = a.session.Evaluate(ctx, index, expression, body.Call)
		took = time.Since(began)
		s.mu.Lock()
		defer s.mu.Unlock()
		if body.Call && e.attached == a { // even one that failed may have changed something
			e.calls++
			s.forget(e)
			s.touch(e)
			select {
			case a.again <- struct{}{}:
			default:
			}
		}
		epoch, revision = e.epoch, e.revision
		return err
	})
	if err != nil {
		r := refusalOf(err)
		if body.Try && (r.status == http.StatusUnprocessableEntity || r.status == http.StatusGatewayTimeout) {
			r.status = http.StatusOK
		}
		return r
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"result": variableOf(v, epoch), "took_ms": milliseconds(took), "called": body.Call, "revision": revision,
	})
	return nil
}

func milliseconds(d time.Duration) float64 { return math.Round(float64(d.Microseconds())) / 1000 }

func (s *Server) postComplete(w http.ResponseWriter, r *http.Request, e *entry) error {
	var body struct {
		Frame  *int   `json:"frame"`
		Text   string `json:"text"`
		Offset *int   `json:"offset"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if body.Frame == nil {
		return badRequest(`The member "frame" is missing`)
	}
	if len(body.Text) > maxExpression {
		return &refusal{http.StatusRequestEntityTooLarge, "request", fmt.Sprintf("The text has more than %d bytes.", maxExpression), ""}
	}
	offset := len(body.Text)
	if body.Offset != nil {
		var ok bool
		if offset, ok = bytesAt(body.Text, *body.Offset); !ok {
			return badRequest("The offset %d is no place in the text, counted in UTF-16 units", *body.Offset)
		}
	}
	var (
		from int
		all  []Completion
	)
	err := s.use(r.Context(), e, func(ctx context.Context, a *attachment) error {
		_, index, err := s.frameOf(e, a, *body.Frame)
		if err != nil {
			return err
		}
		from, all, err = a.session.Complete(ctx, index, body.Text, offset)
		return err
	})
	if err != nil {
		return err
	}
	type completion struct {
		Text string `json:"text"`
		Kind string `json:"kind,omitempty"`
		Type string `json:"type,omitempty"`
	}
	list := []completion{}
	for _, c := range all[:min(len(all), maxCompletions)] {
		list = append(list, completion(c))
	}
	from = max(0, min(from, offset))
	writeJSON(w, http.StatusOK, map[string]any{"from": unitsOf(body.Text[:from]), "completions": list})
	return nil
}

// bytesAt turns an offset in UTF-16 units into one in bytes.
func bytesAt(s string, units int) (int, bool) {
	at := 0
	for units > 0 && at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		units -= utf16.RuneLen(r)
		at += size
	}
	return at, units == 0
}

// unitsOf counts the UTF-16 units of a text.
func unitsOf(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
