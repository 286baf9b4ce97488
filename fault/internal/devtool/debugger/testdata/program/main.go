// Command program has a stack with variables of all kinds in its frames, and stays at its end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"example.org/program/shapes"
	"example.org/program/stop"
)

var (
	counter  = 3
	settings = map[string]string{"colour": "green", "size": "large"}
)

func double(n int) int { return 2 * n }

func main() {
	started := make(chan struct{})
	go worker("first", started)
	<-started
	go func() {
		var mu sync.Mutex
		mu.Lock()
		started <- struct{}{}
		mu.Lock()
	}()
	<-started
	scalars(true, -8, 300, -70000, 1<<40, 200, 65535, 4000000000, math.MaxUint64, 1.5, math.Inf(1), complex(1, -2), 'ä', "plain")
}

func worker(name string, started chan<- struct{}) {
	started <- struct{}{}
	fmt.Println(name, <-make(chan int))
}

//go:noinline
func scalars(b bool, i8 int8, i16 int16, i32 int32, i64 int64, u8 uint8, u16 uint16, u32 uint32, u64 uint64, f32 float32, f64 float64, c complex128, r rune, s string) {
	nan, tiny, pointer, address := math.NaN(), 1e-300, uintptr(0xbeef), unsafe.Pointer(&b)
	heat, tight := celsius(36.6), small(127)
	floats(0.1, warmth(0.1), complex(0.1, 0.3), math.Copysign(0, -1))
	runtime.KeepAlive([]any{nan, tiny, pointer, address, heat, tight, inUse, b, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, c, r, s})
}

// floats has numbers that are not what the shortest text of them is, and zeros with a sign.
//
//go:noinline
func floats(tenth float32, warm warmth, pair complex64, minus float64) {
	minus32, plus := float32(minus), 0.0
	both, left := complex(minus, 1), complex64(complex(1, minus))
	endless := complex(math.Inf(1), 1)
	byTenth, byWarmth := map[float32]int{0.1: 9}, map[warmth]string{0.1: "warm"}
	byNumber := map[float64]string{0.1: "tenth", minus: "zero", math.Inf(1): "much", 2: "two"}
	byPoint := map[[2]float64]int{{minus, 1}: 5}
	signs, point, boxed := []float64{minus, 0}, &polar{minus, []float32{-1, minus32}}, any(minus)
	name := title("é")
	_, failure := escaping(3, "given")
	runtime.KeepAlive([]any{tenth, warm, pair, minus, minus32, plus, both, left, endless, byTenth, byWarmth, byNumber, byPoint, signs, point, boxed, name, failure})
}

type warmth float32

type polar struct {
	Radius float64
	Turns  []float32
}

type celsius float64

type title string

type small int8

// inUse keeps functions that nothing else calls in the program.
var inUse = []any{
	shapes.Greet, shapes.Twice, shapes.Boom, shapes.Hang, shapes.Spin, shapes.Sum, shapes.Nothing, shapes.Deep,
	shapes.Allocate, shapes.Zero, shapes.Fail, shapes.Exit, shapes.Fatal, shapes.Point.Add, (*shapes.Point).Move, shapes.Point.Split,
	(*shapes.Point).Describe, shapes.Point.Scale, shapes.Pair[string, int].Both, (*shapes.Pair[string, int]).Swap, &shapes.Limit, &shapes.Names,
	receiver.Name, (*receiver).Set, (*receiver).Size,
}

//go:noinline
func texts(long string) {
	empty, unicode, invalid, tricky := "", "Grüße, 世界 ☃", "a\xff\xfeb", "looks cut...+5 more"
	lines, named := "one\ntwo\t\"three\"\x1b[31m", title("A Title")
	raw, binary, noBytes, emptyBytes := []byte("some text"), []byte{0, 1, 2, 0xff}, []byte(nil), []byte{}
	longBytes, message, fixed := []byte(strings.Repeat("bytes ", 1000)), json.RawMessage(`{"a":1}`), [5]byte{'h', 'e', 'l', 'l', 'o'}
	runes := []rune("rune")
	pointers(&shapes.Point{X: 1, Y: 2})
	runtime.KeepAlive([]any{empty, unicode, invalid, tricky, lines, named, raw, binary, noBytes, emptyBytes, longBytes, message, fixed, runes, long})
}

//go:noinline
func pointers(point *shapes.Point) {
	twice, number := &point, 5
	toNumber := &number
	var nothing *shapes.Point
	toNothing := &nothing
	ring := &shapes.Node{Value: 1}
	ring.Next = &shapes.Node{Value: 2, Next: ring}
	list := &shapes.Node{Value: 0}
	for n := 1; n < 10; n++ {
		list = &shapes.Node{Value: n, Next: list}
	}
	text := "pointed at"
	toText, toSlice, toMap := &text, &[]int{1, 2, 3}, &map[string]int{"one": 1}
	structs(*point, shapes.Circle{Point: shapes.Point{X: 3, Y: 4}, Radius: 2.5, Label: "round"})
	runtime.KeepAlive([]any{twice, toNumber, nothing, toNothing, ring, list, toText, toSlice, toMap})
}

//go:noinline
func structs(point shapes.Point, circle shapes.Circle) {
	type row struct{ id, size int }
	local := row{7, 8}
	anonymous := struct {
		Name string
		Tags []string
	}{"anon", []string{"x", "y"}}
	none := struct{}{}
	pair := shapes.Pair[string, int]{Key: "key", Value: 9}
	nested := shapes.Pair[string, []shapes.Pair[int, *shapes.Circle]]{Key: "outer", Value: []shapes.Pair[int, *shapes.Circle]{{Key: 1, Value: &circle}}}
	otherRow(&nested)
	runtime.KeepAlive([]any{local, anonymous, none, pair, nested, point, circle})
}

//go:noinline
func otherRow(nested *shapes.Pair[string, []shapes.Pair[int, *shapes.Circle]]) {
	type row struct {
		name string
		rows []string
	}
	local := &row{"the other row", []string{"r"}}
	interfaces(nil, 42, &shapes.Failure{Code: 1, Err: errors.New("inner")})
	runtime.KeepAlive([]any{nested, local})
}

//go:noinline
func interfaces(nothing any, number any, err error) {
	var none error
	var typedNil error = (*shapes.Failure)(nil)
	var stringer fmt.Stringer = shapes.Green
	var value any = shapes.Point{X: 5, Y: 6}
	var deep any = map[string]any{"list": []any{1, "two", nil, map[string]any{"three": 3.0}}}
	wrapped := fmt.Errorf("reading: %w", err)
	joined := errors.Join(err, shapes.ErrOut)
	colour := shapes.Green
	maps(map[string]int{"b": 2, "a": 1, "c": 3}, nil)
	runtime.KeepAlive([]any{nothing, number, err, none, typedNil, stringer, value, deep, wrapped, joined, colour})
}

//go:noinline
func maps(small map[string]int, none map[string]int) {
	empty, large := map[int]bool{}, map[int]string{}
	for n := range 300 {
		large[n] = fmt.Sprint("value ", n)
	}
	keyed := map[shapes.Point]*shapes.Circle{{X: 2, Y: 1}: shapes.NewCircle(1, 2, 3), {X: 1, Y: 9}: nil}
	lists := map[title][]shapes.Point{"t": {{X: 1, Y: 1}}}
	mixed := map[any]any{"s": 1, 2: "two", 1.5: nil, true: 'x'}
	set := map[string]struct{}{"only": {}}
	header := http.Header{"Accept": {"text/html", "*/*"}}
	slices([]int{5, 6, 7}, make([]string, 2, 10))
	runtime.KeepAlive([]any{small, none, empty, large, keyed, lists, mixed, set, header})
}

//go:noinline
func slices(numbers []int, spare []string) {
	var none []int
	empty := []int{}
	many := make([]int, 1000)
	for i := range many {
		many[i] = i * i
	}
	points, pointers := []shapes.Point{{X: 1, Y: 2}, {X: 3, Y: 4}}, []*shapes.Point{{X: 5, Y: 6}, nil}
	matrix, array := [][]float64{{1, 2}, {3}}, [3]string{"a", "", "c"}
	anything := []any{1, "two", nil, shapes.Red, []int{1}}
	functions(double, func() int { return counter })
	runtime.KeepAlive([]any{none, empty, many, points, pointers, matrix, array, anything, numbers, spare})
}

//go:noinline
func functions(function func(int) int, closure func() int) {
	var none func()
	base := 100
	adder := func(n int) int { return base + n }
	method := shapes.NewCircle(1, 1, 1).Hidden
	var noChannel chan int
	channel, buffered, closed := make(chan int), make(chan string, 5), make(chan struct{})
	buffered <- "first"
	buffered <- "second"
	close(closed)
	var receive <-chan string = buffered
	times(time.Date(2024, 2, 29, 12, 30, 15, 123456789, time.UTC), 90*time.Second)
	runtime.KeepAlive([]any{none, adder, method, noChannel, channel, buffered, closed, receive, function, closure})
}

//go:noinline
func times(at time.Time, timeout time.Duration) {
	zoned := at.In(time.FixedZone("CET", 3600))
	var zero time.Time
	now, pointer, month := time.Now(), &zoned, time.March
	old := time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)
	local := time.Date(2030, 1, 2, 3, 4, 5, 0, time.Local)
	known(context.WithValue(context.Background(), title("key"), "value"), &http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: "example.org", Path: "/x"}})
	runtime.KeepAlive([]any{zoned, zero, now, pointer, month, old, local, timeout})
}

//go:noinline
func known(ctx context.Context, r *http.Request) {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	var mu sync.Mutex
	mu.Lock()
	var flag atomic.Bool
	var number atomic.Int64
	number.Store(-5)
	flag.Store(true)
	address := netip.MustParseAddrPort("127.0.0.1:80")
	var once sync.Once
	once.Do(func() {})
	result, err := shadows(5, "outer")
	runtime.KeepAlive([]any{ctx, r, &mu, &flag, &number, address, result, err})
}

//go:noinline
func shadows(n int, text string) (result string, err error) {
	if n := n * 2; n > 5 {
		text := text + " inner"
		for n := range 3 {
			if n == 2 {
				result = mapped([]int{n, n + 1}, func(n int) string { return fmt.Sprint(text, n) })
			}
		}
	}
	return result, err
}

//go:noinline
func mapped[T any](items []T, f func(T) string) string {
	var out []string
	var first T
	for i, item := range items {
		if i == 0 {
			first = item
		}
		out = append(out, f(item))
	}
	shapes := &receiver{name: "me", sizes: map[string]int{"a": 1}}
	shapes.method(first, out...)
	return strings.Join(out, "")
}

var kept []any

// stack is the stack as the runtime tells it.
var stack []string

//go:noinline
func callers() []string {
	const most = 200
	pcs, names := make([]uintptr, most), []string{}
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		names = append(names, f.Function)
		if !more {
			return names
		}
	}
}

// escaping has results that lie on the heap.
//
//go:noinline
func escaping(n int, text string) (name string, failure error) {
	kept = []any{&name, &failure, &text}
	name, failure = "still here", errors.New("inner")
	if failure := failure.Error(); failure != "" {
		texts(strings.Repeat("long ", 1000))
	}
	return name, failure
}

type receiver struct {
	name  string
	sizes map[string]int
}

func (r *receiver) Size(key string) int { return r.sizes[key] }

func (r receiver) Name() string { return r.name }

func (r *receiver) Set(key string, size int) { r.sizes[key] = size }

//go:noinline
func (r *receiver) method(first any, out ...string) {
	defer func() {
		_ = recover()
		kinds(5, -1, 1<<40, 200, 7, 0xbeef, 0.5, true, "abc", 1+2i, time.Second, 0o644)
	}()
	var broken map[string]int
	broken[out[0]] = r.Size("a")
}

type (
	number  int
	tiny    int8
	long    int64
	octet   uint8
	word    uint
	handle  uintptr
	half    float32
	flag    bool
	letters string
	wave    complex64
)

// kinds has a variable of a named type of each kind.
//
//go:noinline
func kinds(n number, t tiny, l long, o octet, w word, h handle, f half, y flag, s letters, c wave, d time.Duration, m os.FileMode) {
	var absent *deepest
	var absentError *shapes.Failure
	embedded := &struct{ greeter }{greets{receiver{name: "me", sizes: map[string]int{"a": 1}}}}
	reflect.ValueOf(embedded.Greet).Call([]reflect.Value{reflect.ValueOf("x")})
	runtime.KeepAlive([]any{n, t, l, o, w, h, f, y, s, c, d, m, absent, absentError, embedded})
}

type greeter interface{ Greet(string) }

type greets struct{ r receiver }

func (g greets) Greet(string) { defer unnamed(7, "seven") }

// unnamed panics in a deferred function, after it has set its results.
//
//go:noinline
func unnamed(int, string) (int, string) {
	defer func() {
		_ = recover()
	}()
	defer func() {
		var r *receiver
		func(_ string, _ int) int {
			goroutines()
			return r.sizes["a"]
		}("blank", 9)
	}()
	return 42, "results"
}

// goroutines starts some that have the labels of their starter.
func goroutines() {
	started := make(chan struct{})
	go func() { // before there are labels
		started <- struct{}{}
		<-make(chan int)
	}()
	<-started
	pprof.Do(context.Background(), pprof.Labels("fault", "scope", "job", "mails"), func(context.Context) {
		go sibling(started)
		<-started
		s := &receiver{name: "me", sizes: map[string]int{"a": 1}}
		receiver{s.name, s.sizes}.deferred(nil)
	})
}

func sibling(started chan<- struct{}) {
	go func() {
		started <- struct{}{}
		<-make(chan int)
	}()
	<-make(chan int)
}

//go:noinline
func (r receiver) deferred(p any) {
	each := func(yield func(int, string) bool) {
		for i, name := range []string{"zero", "one"} {
			if !yield(i, name) {
				return
			}
		}
	}
	total := 0
	for i, name := range each {
		total += i
		if name == "one" {
			last(deepest{r, total}, i, settings)
		}
	}
}

type deepest struct {
	receiver
	total int
}

//go:noinline
func last(d deepest, i int, settings map[string]string) {
	stack = callers()
	stop.Here()
	runtime.KeepAlive([]any{d, i, settings})
}
