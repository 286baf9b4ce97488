package e2e

import (
	"database/sql"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"example.org/microblog/internal/config"
)

// The command line, by the scripts in testdata: each begins with what it guards.
//
// Beside the usual commands of testscript they have
//
//	exits CODE PROGRAM [ARG...]   run it; it must end with this exit code
//	serve [ARG...]                start microblog serve, with the settings of the script's
//	                              environment, and wait until it is ready; sets URL and ADDRESS
//	get STATUS PATH FILE          write the answer to a request into a file
//	login STATUS USER PASSWORD    send the log-in form
//	end                           stop the server; writes serve.stdout and serve.stderr
//	crash                         kill the server
//	sql FILE STATEMENT            change an SQLite database
func TestScripts(t *testing.T) {
	t.Parallel()
	binary := program(t)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("LISTEN", "127.0.0.1:0")
			env.Setenv("GORACE", "exitcode=66")
			scripts := &script{t: env.T().(testing.TB), binary: binary}
			env.Values[scriptKey{}] = scripts
			env.Defer(func() {
				if scripts.server != nil {
					if err := scripts.server.stop(); err != nil {
						scripts.t.Errorf("stopping the server: %v", err)
					}
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": scriptExits, "serve": scriptServe, "get": scriptGet, "login": scriptLogin, "end": scriptEnd,
			"crash": scriptCrash, "sql": scriptSQL,
		},
	})
}

// A script is what one script has running.
type script struct {
	t      testing.TB
	binary string
	server *server
}

type scriptKey struct{}

func scriptOf(ts *testscript.TestScript) *script { return ts.Value(scriptKey{}).(*script) }

// plain refuses the "!" and the wrong number of arguments.
func plain(ts *testscript.TestScript, neg bool, args []string, usage string, least int) {
	if neg || len(args) < least {
		ts.Fatalf("usage: %s", usage)
	}
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, "exits CODE PROGRAM [ARG...]", 2)
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, "serve [ARG...]", 0)
	s := scriptOf(ts)
	if s.server != nil {
		ts.Fatalf("a server is running")
	}
	set := settings{}
	for _, known := range config.Settings() {
		if value := ts.Getenv(known.Name); value != "" {
			set[known.Name] = value
		}
	}
	var err error
	s.server, err = launch(s.binary, options{dir: ts.MkAbs("."), args: args, settings: set})
	ts.Check(err)
	ts.Check(s.server.waitReady(s.t.Context()))
	ts.Setenv("URL", s.server.url)
	ts.Setenv("ADDRESS", strings.TrimPrefix(s.server.url, "http://"))
}

func scriptGet(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, "get STATUS PATH FILE", 3)
	status, body, err := scriptOf(ts).server.probe(args[1])
	ts.Check(err)
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("status %d, want %s: %s", status, args[0], tail(body))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(body), 0o600))
}

func scriptLogin(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, "login STATUS USER PASSWORD", 3)
	s := scriptOf(ts)
	r, err := s.server.client(s.t).try("POST", "/login", form("username", args[1], "password", args[2]), nil)
	ts.Check(err)
	if strconv.Itoa(r.status) != args[0] {
		ts.Fatalf("status %d, want %s: %s", r.status, args[0], tail(r.body))
	}
	if r.status == http.StatusSeeOther && r.setCookie("session") == nil {
		ts.Fatalf("logging in gave no session")
	}
}

func scriptEnd(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, "end", 0)
	s := scriptOf(ts)
	if s.server == nil {
		ts.Fatalf("no server is running")
	}
	err := s.server.stop()
	ts.Check(os.WriteFile(ts.MkAbs("serve.stdout"), []byte(s.server.stdout.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("serve.stderr"), []byte(s.server.stderr.String()), 0o600))
	s.server = nil
	ts.Check(err)
}

func scriptCrash(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, "crash", 0)
	s := scriptOf(ts)
	if s.server == nil {
		ts.Fatalf("no server is running")
	}
	ts.Check(s.server.cmd.Process.Kill())
	<-s.server.ended
	s.server = nil
}

func scriptSQL(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, "sql FILE STATEMENT", 2)
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

// Microblog on a terminal, and the signal a terminal sends.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.signal(t, syscall.SIGINT)
	if code := s.waitEnd(t); code != 0 {
		t.Errorf("exit code %d after SIGINT, want 0", code)
	}
	if s.stderr.String() != "" {
		t.Errorf("standard error says %q", s.stderr.String())
	}
}
