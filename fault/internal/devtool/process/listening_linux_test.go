package process_test

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/process"
)

const procNetTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F59 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 812 1 0000000000000000 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 813 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F59 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 814 1 0000000000000000 20 4 30 10 -1
   3: 00000000000000000000000001000000:1F5A 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 815 1 0
   4: 0000000000000000FFFF00000100007F:1F5B 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 816 1 0
   5: 0100:1F59 0:0 0A 0 0 0 0 0 0 817
`

func TestProcNetTCP(t *testing.T) {
	t.Parallel()
	want := map[string]netip.AddrPort{
		"812": netip.MustParseAddrPort("127.0.0.1:8025"), "813": netip.MustParseAddrPort("0.0.0.0:80"),
		"815": netip.MustParseAddrPort("[::1]:8026"), "816": netip.MustParseAddrPort("127.0.0.1:8027"),
	}
	if got := process.Listeners([]byte(procNetTCP)); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestProgramThatIsStillBeingWritten: it is started as soon as it can be.
func TestProgramThatIsStillBeingWritten(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile(app)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(t.TempDir(), "app"), os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(program); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() {
		time.Sleep(20 * time.Millisecond) // If Start comes later than that, it has nothing to wait for.
		closed <- file.Close()
	}()
	p, err := process.Start(process.Spec{Path: file.Name(), Args: []string{"exit 0"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if e := p.Exit(); e.Code != 0 {
		t.Errorf("%+v", e)
	}
}

func FuzzProcNetTCP(f *testing.F) {
	f.Add([]byte(procNetTCP))
	f.Fuzz(func(t *testing.T, text []byte) {
		for inode, address := range process.Listeners(text) {
			if inode == "" || !address.IsValid() {
				t.Errorf("%q: %v", inode, address)
			}
		}
	})
}

func TestProcStat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, stat string
		want       bool
	}{
		{"lives", "12 (sleep) S 1 12 7 0 -1", true},
		{"another session", "12 (sleep) S 1 7 12 0 -1", false},
		{"zombie", "12 (sleep) Z 1 12 7 0 -1", false},
		{"an odd name", "12 (a) S 1 1 9 (b) R 1 12 7 0 -1", true},
		{"torn", "12 (sleep) S 1", false},
		{"empty", "", false},
	} {
		if got := process.LivesInSession(tt.stat, 7); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
