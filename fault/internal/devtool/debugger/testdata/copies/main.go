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
	"math"
	"net/http"
	"net/url"
	"os"
	"reflect"
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
	inUse = []any{allocate, sum, joined, firstOf, makeAccount, (*account).add, new(pair[string, int]), named, both, split, weekday, describe[int], mix, mixed.Same, sameAll, few, small.Same, deep,
		size, table, handler, routine.Run, routine.Half, runs, twice, adder, shown, shownAs, noted, whole, negative, tiny, tick, order, level.Twice, level.raised, inner.Vari, (*wrapper).Vari,
		(*wrapper).Tiny, (*wrapper).tiny, (*wrapper).all, (*wrapper).Named, (*wrapper).tell, (*wrapper).Tags, time.Duration.String}
)

func allocate(megabytes int) int {
	total := 0
	for range megabytes {
		total += len(make([]byte, 1<<20))
	}
	return total
}

func sum(first int, others ...int) int {
	for _, n := range others {
		first += n
	}
	return first
}

func joined(sep string, parts ...string) string { return strings.Join(parts, sep) }

func firstOf(all ...*account) *account { return all[0] }

func describe[T any](v T) string { return fmt.Sprint(v) }

func named(name string) (any, error) {
	if name == "" {
		return nil, errLimit
	}
	return name, nil
}

func both(err error, v any) []any { return []any{err, v} }

func split(a account) (account, int) { return a, a.ID }

func weekday(t time.Time) time.Weekday { return t.Weekday() }

func size(m map[string]int) int { return len(m) }

func table(n int) map[string]int {
	if n == 0 {
		return nil
	}
	return map[string]int{"n": n, "z": 0}
}

// routine has a field that can be put nowhere.
type routine struct {
	run func(int) int
	n   int
}

func handler(n int) routine { return routine{adder(n), n} }

func (r routine) Run(n int) int { return r.run(n) }

func (r routine) Half() int { return r.n / 2 }

func runs(r routine) int { return r.run(100) }

func adder(n int) func(int) int {
	if n == 0 {
		return nil
	}
	return func(m int) int { return n + m }
}

func twice(f func(int) int) int { return f(50) + f(50) }

func shown(s fmt.Stringer) string { return s.String() }

func shownAs(n int) fmt.Stringer { return time.Duration(n) * time.Second }

func noted(n int, notes ...any) string { return fmt.Sprint(n, notes) }

func whole(f float64) float64 { return f }

func negative() float64 { return math.Copysign(0, -1) }

func tiny(n int8) int8 { return n }

var ticks int

func tick() int {
	ticks++
	return ticks
}

func order(a, b int) string { return fmt.Sprint(a, ",", b) }

// add is variadic.
func (a *account) add(tags ...string) []string { return append(a.Tags, tags...) }

func (a *account) AddAll(notes ...any) int { return len(notes) + a.ID }

func (a account) Failure(err error) error { return fmt.Errorf("%s: %w", a.Name, err) }

type level int8

func (l level) Twice() level { return 2 * l }

func (l level) raised(n int8) level { return l + level(n) }

// wrapper has methods of what it embeds.
type wrapper struct {
	*inner
	size int
}

type inner struct{ n int8 }

func (i inner) Vari(ns ...int8) int {
	total := 0
	for _, n := range ns {
		total += int(n)
	}
	return total
}

func (i *inner) Tiny(n int8) int8 { return n + i.n }

func (i *inner) tiny(n int8) int8 { return n + i.n }

func (i *inner) all(ns ...int8) int { return i.Vari(ns...) }

func (i inner) Named(n int, a account) string { return fmt.Sprint(n, " ", a.Name) }

func (i inner) tell(name string, half float32, on bool) string { return fmt.Sprint(name, half, on) }

func (i inner) Tags(f func(int) int) int { return f(int(i.n)) }

// mixed has a field of most kinds.
type mixed struct {
	A     int8
	B     uint16
	F     float32
	G     float64
	C     complex64
	Minus float64
	S     string
	Long  string
	L     []int
	Nil   []string
	Empty []string
	M     map[string]int
	P     *account
	R     [3]uint8
	N     struct{ X, Y int32 }
	On    bool
	E     error
	None  error
	V     any
	U     uint64
	T     time.Time
	W     time.Weekday
	List  [2]small
}

// small fits into registers.
type small struct {
	F float32
	G float64
	N int8
	S string
	E error
}

func mix(n int) mixed {
	m := mixed{
		A: int8(-n), B: uint16(n), F: 0.1, G: math.Inf(-1), C: complex(0.1, -2), Minus: math.Copysign(0, -1), S: fmt.Sprint("é", n),
		Long: strings.Repeat("long ", 2000*n), L: make([]int, n, 2*n), Empty: []string{}, M: map[string]int{"n": n}, P: makeAccount(n, "mixed"),
		R: [3]uint8{1, 2, uint8(n)}, On: true, E: errLimit, V: time.Duration(n), U: math.MaxUint64, T: time.Unix(int64(n), 5), W: time.Friday,
		List: [2]small{few(n), few(n + 1)},
	}
	m.N.X, m.N.Y = int32(n), -1
	return m
}

func few(n int) small {
	return small{F: float32(n) / 3, G: 1e-300, N: int8(n), S: strconv.Itoa(n), E: errLimit}
}

func (m mixed) Same(n int) bool {
	return reflect.DeepEqual(m, mix(n)) && math.Signbit(m.Minus) && cap(m.L) == 2*n
}

func (s small) Same(n int) bool { return s == few(n) }

// sameAll reports whether all are mix(n), and says how many.
func sameAll(n int, all ...mixed) (int, bool) {
	for _, m := range all {
		if !m.Same(n) {
			return len(all), false
		}
	}
	return len(all), true
}

// deep needs a larger stack.
func deep(n int) int {
	var block [512]byte
	block[n%512] = 1
	if n == 0 {
		return int(block[0]) - 1
	}
	return deep(n-1) + int(block[n%512])
}

type pair[K comparable, V any] struct {
	Key   K
	Value V
}

func (p pair[K, V]) Both() (K, V) { return p.Key, p.Value }

func (p *pair[K, V]) Set(v V) *pair[K, V] {
	p.Value = v
	return p
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
	holder := &account{ID: 7, Name: "susan", Tags: []string{"a", "b"}}
	couple, other := pair[string, int]{"two", 2}, pair[string, int]{"two", 2}
	add := sum
	plain := few(2)
	list, undefined, zero := []*account{holder}, math.NaN(), 0.0
	wrapped, outer := &wrapper{&inner{1}, 300}, wrapper{&inner{2}, 1}
	fields := struct{ Sum func(int, ...int) int }{sum}
	used := len(plain.S)
	defer func() { runtime.KeepAlive(used) }()
	defer func() { runtime.KeepAlive([]any{holder, &couple, &other, add, &fields}) }()
	if scope == nil {
		c, err := freeze.Here(os.Getppid())
		if err != nil {
			return err.Error()
		}
		runtime.KeepAlive(count)
		return strconv.Itoa(c.PID)
	}
	scope.Freeze(count, freeze.StackPanic)
	runtime.KeepAlive([]any{list, &undefined, &zero, wrapped, &outer})
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
