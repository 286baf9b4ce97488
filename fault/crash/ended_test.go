package crash

import (
	"strings"
	"testing"
)

func TestWhyAProcessEnded(t *testing.T) {
	t.Parallel()
	w := &Watcher{host: "here"}
	for _, tt := range []struct {
		name string
		s    state
		want string
	}{
		{"killed", state{Host: "here", Boot: bootID(), Kills: readKills()}, endKilled},
		{"machine restarted", state{Host: "here", Boot: "1"}, endRestarted},
		{"another machine", state{Host: "there", Boot: "1"}, endKilled},
		{"torn", state{}, endKilled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.want == endRestarted && bootID() == "" {
				t.Skip("starts of the machine cannot be told apart here")
			}
			reason, message, _ := w.ended(tt.s)
			if reason != tt.want || !strings.HasPrefix(message, theProcess+" ") {
				t.Errorf("%q: %s", reason, message)
			}
		})
	}
}
