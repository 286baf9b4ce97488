package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// suite is what all tests of one run share.
var suite = newFixture()

type fixture struct {
	dir string // removed at the end

	build   sync.Once
	binary  string
	failed  error
	command func() (string, error) // builds the command fault once

	mu     sync.Mutex
	shared map[string]*sharedServer // by the name of the database
	chrome chromium
}

func newFixture() *fixture {
	f := &fixture{shared: map[string]*sharedServer{}}
	f.command = sync.OnceValues(f.buildCommand)
	return f
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Most tests wait for other processes: more of them at once than there are processors.
	parallel := strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "test.parallel" {
			parallel = f.Value.String()
		}
	})
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	os.Exit(suite.run(m))
}

func (f *fixture) run(m *testing.M) int {
	var err error
	if f.dir, err = os.MkdirTemp("", "microblog-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(f.dir)
	if flag.Lookup("test.fuzz").Value.String() != "" && flag.Lookup("test.fuzzworker").Value.String() != "true" {
		// The workers are processes of their own, and may be killed: they use this one's binary, and
		// what they leave behind goes with this one's directory.
		if err := f.buildOnce(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		for name, value := range map[string]string{"E2E_BINARY": f.binary, "TMPDIR": f.dir} {
			if err := os.Setenv(name, value); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
	}
	code := m.Run()
	if err := f.close(); err != nil {
		fmt.Fprintln(os.Stderr, "ending what the tests share:", err)
		return max(code, 1)
	}
	return code
}

// close ends the browser and the shared servers. A server that does not end well is an error.
func (f *fixture) close() error {
	f.chrome.close()
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []error
	for name, s := range f.shared {
		if err := s.close(); err != nil {
			all = append(all, fmt.Errorf("the shared server on %s: %w", name, err))
		}
	}
	return errors.Join(all...)
}

// program returns the path of the binary under test; the first call builds it.
func program(t testing.TB) string {
	t.Helper()
	if err := suite.buildOnce(); err != nil {
		t.Fatal(err)
	}
	return suite.binary
}

func (f *fixture) buildOnce() error {
	f.build.Do(func() {
		if f.binary = os.Getenv("E2E_BINARY"); f.binary != "" {
			return
		}
		f.binary, f.failed = f.compile("microblog", "..", "./cmd/microblog")
	})
	return f.failed
}

func (f *fixture) buildCommand() (string, error) {
	return f.compile("fault", filepath.Join("..", "fault"), "./cmd/fault", "-buildvcs=false")
}

// raceFlags have a program built with the race detector where the tests have it. What SQLite was translated into does
// without: it is not ours, and takes several times as long with it.
func raceFlags() []string {
	if !raceEnabled {
		return nil
	}
	return []string{"-race", "-gcflags=modernc.org/sqlite/lib=-race=false"}
}

// compile builds the program pkg of the module in dir, with the race detector where the tests have it.
func (f *fixture) compile(name, dir, pkg string, flags ...string) (string, error) {
	binary := filepath.Join(f.dir, "bin", name)
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	args := append(append([]string{"build", "-o", binary}, flags...), raceFlags()...)
	build := exec.Command("go", append(args, pkg)...)
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return binary, nil
}
