package errormail

import (
	"example.org/microblog/fault"
	"example.org/microblog/fault/source"
	"example.org/microblog/fault/trace"
)

// call is one frame of a stack.
type call struct {
	Place  string // "internal/web/user.go:43"
	Name   string // "web.(*Server).profile"
	Source []line
	From   string // where the source is from
	Why    string // why there is none
}

type line struct {
	Number int
	Text   string
	Hit    bool
}

// stack tells the application's own calls first, with source lines, then the others.
func (l *letter) stack(o *Options, f *fault.Failure) {
	d := l.d
	if len(f.Stack) > 0 {
		l.StackNote = stackOf(f)
	}
	why := "" // said once only, as it is mostly the same for all
	for _, frame := range f.Stack {
		c := call{Place: oneLine(frame.Short(f.Build.Module), d.value), Name: oneLine(frame.Name(), d.value)}
		switch {
		case !frame.App && len(l.Others) >= d.frames:
			l.OtherMore++
		case !frame.App:
			l.Others = append(l.Others, c)
		case len(l.Own) >= d.frames:
			l.OwnMore++
		default:
			if o.Source != nil && len(l.Own) < d.sources {
				c.source(o, frame, f.Build, d)
				if c.Why == why {
					c.Why = ""
				} else if c.Why != "" {
					why = c.Why
				}
			}
			l.Own = append(l.Own, c)
		}
	}
}

// source adds the source lines of a frame, or why there are none.
func (c *call) source(o *Options, frame trace.Frame, build fault.Build, d detail) {
	excerpt, err := o.Source.Lines(frame, build, d.around)
	if err != nil {
		c.Why = oneLine("No source lines: "+err.Error(), 2*d.value)
		return
	}
	c.From = excerpt.From
	for _, at := range excerpt.Lines {
		c.Source = append(c.Source, sourceLine(o, at, d))
	}
}

func sourceLine(o *Options, at source.Line, d detail) line {
	text := at.Text
	if o.Mask != nil {
		text = guarded(o.Mask, text)
	}
	return line{at.Number, cut(expand(text), d.value), at.Hit}
}
