package overlay

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"example.org/microblog/fault"
)

// waitPage is the page of a request that waits.
type waitPage struct {
	shell
	Doing string
	Since string
	Again bool // it loads itself again
}

func waitPageOf(r *http.Request, v Waiting) waitPage {
	p := waitPage{shell: shellOf(r, "Not ready yet", "wait", ""), Doing: line(v.Doing)}
	p.Again = p.Method == ""
	if !v.Since.IsZero() {
		p.Since = v.Since.UTC().Format(time.RFC3339Nano)
	}
	return p
}

// overviewPage is the page about `fault run` itself.
type overviewPage struct {
	shell
	Package    string
	Generation int
	Doing      string
	Built      string
	Problem    *problemLink
	Failures   []failureLink
	Mailbox    string
}

type problemLink struct{ Kind, Title, URL string }

type failureLink struct{ URL, ID, Time, Status, Asked, Message string }

// occasionOf says in what something failed that has no request.
func occasionOf(f *fault.Failure) string {
	switch {
	case f.Task != "":
		return f.Task
	case f.Kind == fault.KindCrash:
		return "the application crashed"
	case f.Kind == fault.KindEnded:
		return "the application ended"
	}
	return ""
}

func overviewPageOf(r *http.Request, o Overview) overviewPage {
	v := overviewPage{
		shell: shellOf(r, line(o.Package), "overview", ""), Package: line(o.Package), Generation: o.Generation, Doing: line(o.Doing),
	}
	if o.Built > 0 {
		v.Built = took(o.Built)
	}
	if u, err := url.Parse(o.Mailbox); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		v.Mailbox = u.String()
	}
	if p := o.Problem; p != nil {
		v.ID = line(p.ID)
		v.Problem = &problemLink{kindOf(p), line(p.Title), Prefix + "problem"}
	}
	for _, f := range o.Failures {
		link := failureLink{
			URL: Prefix + "failures/" + f.ID.Full(), ID: f.ID.String(), Time: f.Time.Local().Format(time.TimeOnly),
			Message: clip(oneLine(f.Message), 200),
		}
		if !f.Reported && f.Status != 0 {
			link.Status = strconv.Itoa(f.Status)
		}
		if f.Request != nil {
			link.Asked = line(clip(f.Request.Method+" "+f.Request.URL, 120))
		} else {
			link.Asked = line(occasionOf(f.Failure))
		}
		v.Failures = append(v.Failures, link)
	}
	return v
}
