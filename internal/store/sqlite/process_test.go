package sqlite_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
	"example.org/microblog/internal/store/sqlite"
)

// childVariable makes of this test program a process that opens the database
// it names and does what its standard input says.
const childVariable = "SQLITE_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		if err := child(path, os.Stdin, os.Stdout); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child answers each line of its input with one line.
func child(path string, in io.Reader, out io.Writer) error {
	ctx := context.Background()
	lines := bufio.NewScanner(in)
	var s *store.Store
	for lines.Scan() {
		var id int64
		var name string
		switch line := lines.Text(); {
		case line == "start":
			var err error
			if s, err = sqlite.Open(ctx, path, sqlite.Options{}); err != nil {
				return err
			}
			defer s.Close()
			applied, err := s.Migrate(ctx)
			if err != nil {
				return err
			}
			key, err := s.SecretKey(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "applied %d, key %s\n", len(applied), hex.EncodeToString(key))
		case scan(line, "rename %d %s", &id, &name):
			_, err := s.UpdateProfile(ctx, id, name, "")
			answer(out, err)
		case scan(line, "register %s", &name):
			_, err := s.CreateUser(ctx, store.NewUser{Username: name, Email: name + "@example.com"})
			answer(out, err)
		case scan(line, "post %d", &id):
			var err error
			for range 25 {
				if _, _, err = s.CreatePost(ctx, id, "hello", ""); err != nil {
					break
				}
			}
			answer(out, err)
		default:
			return fmt.Errorf("what is %q?", line)
		}
	}
	return lines.Err()
}

func scan(line, format string, to ...any) bool {
	n, err := fmt.Sscanf(line, format, to...)
	return err == nil && n == len(to)
}

func answer(out io.Writer, err error) {
	switch {
	case err == nil:
		fmt.Fprintln(out, "ok")
	case errors.Is(err, microblog.ErrUsernameTaken):
		fmt.Fprintln(out, "taken")
	default:
		fmt.Fprintln(out, "error:", err)
	}
}

// process is a child with its pipes.
type process struct {
	in  io.Writer
	out *bufio.Reader
}

func startProcess(t *testing.T, path string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the process ended with %v", err)
		}
	})
	return &process{in, bufio.NewReader(out)}
}

// all tells each process its line at the same moment and returns the answers.
func all(t *testing.T, processes []*process, line func(i int) string) []string {
	t.Helper()
	answers := make([]string, len(processes))
	var wg sync.WaitGroup
	for i, p := range processes {
		wg.Go(func() {
			if _, err := fmt.Fprintln(p.in, line(i)); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
			text, err := p.out.ReadString('\n')
			if err != nil {
				t.Errorf("process %d: %v", i, err)
			}
			answers[i] = strings.TrimSpace(text)
		})
	}
	wg.Wait()
	return answers
}

// Several processes start on no database at once, agree on the secret key, and
// then want the same names and write as fast as they can.
func TestProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "microblog.db")
	processes := make([]*process, 4)
	for i := range processes {
		processes[i] = startProcess(t, path)
	}

	applied := 0
	keys := map[string]bool{}
	for _, a := range all(t, processes, func(int) string { return "start" }) {
		var n int
		var key string
		if !scan(a, "applied %d, key %s", &n, &key) {
			t.Fatal(a)
		}
		applied += n
		keys[key] = true
	}
	if applied != 1 || len(keys) != 1 {
		t.Errorf("%d migrations were applied, and there are %d secret keys; want one of each", applied, len(keys))
	}

	oneWinner := func(answers []string) {
		t.Helper()
		count := map[string]int{}
		for _, a := range answers {
			count[a]++
		}
		if count["ok"] != 1 || count["taken"] != len(answers)-1 {
			t.Errorf("answers: %q; want one ok, else taken", answers)
		}
	}
	for i, p := range processes {
		if a := all(t, []*process{p}, func(int) string { return fmt.Sprint("register person", i) }); a[0] != "ok" {
			t.Fatal(a[0])
		}
	}
	for round := range 10 {
		oneWinner(all(t, processes, func(i int) string { return fmt.Sprintf("rename %d wanted%d", i+1, round) }))
		oneWinner(all(t, processes, func(int) string { return fmt.Sprintf("register wanted-too%d", round) }))
	}
	for i, a := range all(t, processes, func(i int) string { return fmt.Sprintf("post %d", i%2+1) }) {
		if a != "ok" {
			t.Errorf("process %d: %s", i, a)
		}
	}
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id := range int64(2) {
		if u, err := s.UserByID(t.Context(), id+1); err != nil || u.PostCount != 50 {
			t.Errorf("%+v, %v; want 50 posts", u, err)
		}
	}
}
