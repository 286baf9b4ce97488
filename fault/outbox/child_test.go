package outbox_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"example.org/microblog/fault/outbox"
)

// job is what a child process does: the test binary, started again. It puts mails, tells of each one on
// its standard output, and delivers until it is killed.
type job struct {
	Dir   string
	Port  int
	First int // number of the first mail
	Mails int
}

const jobVariable = "OUTBOX_TEST_JOB"

func TestMain(m *testing.M) {
	if text := os.Getenv(jobVariable); text != "" {
		var j job
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			panic(err)
		}
		j.run()
		return
	}
	os.Exit(m.Run())
}

func (j job) options() outbox.Options {
	return outbox.Options{Dir: j.Dir, Server: outbox.Server{Host: "127.0.0.1", Port: j.Port},
		Retry: quickRetry, Logger: slog.New(slog.DiscardHandler)}
}

func (j job) run() {
	o, err := outbox.Open(j.options())
	if err != nil {
		panic(err)
	}
	go o.Run(context.Background())
	for i := range j.Mails {
		m := letter(j.First + i)
		m.MessageID = "" // made by the outbox: it must survive
		m.Text += strings.Repeat("much more to say\n", 2000)
		if err := o.Put(context.Background(), m); err != nil {
			panic(err)
		}
		fmt.Println(m.Key)
	}
	io.Copy(io.Discard, os.Stdin)
}

// child is a running job.
type child struct {
	cmd  *exec.Cmd
	said chan struct{} // closed at its first line
	done chan []string // what it told
}

func (j job) start(t *testing.T) *child {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.Command(os.Args[0]), said: make(chan struct{}), done: make(chan []string, 1)}
	c.cmd.Env = append(os.Environ(), jobVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
	c.cmd.Stderr = os.Stderr
	if _, err := c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		var told []string
		for scan := bufio.NewScanner(out); scan.Scan(); {
			if told = append(told, scan.Text()); len(told) == 1 {
				close(c.said)
			}
		}
		c.done <- told
	}()
	t.Cleanup(func() { c.cmd.Process.Kill() })
	return c
}

// kill kills it, as SIGKILL does, and returns the keys of the mails that it said were durable.
func (c *child) kill() []string {
	c.cmd.Process.Kill()
	told := <-c.done
	c.cmd.Wait()
	return told
}
