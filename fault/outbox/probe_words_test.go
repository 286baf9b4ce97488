package outbox_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

// A mail server that speaks slowly, but in time, is one like any other.
func TestProbeOfASlowServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: func(m smtptest.Moment) *smtptest.Fault {
			if m.Step == smtptest.Body {
				return nil
			}
			return &smtptest.Fault{Slow: 100 * time.Millisecond}
		}})
		names, _, _, err := probe(t, outbox.Server{Host: "127.0.0.1", Port: 25, Dial: s.Dial}, outbox.ProbeOptions{From: sender, To: recipient, Send: true})
		if err != nil || len(s.Mails()) != 1 {
			t.Errorf("%s: %v", names, err)
		}
	})
}

// A server that leaves in the middle of the text cannot have taken the mail; one that leaves after the
// last line may have.
func TestProbeTellsWhatMayHaveBeenTaken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step  smtptest.Step
		maybe bool
	}{{smtptest.Body, false}, {smtptest.End, true}} {
		t.Run(string(tt.step), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Always(tt.step, smtptest.Fault{After: 100, Drop: true})})
				names, last, _, err := probe(t, outbox.Server{Host: "127.0.0.1", Port: 25, Dial: s.Dial}, outbox.ProbeOptions{From: sender, To: recipient, Send: true})
				if err == nil || last.Name != outbox.StepData || strings.Contains(err.Error(), "may have been taken") != tt.maybe {
					t.Errorf("%s: %v", names, err)
				}
				contains(t, "the error", err.Error(), "the connection was lost")
			})
		})
	}
}

// A short password stands in many a text by chance.
func TestProbeDoesNotMaskWords(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Mechanisms: []string{"PLAIN"}, Username: "u", Password: "other",
		Fault: smtptest.Always(smtptest.Greeting, smtptest.Fault{Reply: "220 mail ready"})})
	for _, password := range []string{"m", "mail", "ready"} {
		_, last, steps, err := probe(t, outbox.Server{Host: "127.0.0.1", Port: s.Port(), Username: "u", Password: password}, outbox.ProbeOptions{})
		if err == nil || last.Name != outbox.StepAuth || steps[1].Said != "220 mail ready" {
			t.Errorf("%s: %v: %+v", password, err, steps)
		}
	}
}
