//go:build amd64 || arm64

package debugger_test

import (
	"bufio"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"example.org/microblog/fault/internal/devtool/debugger"
)

// failures is how many copies TestEveryValueIsTrue looks at, unless FAULT_TEST_FAILURES says so.
const failures = 12

// A maker runs testdata/copies.
type maker struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Reader
}

func startCopies(t testing.TB, arguments ...string) *maker {
	t.Helper()
	path, err := copies()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, arguments...)
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
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &maker{in: in, out: bufio.NewReader(out)}
}

// fail has request n fail, and returns the copy.
func (m *maker) fail(t testing.TB, n int) int {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := fmt.Fprintln(m.in, n); err != nil {
		t.Fatal(err)
	}
	line, err := m.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("no copy: %s", line)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
	})
	return pid
}

// Copies are made while others work and memory is collected; what is shown of them is right.
func TestEveryValueIsTrue(t *testing.T) {
	t.Parallel()
	delve(t)
	count := failures
	if text := os.Getenv("FAULT_TEST_FAILURES"); text != "" {
		count, _ = strconv.Atoi(text)
	}
	m := startCopies(t)
	const sessions = 2
	numbers := make(chan int)
	var group sync.WaitGroup
	var hung atomic.Int64
	for range sessions {
		group.Go(func() {
			for n := range numbers {
				t.Run(strconv.Itoa(n), func(t *testing.T) { isTrue(t, m, n, &hung) })
			}
		})
	}
	for n := range count {
		numbers <- 1000 + 37*n
	}
	close(numbers)
	group.Wait()
	if n := int(hung.Load()); n > 1+count/10 {
		t.Errorf("%d calls of %d have hung", n, count)
	}
}

// What is no longer in use can be read if nothing was collected since the request began.
func TestWhatIsNoLongerInUse(t *testing.T) {
	t.Parallel()
	m := startCopies(t, "quiet")
	const n = 7
	pid := m.fail(t, n)
	s := attach(t, debugger.Options{PID: pid})
	want := fmt.Sprintf(`&{ID: %d, Name: "early %d", Tags: ["early", "%d"], Owner: `, n, n, 2*n)
	if v := variablesOf(t, s, "main.request")["early"]; !strings.HasPrefix(v.Value, want) {
		t.Errorf("without a collection, early is %s (%s), want %s…", v.Value, v.Unreadable, want)
	}
}

// The stack of a new goroutine is too small for making a copy. What lies on it stays where it is, in a scope, or is found again.
func TestWhatLiesOnANewStack(t *testing.T) {
	t.Parallel()
	m := startCopies(t, "quiet")
	for i := range 4 {
		s := attach(t, debugger.Options{PID: m.fail(t, i%2), KillProcess: true})
		if v, want := variablesOf(t, s, "main.onStack")["items"], `["on", "the", "stack"]`; v.Value != want {
			t.Fatalf("items is %q (%s), want %s", v.Value, v.Unreadable, want)
		}
	}
}

// Libraries are compiled with optimisation.
func TestCallsOfLibraries(t *testing.T) {
	t.Parallel()
	s := attach(t, debugger.Options{PID: startCopies(t, "quiet").fail(t, 0), KillProcess: true})
	frame := frameOf(t, s, "main.onStack")
	for expression, want := range map[string]string{
		"err.Error()":                                  `"open on: file does not exist"`,
		"request.URL.String()":                         `"http://example.org/a%20b?c=d"`,
		"place.String()":                               `"http://example.org/a%20b?c=d"`,
		"wait.String()":                                `"1m30s"`,
		"wait.Seconds()":                               "90",
		"empty.Len()":                                  "0",
		`request.Header.Get("accept")`:                 `"text/html"`,
		"request.Context().Err()":                      "nil",
		`request.URL.Query()["c"][0]`:                  `"d"`,
		"fmt.Sprint(wait, count)":                      `"1m30s 3"`,
		"fmt.Sprint(err)":                              `"open on: file does not exist"`,
		"fmt.Sprint()":                                 `""`,
		"fmt.Sprint(none, nil)":                        `"<nil> <nil>"`,
		"fmt.Sprint(items, half)":                      `"[on the stack] 0.5"`,
		`fmt.Sprintf("%05d|%s|%v", count+1, "x", 1.5)`: `"00004|x|1.5"`,
		`fmt.Sprintf("%T %v", wait, true)`:             `"time.Duration true"`,
		"fmt.Sprint(err.Error())":                      `"open on: file does not exist"`,
		`fmt.Errorf("again: %w", err).Error()`:         `"again: open on: file does not exist"`,
		"strings.ToUpper(items[2])":                    `"STACK"`,
		`strings.Join(items, "-")`:                     `"on-the-stack"`,
		`strings.Split("a,b", ",")[1]`:                 `"b"`,
		`len(strings.ToUpper("abc"))`:                  "3",
		"strconv.Itoa(count * 7)":                      `"21"`,
		"errors.Is(err, os.ErrNotExist)":               "true",
		"errors.Unwrap(err).Error()":                   `"file does not exist"`,
		// Variadic functions.
		"sum(1, 2, 3)":                                 "6",
		"sum(count)":                                   "3",
		"sum(1, count, count*2, len(items))":           "13",
		"sum(1, sum(2, 3), sum(4))":                    "10",
		"add(1, 2)":                                    "3",
		"sum(1, []int{2, 3}...)":                       "6",
		`joined("-", items...)`:                        `"on-the-stack"`,
		`joined("+", strings.ToUpper("x"), "y")`:       `"X+y"`,
		"firstOf(holder, nil).Name":                    `"susan"`,
		`holder.add("c", items[0])`:                    `["a", "b", "c", "on"]`,
		`holder.AddAll(1, "x", err, nil)`:              "11",
		"holder.AddAll()":                              "7",
		`append(items, "again", strings.ToLower("X"))`: `["on", "the", "stack", "again", "x"]`,
		`append(items[:1], items[2:]...)[1]`:           `"stack"`,
		`len(append(items, "x"))`:                      "4",
		`fmt.Sprintf("%d %s", count, items[0])`:        `"3 on"`,
		`fmt.Sprint([]any{1, "x", err}...)`:            `"1xopen on: file does not exist"`,
		"fmt.Sprint(1, 2, 3, count, 5, 6, 7, true, 9)": `"1 2 3 3 5 6 7 true 9"`,
		`fmt.Sprint('a', 2.0, 1e3, -7, half < 2)`:      `"97 2 1000 -7 true"`,
		`fmt.Sprintf("%T", request.Header)`:            `"http.Header"`,
		`strings.Join([]string{"a", items[0]}, "")`:    `"aon"`,
		`strings.Join(append(items, "x"), " ")`:        `"on the stack x"`,
		"both(err, count)[1]":                          "3",
		"both(nil, nil)[0] == nil":                     "true",
		"noted(1, nil)":                                `"1 [<nil>]"`,
		// Methods of what lies nowhere.
		"level(3).Twice()":                          "6",
		"level(3).Twice().Twice() + 1":              "13",
		"(level(count) + 1).Twice()":                "8",
		"level(3).raised(4)":                        "7",
		"time.Second.String()":                      `"1s"`,
		"(wait / 2).Seconds()":                      "45",
		"time.Duration(90).String()":                `"90ns"`,
		`http.Header(request.Header).Get("accept")`: `"text/html"`,
		// Promoted methods, whose parameters debug data does not tell.
		"wrapped.Vari(1, 2, 3)":                "6",
		"wrapped.Vari()":                       "0",
		"(*wrapped).Vari(100, 100)":            "200",
		"wrapped.inner.Vari(1, 2)":             "3",
		"wrapped.Tiny(100)":                    "101",
		"wrapped.tiny(100)":                    "101",
		"wrapped.tiny(int8(-1))":               "0",
		"wrapped.inner.all(1, 2)":              "3",
		"outer.inner.all(1, 2)":                "3",
		"wrapped.tiny(tiny(100))":              "101",
		`wrapped.Named(3, account{Name: "x"})`: `"3 x"`,
		"wrapped.Named(300, *holder)":          `"300 susan"`,
		`wrapped.tell("x", 0.5, count == 3)`:   `"x0.5 true"`,
		"wrapped.Tags(adder(3))":               "4",
		// What a call returns is handed on as it is, by Delve where it lies nowhere.
		"size(table(2))":           "2",
		"handler(2).Run(3)":        "5",
		"handler(2).Half()":        "1",
		"runs(handler(4))":         "104",
		"runs(handler(sum(1, 3)))": "104",
		"twice(adder(3))":          "106",
		"shown(shownAs(2))":        `"2s"`,
		"shownAs(2) == nil":        "false",
		"table(0) != nil":          "false",
		"adder(0) == nil":          "true",
		"nil != adder(1)":          "true",
		"whole(0.5)":               "0.5",
		"tiny(127)":                "127",
		// What calls return, in registers and in memory, is passed on as it is.
		"mix(3).Same(3)":                             "true",
		"few(3).Same(3)":                             "true",
		"mix(3).List[1].Same(4)":                     "true",
		"sameAll(3)":                                 "(0, true)",
		"sameAll(3, mix(3))":                         "(1, true)",
		"sameAll(3, mix(3), mix(3))":                 "(2, true)",
		"sameAll(3, mix(3), mix(4))":                 "(2, false)",
		"sameAll(2, []mixed{mix(2)}...)":             "(1, true)",
		"append([]mixed{mix(2)}, mix(3))[1].Same(3)": "true",
		"both(mix(1).E, mix(2))[1].(mixed).Same(2)":  "true",
		"reflect.DeepEqual(mix(2), mix(2))":          "true",
		"fmt.Sprint(plain, deep(1500))":              `"{0.6666667 1e-300 2 2 over the limit} 1500"`,
		"fields.Sum(1, 2)":                           "3",
		"plain.Same(2)":                              "true",
		"fmt.Sprint(few(3))":                         `"{1 1e-300 3 3 over the limit}"`,
		"fmt.Sprint(mix(1).Minus, float32(half), mix(1).C, mix(1).G)": `"-0 0.5 (0.1-2i) -Inf"`,
		"fmt.Sprint([]byte(`a`), []rune(`é`))":                        `"[97] [233]"`,
		"mix(3).P.Owner.Name":                                         `"owner"`,
		"len(mix(2).Long)":                                            "20000",
		"strings.Count(mix(2).Long, `long`)":                          "4000",
		"mix(3).M[`none`]":                                            "0",
		"mix(3).W.String()":                                           `"Friday"`,
		"mix(3).T.UTC().Format(`15:04:05`)":                           `"00:00:03"`,
		`time.Unix(0, 0).UTC().Format("2006")`:                        `"1970"`,
		"time.Unix(0, 0).UTC().Year() + 1":                            "1971",
		"time.Unix(60, 0).Sub(time.Unix(0, 0)).Seconds()":             "60",
		"weekday(time.Unix(0, 0).UTC())":                              "Thursday (4)",
		`strings.ToUpper("abc")[0:2]`:                                 `"AB"`,
		`strings.Fields("a b c")[1:][0]`:                              `"b"`,
		"request.URL.Query().Get(`c`)":                                `"d"`,
		`request.URL.Query()["none"]`:                                 "nil",
		"request.URL.Query().Has(`x`)":                                "false",
		"request.URL.Hostname()":                                      `"example.org"`,
		`request.URL.JoinPath("x", "y").Path`:                         `"/a b/x/y"`,
		"place.Port()":                                                `""`,
		"(*holder).Failure(err).Error()":                              `"susan: open on: file does not exist"`,
		"holder.Failure(err).Error()":                                 `"susan: open on: file does not exist"`,
		"errors.Unwrap(holder.Failure(err)).Error()":                  `"open on: file does not exist"`,
		"holder.Failure(errors.Unwrap(err)).Error()":                  `"susan: file does not exist"`,
		"err.(*fs.PathError).Timeout()":                               "false",
		"errors.Unwrap(holder.Failure(err)).(*fs.PathError).Path":     `"on"`,
		`strconv.Quote(fmt.Sprint(count)) + "!"`:                      `"\"3\"!"`,
		`strings.Repeat("a", count)`:                                  `"aaa"`,
		"math.Floor(half + 2)":                                        "2",
		"math.Sqrt(16)":                                               "4",
		"makeAccount(3, items[0]).Owner.Name":                         `"owner"`,
		"makeAccount(3, items[0]).Tags[1]":                            `"6"`,
		"makeAccount(3, items[0]).AddAll(1)":                          "4",
		"couple.Set(5).Value":                                         "5", "other.Both()": `("two", 2)`,
		"(&couple).Set(6).Set(7).Value": "7",
		`strings.Cut("a=b", "=")`:       `("a", "b", true)`,
		`named("x")`:                    `("x", nil)`,
		"named(``)":                     `(nil, *errors.errorString "over the limit")`,
		"split(*holder)":                `({ID: 7, Name: "susan", Tags: ["a", "b"], Owner: nil}, 7)`,
		"time.Duration(1500000000).Round(time.Second)":  "2s",
		"wait.Truncate(time.Minute) == time.Minute":     "true",
		"len(strings.Split(request.URL.String(), `/`))": "4",
		"request.Header.Values(`Accept`)[0]":            `"text/html"`,
		"reflect.TypeOf(err).String()":                  `"*fs.PathError"`,
	} {
		if v, err := s.Evaluate(t.Context(), frame, expression, true); err != nil || v.Value != want {
			t.Errorf("%s is %s (%v), want %s", expression, v.Value, err, want)
		}
	}
	// Calls are made once, in the order of the language.
	for _, test := range []struct{ expression, want string }{
		{"items[tick()-tick()+2]", `"the"`},
		{"tick()", "3"},
		{"order((tick()), tick()*10)", `"4,50"`},
		{"order(sum(tick(), tick()), tick())", `"13,8"`},
		{"sum(tick(), tick()*10, tick())", "120"},
		{"table(tick()*0+2)[items[tick()*0]]", "0"},
		{"items[tick()*0:][0]", `"on"`},
		{"tick()", "15"},
		{"list[tick()*0].add(items[0])[2]", `"on"`},
		{"tick()", "17"},
		{"wrapped.Tiny(tiny(18)) - int8(tick())", "1"},
		{`wrapped.Named(tick(), account{Name: "x"})`, `"19 x"`},
		{"wrapped.Named(tick(), *list[tick()*0])", `"20 susan"`},
		{"wrapped.Tags(adder(tick()))", "23"},
		{"tick()", "23"},
	} {
		if v, err := s.Evaluate(t.Context(), frame, test.expression, true); err != nil || v.Value != test.want {
			t.Errorf("%s is %s (%v), want %s", test.expression, v.Value, err, test.want)
		}
	}
	if v, err := s.Evaluate(t.Context(), frame, "time.Now()", true); err != nil || !strings.HasPrefix(v.Value, "20") {
		t.Errorf("it is %s (%v)", v.Value, err)
	}
	if v, err := s.Evaluate(t.Context(), frame, "json.Marshal(items)", true); err != nil || !strings.Contains(v.Value, "stack") {
		t.Errorf("it is %s (%v)", v.Value, err)
	}
	for expression, want := range map[string]string{
		`strings.ToUpper("a", "b")`:  "too many arguments",
		"strings.ToUpper()":          "not enough arguments",
		"none.Error()":               "The interface is nil",
		"makeAccount(items, `x`)":    "What is of type []string cannot be used as int here.",
		"holder.Failure(holder)":     "it is a *main.account, and a error is needed.",
		"fmt.Sprint(struct{}{})":     "literal can be the argument of a call only",
		"strings.Map(nil, `a`)":      "built with optimisation",
		"(*holder).missing()":        "There is no field and no method missing.",
		"sum()":                      "not enough arguments",
		`sum(1, "x")`:                "The constant does not fit into the type int.",
		`sum(1, 2.5)`:                "does not fit into the type int",
		`joined("-", 1)`:             "does not fit into the type string",
		`strings.Repeat("a", half)`:  "Argument 2 cannot be used: it is a float64, and a int is needed.",
		"couple.None()":              "There is no field and no method None",
		"describe(1)":                "describe is a generic function",
		"strings.Cut(`a`, `b`)[0]":   "returns several values",
		"sum(strings.Cut(`a`, `b`))": "returns several values",
		"append(count, 1)":           "append needs a slice",
		`append(items, 1)`:           "does not fit",
		"sum(items...)":              "not enough arguments",
		"allocate(count...)":         "This function is not variadic",
		"whole(undefined)":           "NaN, infinite numbers and -0 cannot be handed",
		"whole(-zero)":               "NaN, infinite numbers and -0 cannot be handed",
		"whole(mix(1).G)":            "NaN, infinite numbers and -0 cannot be handed",
		"whole(negative())":          "NaN, infinite numbers and -0 cannot be handed",
		"wrapped.Vari([]int8{1}...)": "A value of this type cannot be put into an interface here",
		"wrapped.Tiny(300)":          "Argument 1 cannot be used: it is the constant 300, and a int8 is needed.",
		"wrapped.Tiny(count * 100)":  "Argument 1 cannot be used: it is a int, and a int8 is needed.",
		"wrapped.Tiny(1.5)":          "it is the constant 1.5, and a int8 is needed.",
		"wrapped.tiny(300)":          "The type of this parameter is not known here",
		"wrapped.tiny(-1)":           "The type of this parameter is not known here",
		"wrapped.tiny(count * 100)":  "What is of type int cannot be used as int8 here.",
		"wrapped.tiny(int(300))":     "What is of type int cannot be used as int8 here.",
		"wrapped.tiny(1.5)":          "can not convert 1.5 constant to int8",
		"wrapped.all(1, 2)":          "can not convert 2 constant to []int8",
		"level(200).Twice()":         "cannot be converted to main.level",
		"level(3).Half()":            "There is no field and no method Half",
		"tiny(300)":                  "The constant does not fit into the type int8.",
		"adder(tick())(tick())":      "in the order that Go makes them",
		"fmt.Sprint(items...)":       "a []string, and a []interface {} is needed",
	} {
		if v, err := s.Evaluate(t.Context(), frame, expression, true); err == nil || want == "" || !strings.Contains(evaluateError(t, err).Text, want) {
			t.Errorf("%s is %s (%v), want %s", expression, v.Value, err, want)
		}
	}
}

// What an outer frame has got only after the object was gone is no reason to believe that it is still there.
func TestWhatAnotherObjectHasTakenThePlaceOf(t *testing.T) {
	t.Parallel()
	const n = 7
	pid := startCopies(t, "quiet").fail(t, -n)
	s := attach(t, debugger.Options{PID: pid})
	if v := variablesOf(t, s, "main.replace")["early"]; v.Unreadable == "" || v.Value != "" {
		t.Errorf("early is %q (%s), want no value", v.Value, v.Unreadable)
	}
	if v, want := variablesOf(t, s, "main.reuse")["found"], fmt.Sprintf("&{ID: %d, ", n+1); !strings.HasPrefix(v.Value, want) {
		t.Errorf("found is %s (%s), want %s…", v.Value, v.Unreadable, want)
	}
}

// A copy may be made while a thread that is not in it has a lock of the runtime.
func TestCallsWithLocksOfOtherThreads(t *testing.T) {
	t.Parallel()
	pid := startCopies(t, "quiet").fail(t, 8)
	path, err := copies()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	symbols, err := binary.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == "runtime.mheap_" })
	if at < 0 {
		t.Fatal("the program has no runtime.mheap_")
	}
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if _, err := memory.WriteAt([]byte{1}, int64(symbols[at].Value)); err != nil { // Its lock comes first.
		t.Fatal(err)
	}
	s := attach(t, debugger.Options{PID: pid, KillProcess: true})
	v, err := s.Evaluate(t.Context(), frameOf(t, s, "main.load"), "allocate(100)", true)
	if want := strconv.Itoa(100 << 20); err != nil || v.Value != want {
		t.Errorf("the call returned %s (%v), want %s", v.Value, err, want)
	}
}

func isTrue(t *testing.T, m *maker, n int, hung *atomic.Int64) {
	s := attach(t, debugger.Options{PID: m.fail(t, n), KillProcess: true})
	check := func(function, name, want string) {
		t.Helper()
		v := variablesOf(t, s, function)[name]
		if !strings.HasPrefix(v.Value, want) || v.Unreadable != "" {
			t.Errorf("%s: %s is %s (%s), want %s", function, name, v.Value, v.Unreadable, want)
		}
	}
	account := func(kind string) string {
		return fmt.Sprintf(`&{ID: %d, Name: "%s %d", Tags: ["%s", "%d"], Owner: 0x`, n, kind, n, kind, 2*n)
	}
	list := []string{}
	for i := range n%10 + 1 {
		list = append(list, strconv.Itoa(n*i))
	}
	numbers := "[" + strings.Join(list, ", ") + "]"
	text := strings.Repeat(strconv.Itoa(n)+" ", 20)

	check("main.fail", "owner", account("owner"))
	check("main.fail", "list", "[0]") // the inner one
	check("main.fail", "failure", fmt.Sprintf(`*fmt.wrapError "loading %d: over the limit"`, n))
	check("main.fail", "same", account("owner"))
	check("main.fail", "number", strconv.Itoa(n))
	check("main.fail", "text", strconv.Quote(text))
	check("main.fail", "half", strconv.FormatFloat(float64(n)/2, 'g', -1, 64))
	check("main.fail", "raw", strconv.Quote(text[:10]))
	check("main.load", "path", fmt.Sprintf(`"/accounts/%d"`, n))
	check("main.load", "owner", account("owner"))
	check("main.load", "list", numbers)
	check("main.load", "round", "2")
	check("main.request", "number", strconv.Itoa(n))
	check("main.request", "path", fmt.Sprintf(`"/accounts/%d"`, n))
	check("main.request", "headers", fmt.Sprintf(`{"Accept": ["text/html", "*/*"], "X-Number": ["%d"]}`, n))
	check("main.request", "used", strconv.Itoa(n))
	// early is not used any more where memory was collected.
	if v := variablesOf(t, s, "main.request")["early"]; v.Unreadable == "" || v.Value != "" {
		t.Errorf("early is %q (%s), want no value", v.Value, v.Unreadable)
	}
	if v, err := s.Evaluate(t.Context(), frameOf(t, s, "main.request"), "early.ID", false); err == nil {
		t.Errorf("early.ID is %s, want no value", v.Value)
	}

	evaluate := func(function, expression, want string) {
		t.Helper()
		v, err := s.Evaluate(t.Context(), frameOf(t, s, function), expression, false)
		if err != nil || v.Value != want {
			t.Errorf("%s in %s is %s (%v), want %s", expression, function, v.Value, err, want)
		}
	}
	evaluate("main.fail", "list[0] + number*2", strconv.Itoa(2*n))
	evaluate("main.load", "len(list)", strconv.Itoa(len(list)))
	evaluate("main.request", `headers["X-Number"][0]`, fmt.Sprintf("%q", strconv.Itoa(n)))
	// A copy may be made while another thread has a lock of the runtime that the call needs: then it is given up.
	v, err := s.Evaluate(t.Context(), frameOf(t, s, "main.load"), "makeAccount(number, path).ID", true)
	if err != nil {
		evaluateError(t, err)
		hung.Add(1)
	} else if v.Value != strconv.Itoa(n) {
		t.Errorf("the call returned %s, want %d", v.Value, n)
	}
	check("main.load", "owner", account("owner"))
}
