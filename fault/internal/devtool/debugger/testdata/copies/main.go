//go:build linux && (amd64 || arm64)

// Command copies makes a frozen copy of itself for every number that it reads, with values that follow from
// the number in the frames, while other goroutines work and memory is collected again and again. It answers
// with the copy's process id. With an argument, nothing else happens meanwhile. For a number below zero, something
// else lies where a variable that is not used any more points to; 0 has a request in a scope,
// and 1 none.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"example.org/microblog/fault/internal/freeze"
)

type account struct {
	ID    int
	Name  string
	Tags  []string
	Owner *account
}

type store struct {
	mu       sync.Mutex
	accounts map[string]*account
}

var (
	errLimit = errors.New("over the limit")
	requests int
	// inUse keeps what nothing else calls.
	inUse = []any{allocate}
)

func allocate(megabytes int) int {
	total := 0
	for range megabytes {
		total += len(make([]byte, 1<<20))
	}
	return total
}

func main() {
	runtime.KeepAlive(inUse)
	s := &store{accounts: map[string]*account{}}
	if quiet := len(os.Args) > 1; !quiet {
		for range 4 {
			go serve(s)
		}
		go collect()
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		n, err := strconv.Atoi(in.Text())
		if err != nil {
			fmt.Println(err)
			continue
		}
		requests++
		done := make(chan string)
		go func() {
			if n < 0 {
				done <- reuse(-n)
				return
			}
			switch n {
			case 0:
				done <- scoped()
				return
			case 1:
				done <- onStack(nil)
				return
			}
			done <- request(s, n)
		}()
		fmt.Println(<-done)
	}
}

// serve makes garbage, as requests do.
func serve(s *store) {
	for n := 0; ; n++ {
		name := fmt.Sprint("other ", n%100)
		s.mu.Lock()
		s.accounts[name] = &account{ID: -n, Name: name, Tags: strings.Fields(strings.Repeat("garbage ", n%20))}
		s.mu.Unlock()
		time.Sleep(50 * time.Microsecond)
	}
}

func collect() {
	for {
		runtime.GC()
		time.Sleep(2 * time.Millisecond)
	}
}

//go:noinline
func request(s *store, number int) string {
	early := makeAccount(number, "early")
	used := early.ID
	path := "/accounts/" + strconv.Itoa(number)
	headers := map[string][]string{"X-Number": {strconv.Itoa(number)}, "Accept": {"text/html", "*/*"}}
	began := time.Unix(1_700_000_000+int64(number), 5000)
	answer, err := load(s, path, number)
	runtime.KeepAlive(headers)
	runtime.KeepAlive(path)
	runtime.KeepAlive(began)
	if err != nil {
		return err.Error()
	}
	return answer + strings.Repeat(" ", used-number)
}

//go:noinline
func makeAccount(number int, kind string) *account {
	return &account{
		ID: number, Name: kind + " " + strconv.Itoa(number), Tags: []string{kind, strconv.Itoa(number * 2)},
		Owner: &account{ID: number + 1, Name: "owner"},
	}
}

//go:noinline
func load(s *store, path string, number int) (answer string, err error) {
	owner := makeAccount(number, "owner")
	list := make([]int, number%10+1)
	for i := range list {
		list[i] = number * i
	}
	var failure error = fmt.Errorf("loading %d: %w", number, errLimit)
	for round := range 3 {
		time.Sleep(time.Millisecond) // Memory is collected, and others make garbage.
		if round == 2 {
			text, err := fail(owner, list, failure, number)
			runtime.KeepAlive([]any{path, owner, list})
			return text, err
		}
	}
	return "", failure
}

//go:noinline
func fail(owner *account, list []int, failure error, number int) (string, error) {
	text := strings.Repeat(strconv.Itoa(number)+" ", 20)
	half := float64(number) / 2
	same := owner
	half += float64(same.ID - number) // It is not used any more, but load holds it.
	raw := []byte(text[:10])
	if list := list[:1]; len(list) == 1 {
		c, err := freeze.Here(os.Getppid())
		if err != nil {
			return "", err
		}
		runtime.KeepAlive([]any{list, text})
		text = strconv.Itoa(c.PID)
	}
	runtime.KeepAlive([]any{owner, list, failure, half, raw})
	return text, nil
}

// scoped is a request on a goroutine of its own, whose stack is small when it begins.
func scoped() string {
	scope := freeze.Begin(freeze.Options{Parent: os.Getppid(), Drop: func(freeze.Copy) {}})
	defer scope.End()
	return onStack(scope)
}

//go:noinline
func onStack(scope *freeze.Scope) string {
	items := []string{"on", "the", "stack"}
	count := len(items)
	home, _ := url.Parse("http://example.org/a%20b?c=d")
	request := &http.Request{URL: home, Header: http.Header{"Accept": {"text/html"}}}
	var err error = &os.PathError{Op: "open", Path: items[0], Err: os.ErrNotExist}
	var none error
	place, wait, half, empty := *home, 90*time.Second, 0.5, bytes.Buffer{}
	if scope == nil {
		c, err := freeze.Here(os.Getppid())
		if err != nil {
			return err.Error()
		}
		runtime.KeepAlive(count)
		return strconv.Itoa(c.PID)
	}
	scope.Freeze(count, freeze.StackPanic)
	runtime.KeepAlive([]any{request, err, none, &place, &wait, half, &empty})
	c, why := scope.Take(func(kept []freeze.Frozen) int { return len(kept) - 1 })
	if why != nil {
		return why.Error()
	}
	return strconv.Itoa(c.PID)
}

//go:noinline
func reuse(number int) string {
	var found *account
	text := replace(&found, number)
	runtime.KeepAlive(found)
	return text
}

// replace gives its caller's variable, once early is gone, an account that lies where early lay.
//
//go:noinline
func replace(found **account, number int) string {
	early := makeAccount(number, "early")
	place := uintptr(unsafe.Pointer(early))
	runtime.GC()
	var others []*account
	for range 1 << 20 {
		other := &account{ID: number + 1}
		if uintptr(unsafe.Pointer(other)) == place {
			*found = other
			break
		}
		others = append(others, other)
	}
	if *found == nil {
		return "nothing else has come to lie where early lay"
	}
	c, err := freeze.Here(os.Getppid())
	if err != nil {
		return err.Error()
	}
	runtime.KeepAlive(others)
	return strconv.Itoa(c.PID)
}
