package explain_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"encoding/gob"
	"errors"
	"flag"
	"image"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"text/template"
	"time"

	"archive/zip"

	"example.org/microblog/fault/trace"
)

// does is a handler that does one thing, and has its error.
func does(f func(r *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(_ http.ResponseWriter, r *http.Request) error { return f(r) }
}

// rowsOf is a database whose queries return one row with that value.
type rowsOf struct{ value driver.Value }

func (d rowsOf) Connect(context.Context) (driver.Conn, error) { return d, nil }
func (d rowsOf) Driver() driver.Driver                        { return nil }
func (d rowsOf) Prepare(string) (driver.Stmt, error)          { return d, nil }
func (d rowsOf) Close() error                                 { return nil }
func (d rowsOf) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (d rowsOf) NumInput() int                                { return -1 }
func (d rowsOf) Exec([]driver.Value) (driver.Result, error)   { return driver.RowsAffected(0), nil }
func (d rowsOf) Query([]driver.Value) (driver.Rows, error)    { return &oneRow{value: d.value}, nil }

type oneRow struct {
	value driver.Value
	done  bool
}

func (*oneRow) Columns() []string { return []string{"created"} }
func (*oneRow) Close() error      { return nil }
func (r *oneRow) Next(to []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done, to[0] = true, r.value
	return nil
}

func TestLibraries(t *testing.T) {
	closed := httptest.NewTLSServer(http.NotFoundHandler())
	closed.TLS.MaxVersion = tls.VersionTLS11
	closed.TLS.MinVersion = tls.VersionTLS10
	closed.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(closed.Close)
	ssh, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ssh.Close() })
	go func() {
		for {
			c, err := ssh.Accept()
			if err != nil {
				return
			}
			// Before there is a request, a client takes it for no answer.
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n")
			}
			c.Close()
		}
	}()
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	type profile struct{ Name string }
	var aead cipher.AEAD
	block, err := aes.NewCipher(make([]byte, 16))
	if err == nil {
		aead, err = cipher.NewGCM(block)
	}
	if err != nil {
		t.Fatal(err)
	}
	flags := flag.NewFlagSet("", flag.PanicOnError)
	flags.SetOutput(io.Discard)
	check(t, []failing{{
		name: "long line", handler: does(func(*http.Request) error {
			s := bufio.NewScanner(strings.NewReader(strings.Repeat("x", 70_000)))
			for s.Scan() {
			}
			return s.Err()
		}),
		title: "A line is too long for bufio.Scanner",
	}, {
		name: "image", handler: does(func(*http.Request) error {
			_, _, err := image.Decode(strings.NewReader("GIF"))
			return err
		}),
		title: "The image is of a format that is not known",
	}, {
		name: "gzip", handler: does(func(*http.Request) error {
			_, err := gzip.NewReader(strings.NewReader("<html>....................."))
			return err
		}),
		title: "This is not compressed by gzip",
	}, {
		name: "zip", handler: does(func(*http.Request) error {
			_, err := zip.NewReader(strings.NewReader("PK"), 2)
			return err
		}),
		title: "This is no zip file",
	}, {
		name: "key", handler: does(func(*http.Request) error {
			_, err := aes.NewCipher([]byte("secret"))
			return err
		}),
		title: "The key has the wrong length", text: []string{"It has 6 bytes."},
	}, {
		name: "decrypt", handler: does(func(*http.Request) error {
			_, err := aead.Open(nil, make([]byte, 12), make([]byte, 32), nil)
			return err
		}),
		title: "It could not be decrypted",
	}, {
		name: "gob", handler: does(func(*http.Request) error {
			return gob.NewEncoder(io.Discard).Encode(map[string]any{"who": profile{"susan"}})
		}),
		title: "gob does not know `explain_test.profile`", try: []string{"gob.Register(explain_test.profile{})"},
	}, {
		name: "gob fields", handler: does(func(*http.Request) error {
			return gob.NewEncoder(io.Discard).Encode(struct{ name string }{"susan"})
		}),
		title: "`struct { name string }` has nothing that gob could write",
	}, {
		name: "errors.As", handler: does(func(*http.Request) error {
			var target any = fs.PathError{}
			errors.As(io.EOF, target)
			return nil
		}),
		title: "errors.As was called with a wrong target", mark: "errors.As(io.EOF, target)", blindMark: "errors.As(io.EOF, target)",
	}, {
		name: "nil context", handler: does(func(*http.Request) error {
			var parent context.Context
			_, cancel := context.WithTimeout(parent, time.Second)
			cancel()
			return nil
		}),
		title: "The context is nil", mark: "context.WithTimeout(parent, time.Second)", blindMark: "context.WithTimeout(parent, time.Second)",
	}, {
		name: "builder", handler: does(func(*http.Request) error {
			var b strings.Builder
			b.WriteString("a")
			c := []strings.Builder{b}
			c[0].WriteString("b")
			return nil
		}),
		title: "A strings.Builder was copied", mark: `c[0].WriteString("b")`, blindMark: `c[0].WriteString("b")`,
	}, {
		name: "flag", handler: does(func(*http.Request) error {
			flags.Bool("v", false, "")
			flags.Bool("v", false, "")
			return nil
		}),
		title: "Something was registered twice", text: []string{"`v`"}, mark: `flags.Bool("v", false, "")`, blindMark: `flags.Bool("v", false, "")`,
	}, {
		name: "big", handler: does(func(*http.Request) error {
			new(big.Int).Div(big.NewInt(1), big.NewInt(0))
			return nil
		}),
		title: "Division by zero", text: []string{"math/big"}, mark: "new(big.Int).Div(big.NewInt(1), big.NewInt(0))", blindMark: "new(big.Int).Div(big.NewInt(1), big.NewInt(0))",
	}, {
		name: "atomic", handler: does(func(*http.Request) error {
			var x atomic.Value
			x.Store(1)
			x.Store("one")
			return nil
		}),
		title: "An atomic.Value was given a value of another type", mark: `x.Store("one")`, blindMark: `x.Store("one")`,
	}, {
		name: "iterator", handler: does(func(*http.Request) error {
			all := func(yield func(int) bool) {
				yield(1)
				yield(2)
			}
			for n := range all {
				if n == 1 {
					break
				}
			}
			return nil
		}),
		title: "An iterator went on after the loop had ended",
	}, {
		name: "host and port", handler: does(func(*http.Request) error {
			_, _, err := net.SplitHostPort("localhost")
			return err
		}),
		title: "`localhost` is not host and port",
	}, {
		name: "pattern", handler: does(func(*http.Request) error {
			http.NewServeMux().HandleFunc("GET /user/{name", http.NotFound)
			return nil
		}),
		title: "`GET /user/{name` is no pattern of a ServeMux", text: []string{"bad wildcard segment"},
		mark: `http.NewServeMux().HandleFunc("GET /user/{name", http.NotFound)`, blindMark: `http.NewServeMux().HandleFunc("GET /user/{name", http.NotFound)`,
	}, {
		name: "status", handler: func(w http.ResponseWriter, _ *http.Request) error {
			var status int
			httptest.NewRecorder().WriteHeader(status)
			return nil
		},
		title: "0 is no status", mark: "httptest.NewRecorder().WriteHeader(status)", blindMark: "httptest.NewRecorder().WriteHeader(status)",
	}, {
		name: "hijack", handler: func(w http.ResponseWriter, _ *http.Request) error {
			_, _, err := http.NewResponseController(struct{ http.ResponseWriter }{w}).Hijack()
			return err
		},
		title: "The ResponseWriter cannot do that",
	}, {
		name: "server's request", request: httptest.NewRequest("GET", "http://127.0.0.1:1/", nil), handler: does(func(r *http.Request) error {
			_, err := http.DefaultClient.Do(r)
			return err
		}),
		title: "A server's request was sent by a client",
	}, {
		name: "header", handler: does(func(r *http.Request) error {
			q := httptest.NewRequest("GET", closed.URL, nil)
			q.RequestURI = ""
			q.Header.Set("Authorization", "Bearer x\n")
			_, err := http.DefaultClient.Do(q)
			return err
		}),
		title: "A header cannot be sent", text: []string{"Authorization"},
	}, {
		name: "length", handler: does(func(*http.Request) error {
			q, err := http.NewRequest("POST", "http://"+ssh.Addr().String(), io.NopCloser(strings.NewReader("")))
			if err != nil {
				return err
			}
			q.ContentLength = 3
			return q.Write(io.Discard)
		}),
		title: "The body has another length than was told", text: []string{"3 bytes"},
	}, {
		name: "no HTTP", handler: does(func(*http.Request) error {
			_, err := http.Get("http://" + ssh.Addr().String())
			return err
		}),
		title: "The other end does not speak HTTP", text: []string{"SSH-2.0"},
	}, {
		name: "location", handler: does(func(*http.Request) error {
			_, err := (&http.Response{}).Location()
			return err
		}),
		title: "The answer leads nowhere",
	}, {
		name: "TLS version", handler: does(func(*http.Request) error {
			_, err := closed.Client().Get(closed.URL)
			return err
		}),
		title: "There is no version of TLS that both ends have",
	}, {
		name: "no templates", handler: does(func(*http.Request) error {
			_, err := template.ParseGlob("templates/*.html")
			return err
		}),
		title: "No template file was found", text: []string{"`templates/*.html`"},
	}, {
		name: "time as text", handler: does(func(r *http.Request) error {
			db := sql.OpenDB(rowsOf{[]byte("2026-01-02 15:04:05")})
			defer db.Close()
			var created time.Time
			return trace.Wrap(db.QueryRowContext(r.Context(), "SELECT created").Scan(&created), "loading")
		}),
		title: "The time in `created` came as `[]uint8`", try: []string{"parseTime=true"},
	}, {
		name: "scan first", handler: does(func(r *http.Request) error {
			db := sql.OpenDB(rowsOf{int64(1)})
			defer db.Close()
			rows, err := db.QueryContext(r.Context(), "SELECT created")
			if err != nil {
				return err
			}
			defer rows.Close()
			var n int
			return rows.Scan(&n)
		}),
		title: "Scan was called before Next",
	}, {
		name: "argument", handler: does(func(r *http.Request) error {
			db := sql.OpenDB(rowsOf{int64(1)})
			defer db.Close()
			_, err := db.ExecContext(r.Context(), "DELETE FROM users WHERE id IN (?)", []int{1, 2})
			return err
		}),
		title: "An argument of the statement cannot be sent", text: []string{"`1`", "a slice of int"},
	}, {
		name: "connection", handler: does(func(r *http.Request) error {
			db := sql.OpenDB(rowsOf{int64(1)})
			defer db.Close()
			c, err := db.Conn(r.Context())
			if err != nil {
				return err
			}
			c.Close()
			return c.PingContext(r.Context())
		}),
		title: "The connection was given back already",
	}, {
		name: "cancelled in the database", handler: does(func(r *http.Request) error {
			db := sql.OpenDB(rowsOf{int64(1)})
			defer db.Close()
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			_, err := db.ExecContext(ctx, "SELECT pg_sleep(9)")
			note(r.Context(), trace.Step{Kind: "sql", Text: "SELECT pg_sleep(9)", Err: err.Error()})
			return err
		}),
		title: "The context was cancelled", text: []string{"The statement: `SELECT pg_sleep(9)`."},
	}, {
		name: "no program of this machine", handler: does(func(*http.Request) error { return exec.Command(script).Run() }),
		title: "`" + script + "` is no program for this machine",
	}, {
		name: "no process", handler: does(func(*http.Request) error {
			return &fs.PathError{Op: "fork/exec", Path: "/bin/true", Err: syscall.EAGAIN} // It would take all there are.
		}),
		title: "No further process can be started",
	}, {
		name: "no port", handler: does(func(*http.Request) error {
			return &net.OpError{Op: "dial", Net: "tcp", Addr: ssh.Addr(), Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
		}),
		title: "There is no port left to connect from",
	}, {
		name: "no address of that kind", handler: does(func(*http.Request) error {
			addr := &net.TCPAddr{IP: net.IPv6loopback, Port: 5432}
			return &net.OpError{Op: "dial", Net: "tcp", Addr: addr, Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
		}),
		title: "`[::1]:5432` cannot be reached from here", try: []string{"127.0.0.1"}, not: []string{"used up"},
	}, {
		name: "one buffer too large", handler: does(func(*http.Request) error {
			var b bytes.Buffer
			b.Truncate(3)
			return nil
		}),
		title: "A bytes.Buffer was cut beyond its end", mark: "b.Truncate(3)", blindMark: "b.Truncate(3)",
	}})
}
