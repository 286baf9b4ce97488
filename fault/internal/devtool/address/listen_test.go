package address_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/address"
)

// heldVariable makes this test binary a program that listens on the address in it, says where, and ends with its
// standard input.
const heldVariable = "ADDRESS_TEST_HOLD"

func TestMain(m *testing.M) {
	if at := os.Getenv(heldVariable); at != "" {
		l, err := net.Listen("tcp", at)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(l.Addr())
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hold starts a process by the name and the arguments that listens on the address, and tells where.
func hold(t *testing.T, at, name string, args ...string) (where string, pid int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), heldVariable+"="+at)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid
}

func TestListen(t *testing.T) {
	t.Parallel()
	l, err := address.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().String()
	_, err = address.Listen(at)
	var failed *address.ListenError
	if !errors.As(err, &failed) || !failed.InUse || !address.InUse(err) || failed.Address != at {
		t.Fatalf("%#v", err)
	}
	if text := err.Error(); !strings.Contains(text, "the address "+at+" is in use by") {
		t.Error(text)
	}
	if runtime.GOOS == "linux" && !strings.HasSuffix(failed.Holder, "(process "+strconv.Itoa(os.Getpid())+")") {
		t.Errorf("the holder is %q; want this process, %d", failed.Holder, os.Getpid())
	}
}

func TestListenElsewhere(t *testing.T) {
	t.Parallel()
	_, err := address.Listen("192.0.2.1:8025") // RFC 5737: nobody has it
	var failed *address.ListenError
	if !errors.As(err, &failed) || failed.InUse || failed.Holder != "" {
		t.Fatalf("%#v", err)
	}
	if want := "this machine does not have the address 192.0.2.1:8025"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestHolder(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("who holds an address is known on Linux only")
	}
	for name, test := range map[string]struct {
		at      string
		program string
		args    []string
		want    string // "" is its program's name
	}{
		"another program":             {"127.0.0.1:0", "secretive", []string{"--password=hush"}, ""},
		"another mailbox":             {"127.0.0.1:0", "fault", []string{"mailbox", "--password=hush"}, "another fault mailbox"},
		"another run":                 {"127.0.0.1:0", "fault", []string{"run", "./cmd/x"}, "another fault run"},
		"a fault that does neither":   {"127.0.0.1:0", "fault", []string{"verify"}, ""},
		"at all addresses":            {"0.0.0.0:0", "everywhere", nil, ""},
		"at all addresses, both ways": {":0", "everywhere", nil, ""},
		"IPv6":                        {"[::1]:0", "modern", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(test.at, "[::1]") {
				l, err := net.Listen("tcp", "[::1]:0")
				if err != nil {
					t.Skip("no IPv6 here:", err)
				}
				l.Close()
			}
			at, pid := hold(t, test.at, test.program, test.args...)
			asked := at
			if _, port, err := net.SplitHostPort(at); err != nil {
				t.Fatal(err)
			} else if !strings.HasPrefix(at, "[::1]") {
				asked = "127.0.0.1:" + port
			}
			want := test.want
			if want == "" {
				want = test.program
			}
			want = fmt.Sprintf("%s (process %d)", want, pid)
			if got := address.Holder(asked); got != want {
				t.Errorf("%s is held by %q, want %q", asked, got, want)
			}
		})
	}
}

func TestHolderOfNothing(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, at := range []string{"127.0.0.2:" + port, "nothing", "127.0.0.1:http", "127.0.0.1:99999", ""} {
		if got := address.Holder(at); got != "" {
			t.Errorf("%q is held by %q", at, got)
		}
	}
}
