package debugger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/debugger"
)

func TestFrames(t *testing.T) {
	s := shared(t)
	frames, err := s.Frames(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	offsets := map[int64]bool{}
	for i, f := range frames {
		names = append(names, f.Function)
		if f.Index != i {
			t.Errorf("frame %d has the index %d", i, f.Index)
		}
		if offsets[f.Offset] {
			t.Errorf("two frames have the offset %d", f.Offset)
		}
		offsets[f.Offset] = true
		if app := strings.HasPrefix(f.Function, "main.") || f.Function == "example.org/program/stop.Here"; f.App != app || f.Optimized == app {
			t.Errorf("%s: the application's: %v, optimised: %v", f.Function, f.App, f.Optimized)
		}
	}
	got := strings.Join(names[:4], " ")
	if want := "main.last main.receiver.deferred-range1 main.receiver.deferred.func1 main.receiver.deferred"; got != want {
		t.Errorf("the innermost frames are %s, want %s", got, want)
	}
	// The calls that the compiler and the runtime put between are none of the program's: the stack is as the runtime tells it.
	stack, err := s.Evaluate(t.Context(), 0, "stack", false)
	if err != nil {
		t.Fatal(err)
	}
	arguments := regexp.MustCompile(`\[.*?\]`) // The runtime does not tell them.
	for i, child := range childrenOf(t, s, stack) {
		if child.Value == `"runtime.goexit"` {
			break
		}
		if i >= len(names) || child.Value != strconv.Quote(arguments.ReplaceAllString(names[i], "[...]")) {
			t.Fatalf("frame %d of\n%s\nis none of\n%s", i, lines(childrenOf(t, s, stack)), strings.Join(names, "\n"))
		}
	}
	from, all := frameOf(t, s, "main.unnamed"), []string{}
	for _, f := range frames[from : from+5] {
		all = append(all, f.Function)
	}
	got = strings.Join(all, " ")
	if want := "main.unnamed main.greets.Greet reflect.Value.call reflect.Value.Call main.kinds"; got != want {
		t.Errorf("the frames of a method that was called by package reflect are %s, want %s", got, want)
	}
	last := frames[0]
	source, err := os.ReadFile(last.File)
	if err != nil {
		t.Fatal(err)
	}
	if line := strings.Split(string(source), "\n")[last.Line-1]; strings.TrimSpace(line) != "stop.Here()" {
		t.Errorf("the innermost line is %q", line)
	}
	if filepath.Base(last.File) != "main.go" {
		t.Errorf("its file is %s", last.File)
	}
}

func TestVariables(t *testing.T) {
	s := shared(t)
	for function, want := range map[string]string{
		"main.last": `
			d main.deepest = {receiver: {name: "me", sizes: {"a": 1}}, total: 1}
			i int = 1
			settings map[string]string = {"colour": "green", "size": "large"}`,
		"main.(*receiver).method": `
			r *main.receiver = &{name: "me", sizes: {"a": 1}}
			first any = 2
			out []string = ["outer inner2", "outer inner3"]
			broken map[string]int = nil`,
		"main.shadows": `
			n int = 5
			text string = "outer"
			result string = ""
			err error = nil
			n int = 10
			text string = "outer inner"
			n int = 2`,
		"main.times": `
			at time.Time = 2024-02-29T12:30:15.123456789Z
			timeout time.Duration = 1m30s
			zoned time.Time = 2024-02-29T13:30:15.123456789+01:00
			zero time.Time = zero time
			now time.Time = *
			pointer *time.Time = &2024-02-29T13:30:15.123456789+01:00
			month time.Month = March (3)
			old time.Time = 1815-12-10T00:00:00Z
			local time.Time = 2030-01-02T03:04:05Z`,
		"main.functions": `
			function func(int) int = main.double
			closure func() int = main.slices.func1
			none func() = nil
			base int = 100
			adder func(int) int = main.functions.func1
			method func() bool = shapes.(*Circle).Hidden
			noChannel chan int = nil
			buffered chan string = 2 of 5 queued
			channel chan int = unbuffered
			closed chan struct {} = unbuffered, closed
			receive <-chan string = 2 of 5 queued`,
		"main.slices": `
			numbers []int = [5, 6, 7]
			spare []string = ["", ""]
			none []int = nil
			empty []int = []
			many []int = [0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144, 169, 196, 225, 256, 289, 324, 361, 400, 441, 484, 529, 576, 625, 676, 729, 784, 841, 900, 961, …] (1000 elements)
			pointers []*shapes.Point = [&{X: 5, Y: 6}, nil]
			points []shapes.Point = [{X: 1, Y: 2}, {X: 3, Y: 4}]
			array [3]string = ["a", "", "c"]
			matrix [][]float64 = [[1, 2], [3]]
			anything []any = [1, "two", nil, shapes.Colour Red (0), []int [1]]`,
		"main.maps": `
			small map[string]int = {"a": 1, "b": 2, "c": 3}
			none map[string]int = nil
			empty map[int]bool = {}
			large map[int]string = *
			keyed map[shapes.Point]*shapes.Circle = {{X: 1, Y: 9}: nil, {X: 2, Y: 1}: &{Point: {X: 1, Y: 2}, Radius: 3, Label: "circle", hidden: true}}
			lists map[main.title][]shapes.Point = {"t": [{X: 1, Y: 1}]}
			mixed map[any]any = {"s": 1, 1.5: nil, 2: "two", true: int32 120 'x'}
			set map[string]struct {} = {"only": {}}
			header http.Header = {"Accept": ["text/html", "*/*"]}`,
		"main.interfaces": `
			nothing any = nil
			number any = 42
			err error = *shapes.Failure &{Code: 1, Err: *errors.errorString "inner"}
			none error = nil
			typedNil error = (*shapes.Failure)(nil)
			stringer fmt.Stringer = shapes.Colour Green (1)
			value any = shapes.Point {X: 5, Y: 6}
			deep any = *
			wrapped error = *fmt.wrapError "reading: failure 1: inner"
			joined error = *
			colour shapes.Colour = Green (1)`,
		"main.structs": `
			point shapes.Point = {X: 1, Y: 2}
			circle shapes.Circle = {Point: {X: 3, Y: 4}, Radius: 2.5, Label: "round", hidden: false}
			local main.row = {id: 7, size: 8}
			anonymous struct { Name string; Tags []string } = {Name: "anon", Tags: ["x", "y"]}
			none struct {} = {}
			pair shapes.Pair[string,int] = {Key: "key", Value: 9}
			nested shapes.Pair[string,[]shapes.Pair[int,*shapes.Circle]] = *`,
		"main.pointers": `
			point *shapes.Point = &{X: 1, Y: 2}
			twice **shapes.Point = *
			number int = 5
			toNumber *int = &5
			nothing *shapes.Point = nil
			toNothing **shapes.Point = &nil
			ring *shapes.Node = *
			list *shapes.Node = *
			text string = "pointed at"
			toMap *map[string]int = &{"one": 1}
			toSlice *[]int = &[1, 2, 3]
			toText *string = &"pointed at"`,
		"main.texts": `
			long string = "` + strings.Repeat("long ", 40) + `"… (5000 bytes)
			empty string = ""
			invalid string = "a\xff\xfeb"
			tricky string = "looks cut...+5 more"
			unicode string = "Grüße, 世界 ☃"
			lines string = "one\ntwo\t\"three\"\x1b[31m"
			named main.title = "A Title"
			binary []byte = 00 01 02 ff
			emptyBytes []byte = []
			noBytes []byte = nil
			raw []byte = "some text"
			longBytes []byte = "` + strings.Repeat("bytes ", 33) + `by"… (6000 bytes)
			message json.RawMessage = "{\"a\":1}"
			fixed [5]byte = "hello"
			runes []int32 = [114 'r', 117 'u', 110 'n', 101 'e']`,
		"main.escaping": `
			n int = 3
			text string = "given"
			name string = "still here"
			failure error = *errors.errorString "inner"
			failure string = "inner"`,
		"main.floats": `
			tenth float32 = 0.1
			warm main.warmth = 0.1
			pair complex64 = (0.1+0.3i)
			minus float64 = -0
			plus float64 = 0
			minus32 float32 = -0
			both complex128 = (-0+1i)
			left complex64 = (1-0i)
			endless complex128 = (+Inf+1i)
			byTenth map[float32]int = {0.1: 9}
			byWarmth map[main.warmth]string = {0.1: "warm"}
			byNumber map[float64]string = {-0: "zero", 0.1: "tenth", 2: "two", +Inf: "much"}
			byPoint map[[2]float64]int = {[-0, 1]: 5}
			boxed any = -0
			point *main.polar = &{Radius: -0, Turns: [-1, -0]}
			signs []float64 = [-0, 0]
			name main.title = "é"`,
		"main.kinds": `
			n main.number = 5
			t main.tiny = -1
			l main.long = 1099511627776
			o main.octet = 200
			w main.word = 7
			h main.handle = 48879
			f main.half = 0.5
			y main.flag = true
			s main.letters = "abc"
			c main.wave = (1+2i)
			d time.Duration = 1s
			m fs.FileMode = -rw-r--r--
			absent *main.deepest = nil
			absentError *shapes.Failure = nil
			embedded *struct { main.greeter } = *`,
		"main.unnamed": `
			_ int = 7
			_ string = "seven"
			result int = 42
			result 2 string = "results"`,
		"main.unnamed.func2.1": `
			_ string = "blank"
			_ int = 9
			r *main.receiver = nil`,
		"main.scalars": `
			b bool = true
			i8 int8 = -8
			i16 int16 = 300
			i32 int32 = -70000
			i64 int64 = 1099511627776
			u8 uint8 = 200
			u16 uint16 = 65535
			u32 uint32 = 4000000000
			u64 uint64 = 18446744073709551615
			f32 float32 = 1.5
			f64 float64 = +Inf
			c complex128 = (1-2i)
			r int32 = 228 'ä'
			s string = "plain"
			address unsafe.Pointer = *
			nan float64 = NaN
			pointer uintptr = 0xbeef
			tiny float64 = 1e-300
			heat main.celsius = 36.6
			tight main.small = 127`,
	} {
		t.Run(function, func(t *testing.T) {
			list, err := s.Variables(t.Context(), frameOf(t, s, function))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Split(strings.TrimSpace(lines(list)), "\n")
			for i, line := range strings.Split(strings.TrimSpace(want), "\n") {
				line = strings.TrimSpace(line)
				if i >= len(got) {
					t.Errorf("there is no %s", line)
				} else if prefix, ok := strings.CutSuffix(line, "*"); got[i] != line && (!ok || !strings.HasPrefix(got[i], prefix)) {
					t.Errorf("got  %s\nwant %s", got[i], line)
				}
			}
			if n := len(strings.Split(strings.TrimSpace(want), "\n")); len(got) > n {
				t.Errorf("there are others: %s", got[n:])
			}
		})
	}
}

func TestWhatVariablesAre(t *testing.T) {
	s := shared(t)
	list, err := s.Variables(t.Context(), frameOf(t, s, "main.shadows"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, v := range list {
		fmt.Fprintf(&got, "%s argument:%v result:%v shadowed:%v expression:%q\n", v.Name, v.Argument, v.Result, v.Shadowed, v.Expression)
	}
	want := `n argument:true result:false shadowed:true expression:""
text argument:true result:false shadowed:true expression:""
result argument:false result:true shadowed:false expression:"result"
err argument:false result:true shadowed:false expression:"err"
n argument:false result:false shadowed:true expression:""
text argument:false result:false shadowed:false expression:"text"
n argument:false result:false shadowed:false expression:"n"
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", &got, want)
	}
	list, err = s.Variables(t.Context(), frameOf(t, s, "main.escaping"))
	if err != nil {
		t.Fatal(err)
	}
	got.Reset()
	for _, v := range list {
		fmt.Fprintf(&got, "%s argument:%v result:%v shadowed:%v expression:%q\n", v.Name, v.Argument, v.Result, v.Shadowed, v.Expression)
	}
	want = `n argument:true result:false shadowed:false expression:"n"
text argument:true result:false shadowed:false expression:"text"
name argument:false result:true shadowed:false expression:"name"
failure argument:false result:true shadowed:true expression:""
failure argument:false result:false shadowed:false expression:"failure"
`
	if got.String() != want {
		t.Errorf("with results on the heap:\ngot\n%swant\n%s", &got, want)
	}
	for _, function := range []string{"main.unnamed", "main.unnamed.func2.1"} {
		list, err := s.Variables(t.Context(), frameOf(t, s, function))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			if v.Name == "r" {
				continue
			}
			if v.Shadowed || v.Expression != "" || v.Argument != (v.Name == "_") || v.Result != strings.HasPrefix(v.Name, "result") {
				t.Errorf("in %s, without a name: %+v", function, v)
			}
		}
	}
	for name, want := range map[string]string{
		"n": "int", "t": "int8", "l": "int", "o": "uint8", "w": "uint", "h": "uint", "f": "float32", "y": "bool", "s": "string", "c": "complex64",
		"d": "int", "m": "uint32", "absent": "ptr",
	} {
		if v := variablesOf(t, s, "main.kinds")[name]; v.Kind != want {
			t.Errorf("the kind of a %s is %q, want %q", v.Type, v.Kind, want)
		}
	}
	typedNil := variablesOf(t, s, "main.interfaces")["typedNil"]
	if !typedNil.Nil || typedNil.Dynamic != "*shapes.Failure" || typedNil.FullType != "error" || typedNil.Kind != "interface" {
		t.Errorf("typedNil is %+v", typedNil)
	}
	if u8 := variablesOf(t, s, "main.scalars")["u8"]; u8.Kind != "uint8" || u8.Ref != 0 {
		t.Errorf("u8 is %+v", u8)
	}
}

// What optimisation has dropped is said so.
func TestOptimizedFrames(t *testing.T) {
	s := shared(t)
	list, err := s.Variables(t.Context(), frameOf(t, s, "runtime.gopanic"))
	if err != nil {
		t.Fatal(err)
	}
	unreadable := 0
	for _, v := range list {
		if v.Unreadable != "" {
			unreadable++
			if v.Value != "" || !strings.HasSuffix(v.Unreadable, ".") {
				t.Errorf("%+v", v)
			}
		}
	}
	if unreadable == 0 {
		t.Errorf("all can be read: %s", lines(list))
	}
}

func TestChildren(t *testing.T) {
	s := shared(t)
	for _, test := range []struct{ function, path, want string }{
		{"main.structs", "circle", `Point shapes.Point = {X: 3, Y: 4}; Radius float64 = 2.5; Label string = "round"; hidden bool = false`},
		{"main.structs", "circle.Point", "X int = 3; Y int = 4"},
		{"main.pointers", "point", "X int = 1; Y int = 2"},
		{"main.pointers", "twice.*", "X int = 1; Y int = 2"},
		{"main.pointers", "list.Next.Next.Next.Next.Next.Next.Next.Next.Next", "Value int = 0; Next *shapes.Node = nil"},
		{"main.pointers", "toMap", `"one" int = 1`},
		{"main.pointers", "toSlice", "[0] int = 1; [1] int = 2; [2] int = 3"},
		{"main.interfaces", "value", "X int = 5; Y int = 6"},
		{"main.interfaces", "wrapped.err", `Code int = 1; Err error = *errors.errorString "inner"`},
		{"main.interfaces", `deep."list".[3]`, `"three" any = 3`},
		{"main.interfaces", "joined.errs.[1]", `s string = "out of shapes"`},
		{"main.maps", "keyed", `{X: 1, Y: 9} *shapes.Circle = nil; {X: 2, Y: 1} *shapes.Circle = &{Point: {X: 1, Y: 2}, Radius: 3, Label: "circle", hidden: true}`},
		{"main.floats", "byNumber", `-0 string = "zero"; 0.1 string = "tenth"; 2 string = "two"; +Inf string = "much"`},
		{"main.floats", "point.Turns", "[0] float32 = -1; [1] float32 = -0"},
		{"main.maps", `lists."t".[0]`, "X int = 1; Y int = 1"},
		{"main.maps", `header."Accept"`, `[0] string = "text/html"; [1] string = "*/*"`},
		{"main.slices", "matrix.[1]", "[0] float64 = 3"},
		{"main.slices", "pointers.[0]", "X int = 5; Y int = 6"},
		{"main.functions", "adder", "base int = 100"},
		{"main.functions", "method.receiver", `Point shapes.Point = {X: 1, Y: 1}; Radius float64 = 1; Label string = "circle"; hidden bool = true`},
		{"main.functions", "buffered", `[0] string = "first"; [1] string = "second"`},
		{"main.mapped[go.shape.int]", "shapes.sizes", `"a" int = 1`},
		{"main.structs", "nested.Value.[0].Value", `Point shapes.Point = {X: 3, Y: 4}; Radius float64 = 2.5; Label string = "round"; hidden bool = false`},
		{"main.otherRow", "local", `name string = "the other row"; rows []string = ["r"]`},
	} {
		t.Run(test.function+" "+test.path, func(t *testing.T) {
			names := strings.Split(test.path, ".")
			v, ok := variablesOf(t, s, test.function)[names[0]]
			if !ok {
				t.Fatalf("there is no %s", names[0])
			}
			for _, name := range names[1:] {
				found := false
				for _, child := range childrenOf(t, s, v) {
					if child.Name == name {
						v, found = child, true
						break
					}
				}
				if !found {
					t.Fatalf("there is no %s in %s", name, lines(childrenOf(t, s, v)))
				}
			}
			got := strings.ReplaceAll(strings.TrimSpace(lines(childrenOf(t, s, v))), "\n", "; ")
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestPagesOfChildren(t *testing.T) {
	s := shared(t)
	page := func(v debugger.Variable, start, count int) (string, int) {
		t.Helper()
		list, total, err := s.Children(t.Context(), v.Ref, start, count)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(strings.TrimSpace(lines(list)), "\n", "; "), total
	}
	many := variablesOf(t, s, "main.slices")["many"]
	if got, total := page(many, 997, 10); got != "[997] int = 994009; [998] int = 996004; [999] int = 998001" || total != 1000 {
		t.Errorf("the end of a slice is %s, of %d", got, total)
	}
	large := variablesOf(t, s, "main.maps")["large"]
	if got, total := page(large, 198, 2); got != `198 string = "value 198"; 199 string = "value 199"` || total != 300 {
		t.Errorf("entries in the middle are %s, of %d", got, total)
	}
	if got, _ := page(large, 300, 5); got != "" {
		t.Errorf("after the end is %s", got)
	}
	long := variablesOf(t, s, "main.texts")["long"]
	want := fmt.Sprintf(`[4096:5000] string = %q`, strings.Repeat("long ", 1000)[4096:])
	if got, total := page(long, 1, 5); got != want || total != 2 {
		t.Errorf("the end of a string is %s, of %d", got, total)
	}
	key := childrenOf(t, s, variablesOf(t, s, "main.maps")["keyed"])[0]
	if got, _ := page(debugger.Variable{Ref: key.KeyRef}, 0, 5); got != "X int = 1; Y int = 9" {
		t.Errorf("the key is %s", got)
	}
	again := variablesOf(t, s, "main.slices")["many"]
	if again.Ref != many.Ref {
		t.Errorf("the same slice has the references %d and %d", many.Ref, again.Ref)
	}
	if _, _, err := s.Children(t.Context(), 1<<30, 0, 1); err == nil {
		t.Error("there are children of what was never given")
	}
	if _, err := s.Variables(t.Context(), 999); err == nil {
		t.Error("there is a frame 999")
	}
}

func TestGoroutines(t *testing.T) {
	s := shared(t)
	all, err := s.Goroutines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !all[0].Failing || all[0].ID != 1 || all[0].Where.Function != "main.last" {
		t.Errorf("the first is %+v", all[0])
	}
	found := map[string]string{}
	for _, g := range all {
		if g.Where != nil && !g.System {
			found[g.Where.Function] = g.State + " " + g.Wait
			if g.Inside != nil {
				found[g.Where.Function] += " in " + g.Inside.Function
			}
			if g.Function == "main.worker" && (g.Created == nil || g.Created.Function != "main.main") {
				t.Errorf("the worker was created at %+v", g.Created)
			}
		}
	}
	var request []string
	for _, g := range all {
		if g.Request {
			request = append(request, g.Function)
		}
		if mail := g.Request && len(g.Labels) == 1 && g.Labels["job"] == "mails"; g.Request != mail {
			t.Errorf("the labels of %s are %v", g.Function, g.Labels)
		}
	}
	if got, want := strings.Join(request, " "), "runtime.main main.sibling main.sibling.func1"; got != want {
		t.Errorf("of the request are %s, want %s", got, want)
	}
	if found["main.worker"] != "waiting chan receive" || found["main.main.func1"] != "waiting sync.Mutex.Lock in sync.(*Mutex).Lock" {
		t.Errorf("the goroutines are %v", found)
	}
}

func TestComplete(t *testing.T) {
	s := shared(t)
	for _, test := range []struct{ name, function, text, want, not string }{
		{"locals", "main.last", "se", "settings", "stop"},
		{"innermost", "main.shadows", "te", "text", ""},
		{"package variables", "main.last", "coun", "counter", ""},
		{"functions", "main.last", "1 + dou", "double", "counter"},
		{"packages", "main.last", "sha", "shapes", ""},
		{"builtins", "main.last", "le", "len", ""},
		{"fields", "main.last", "d.to", "total", ""},
		{"promoted fields", "main.last", "d.na", "name", ""},
		{"methods", "main.last", "d.receiver.Si", "Size", ""},
		{"promoted methods", "main.last", "d.Na", "Name", ""},
		{"by pointer", "main.pointers", "ring.Next.Ne", "Next", ""},
		{"in an element", "main.slices", "points[0].", "Y", ""},
		{"in an index", "main.slices", "many[nu", "numbers", ""},
		{"by a key", "main.interfaces", `value.`, "X", ""},
		{"in an interface", "main.interfaces", "err.C", "Code", ""},
		{"methods of what is in an interface", "main.interfaces", "err.", "Unwrap", ""},
		{"methods of a generic type", "main.structs", "pair.", "Both", ""},
		{"methods of a pointer to a generic type", "main.structs", "pair.S", "Swap", "Both"},
		{"in a package", "main.structs", "shapes.Li", "Limit", "limit"},
		{"functions in a package", "main.structs", "shapes.Gr", "Greet", "Limit"},
		{"types in a package", "main.structs", "shapes.Poi", "Point", ""},
		{"fields of what is not there", "main.kinds", "absent.to", "total", ""},
		{"promoted fields of what is not there", "main.kinds", "absent.na", "name", ""},
		{"methods of what is not there", "main.kinds", "absentError.", "Unwrap", ""},
		{"promoted methods of what is not there", "main.kinds", "absent.", "Size", ""},
		{"no parameters without a name", "main.unnamed", "", "counter", "_"},
		{"no results without a name", "main.unnamed", "res", "", "result"},
		{"after a call there is nothing", "main.structs", "point.Scale(3).", "", "X"},
		{"in bad syntax there is nothing", "main.structs", "(((.", "", "X"},
	} {
		t.Run(test.name, func(t *testing.T) {
			list, err := s.Complete(t.Context(), frameOf(t, s, test.function), test.text, len(test.text))
			if err != nil {
				t.Fatal(err)
			}
			names := []string{}
			for _, c := range list {
				names = append(names, c.Text)
				if c.End != len(test.text) || c.Start > c.End || !strings.EqualFold(c.Text[:c.End-c.Start], test.text[c.Start:]) {
					t.Errorf("%+v does not fit %q", c, test.text)
				}
			}
			all := " " + strings.Join(names, " ") + " "
			if test.want != "" && !strings.Contains(all, " "+test.want+" ") {
				t.Errorf("%s is not offered, but%s", test.want, all)
			}
			if test.not != "" && strings.Contains(all, " "+test.not+" ") {
				t.Errorf("%s is offered", test.not)
			}
		})
	}
}
