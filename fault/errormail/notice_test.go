package errormail_test

import (
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/errormail"
	"example.org/microblog/fault/incident"
)

// What tells the kinds of an incident's mails apart beside the text.
func TestNoticeHeader(t *testing.T) {
	t.Parallel()
	for _, kind := range []incident.NoticeKind{incident.First, incident.More, incident.Stopped, incident.Back, incident.Summary, incident.Digest} {
		if m := errormail.Compose(options(), later(kind), facts()); m.Header["Fault-Notice"] != string(kind) {
			t.Errorf("%s: %q", kind, m.Header["Fault-Notice"])
		}
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	for zone, want := range map[*time.Location]string{
		time.UTC:                      "Times are in UTC.\n",
		time.FixedZone("GMT", 0):      "Times are in UTC.\n",
		time.FixedZone("CET", 60*60):  "Times are in CET and UTC.\n",
		time.FixedZone("-03", -10800): "Times are in -03 and UTC.\n",
	} {
		o := options()
		o.Location = zone
		m := errormail.Compose(o, notice(incident.First, failure()), errormail.Facts{})
		if !strings.HasSuffix(m.Text, want) {
			t.Errorf("%v: %q", zone, m.Text[max(0, len(m.Text)-60):])
		}
	}
}

// The lines of joined errors stay apart where there is but one line.
func TestJoinedErrors(t *testing.T) {
	t.Parallel()
	f := failure()
	f.Message = "closing: disk full\nremoving: no such file"
	f.Causes = fault.Cause{Type: "*errors.joinError", Message: f.Message, Causes: []fault.Cause{{Message: "closing: disk full"}, {Message: "removing: no such file"}}}
	m := errormail.Compose(options(), notice(incident.First, f), errormail.Facts{})
	contains(t, "text", m.Text, "\nclosing: disk full; removing: no such file\n", "*errors.joinError: closing: disk full; removing: no such file\n")
	contains(t, "HTML", m.HTML, "closing: disk full; removing: no such file")
	f.Steps[len(f.Steps)-1].Text = "SELECT 1\nFROM users"
	contains(t, "text", errormail.Compose(options(), notice(incident.First, f), errormail.Facts{}).Text, "SELECT 1 FROM users")
}
