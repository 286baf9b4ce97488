package fault

import (
	"context"
	"net/url"

	"example.org/microblog/fault/redact"
)

// origin is the request in whose context something is reported or a task is started. It is taken on
// the goroutine that does so: the application's functions read the request, which is the handler's
// to change, and must not be called once it is over.
type origin struct {
	st        *state
	task      bool // that of a task, not of the request itself
	secrets   []string
	known     bool // secrets are all there are
	requestID string
	user      string
	route     string
}

type originKey struct{}

// originOf returns the origin for a context, nil outside a request.
func (c *Catcher) originOf(ctx context.Context) *origin {
	st := stateOf(ctx)
	if st == nil {
		return nil
	}
	// Within a task the request may be over. But a task may also be a server with requests.
	if o, ok := ctx.Value(originKey{}).(*origin); ok && o.st == st {
		return o
	}
	o := &origin{st: st, known: true, requestID: st.requestID()}
	if p := st.route.Load(); p != nil {
		o.route = *p
	}
	if c.secrets != nil || c.user != nil {
		r := st.req.WithContext(ctx) // With what was put into the context since.
		o.secrets, o.known = c.secretsOf(r)
		if c.user != nil {
			o.user = guarded(func() string { return c.user(r) })
		}
	}
	return o
}

// forTask returns the context and the origin for a task that is started in ctx.
func (o *origin) forTask(ctx context.Context) context.Context {
	if o == nil {
		return ctx
	}
	t := *o
	t.task = true
	return context.WithValue(ctx, originKey{}, &t)
}

func (c *Catcher) redactorOf(o *origin) *redact.Redactor {
	if o == nil {
		return c.redactor
	}
	return c.redactor.With(o.secrets...)
}

// fill adds the origin to a failure.
func (c *Catcher) fill(f *Failure, red *redact.Redactor, o *origin) {
	f.RequestID = c.clean(red, o.requestID, maxRequestID)
	f.User = c.clean(red, o.user, maxValue)
	asked := url.URL{Path: o.st.path, RawPath: o.st.rawPath}
	f.Request = &Request{
		Method: c.clean(red, o.st.method, maxValue),
		Route:  c.clean(red, o.route, maxValue),
		URL:    c.clean(red, asked.EscapedPath(), maxURL),
		Cut:    true,
	}
}
