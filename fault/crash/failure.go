package crash

import (
	"fmt"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

// What is read of a crash's output, and kept of each text in the failure, in bytes.
const (
	maxOutput  = 256 << 10
	maxKeep    = 16 << 10 // of the output
	maxMessage = 8 << 10
	maxText    = 2 << 10
	maxName    = 1 << 10
)

// Types of the causes of a failure of the kind fault.KindEnded, by which they are grouped.
const (
	endKilled    = "process ended"
	endMemory    = "process killed for memory"
	endRestarted = "machine restarted"
)

// failure makes a failure of what a process left.
func (w *Watcher) failure(r *remains) *fault.Failure {
	s := r.state
	f := &fault.Failure{
		ID:       r.id,
		Time:     r.last,
		Status:   http.StatusInternalServerError,
		Host:     clean(w.redactor, s.Host, maxName),
		PID:      s.PID,
		Build:    s.Build,
		Reported: true,
	}
	if len(strings.TrimSpace(string(r.crash))) > 0 {
		w.crashed(f, r)
	} else {
		f.Kind = fault.KindEnded
		reason, message, clue := w.ended(s)
		// The message is the same for all ends of this reason, because it becomes their title. What is
		// of this one stands beneath it.
		f.Message, f.Causes = message, fault.Cause{Type: reason, Message: message}
		for _, detail := range []string{clue, r.signOfLife()} {
			if detail != "" {
				f.Causes.Causes = append(f.Causes.Causes, fault.Cause{Message: detail})
			}
		}
	}
	f.Time = f.Time.UTC().Round(0)
	return f
}

// crashed adds what the process wrote as it crashed.
func (w *Watcher) crashed(f *fault.Failure, r *remains) {
	module := r.state.Module
	if module == "" {
		module = w.module
	}
	c := parse(string(r.crash), module, r.state.Texts)
	f.Kind, f.StackOf, f.Time = fault.KindCrash, fault.StackCrash, r.crashTime
	f.Stack, f.Goroutine = c.Stack, c.Goroutine
	f.Message = clean(w.redactor, theProcess+" crashed: "+c.Text, maxMessage)
	f.Causes = w.cleanCauses(c.Causes)
	f.Output = clean(w.redactor, string(r.crash), maxKeep)
}

func (w *Watcher) cleanCauses(c fault.Cause) fault.Cause {
	c.Type, c.Message = clean(w.redactor, c.Type, maxText), clean(w.redactor, c.Message, maxText)
	for i, inner := range c.Causes {
		c.Causes[i] = w.cleanCauses(inner)
	}
	return c
}

// signOfLife tells when a process was seen last; it ended between then and the next heartbeat.
func (r *remains) signOfLife() string {
	s := r.state
	lived := r.last.Sub(s.Started)
	if s.Started.IsZero() || lived < -time.Second { // File systems' clocks are a bit behind.
		return ""
	}
	ran := "less than a second"
	if lived >= time.Second {
		ran = lived.Round(time.Second).String()
	}
	text := fmt.Sprintf("its last sign of life was at %s, %s after it had started", r.last.UTC().Format("2006-01-02 15:04:05 MST"), ran)
	if s.Beat > 0 {
		text += fmt.Sprintf("; it gave one every %v", s.Beat)
	}
	return text
}

// ended tells why a process ended that wrote nothing, and what speaks for that.
func (w *Watcher) ended(s state) (reason, message, clue string) {
	boot, here := bootID(), s.Host == w.host
	if s.Boot != "" && boot != "" && !sameBoot(s.Boot, boot) && here {
		return endRestarted, theProcess + " ended when the machine did: it restarted, or lost its power", ""
	}
	if sameBoot(s.Boot, boot) {
		if why := s.Kills.since(killsOf(s.Kills.Group)); why != "" {
			return endMemory, theProcess + " was killed, most likely by the kernel because memory ran out", why
		}
	}
	return endKilled, theProcess + " ended without a word: it was killed (SIGKILL), or it ended itself without a clean end (os.Exit, log.Fatal)", ""
}

// theProcess is how every message begins.
const theProcess = "the process"

// kitPath is the import path of the kit, whose calls are not the application's own.
var kitPath = reflect.TypeFor[fault.Catcher]().PkgPath()

// isApp tells whether a frame is the application's own code, as fault.Catcher does. The kit's
// external tests use it as an application does.
func isApp(f trace.Frame, module string) bool {
	pkg := f.Package()
	rest, ok := strings.CutPrefix(pkg, kitPath)
	if ok && (rest == "" || rest[0] == '/') && !strings.HasSuffix(pkg, "_test") {
		return false
	}
	return f.In(module) && path.Base(f.File) != "_cgo_gotypes.go" // which cgo generates
}

// clean masks a text and cuts it to so many bytes. Cutting comes last, because half a secret is not
// found; but a very long text is cut before as well.
func clean(red *redact.Redactor, s string, most int) string {
	const margin = 4 << 10
	long := len(s)
	s = s[:min(long, most+margin)]
	masked := red.Text(s)
	if len(s) < long {
		masked = masked[:max(0, len(masked)-margin/4)] // Where a secret may have been cut.
	}
	if len(masked) <= most && len(s) == long {
		return strings.ToValidUTF8(masked, "\uFFFD")
	}
	masked = masked[:min(len(masked), most)]
	for range utf8.UTFMax - 1 { // A rune that was cut does not show.
		if r, size := utf8.DecodeLastRuneInString(masked); r != utf8.RuneError || size != 1 {
			break
		}
		masked = masked[:len(masked)-1]
	}
	return strings.ToValidUTF8(masked, "\uFFFD") + "… [cut, " + strconv.Itoa(long) + " bytes]"
}
