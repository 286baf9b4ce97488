package explain_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/problem"
)

type user struct {
	Name    string
	Friend  *user
	Greet   func() string
	Tags    map[string]*user
	Counts  map[string]int
	Numbers []int
}

func (u *user) first() string { return u.Name[:1] }

type namer interface{ first() string }

// case is a handler that fails, and what is to be said about it.
type failing struct {
	name    string
	handler func(w http.ResponseWriter, r *http.Request) error
	request *http.Request // nil is a GET of /
	title   string
	text    []string // parts of the text
	not     []string // what must not be in it
	try     []string // parts of what to try
	// Without a debugger.
	blindTitle string // "" is the same
	blind      []string
	// What is marked; "" is nothing.
	mark, blindMark string
}

// marked is the text of the mark of an explanation.
func marked(t *testing.T, e explain.Explanation, lines []problem.Line) string {
	t.Helper()
	if e.Mark == nil {
		return ""
	}
	for _, l := range lines {
		if l.Number == e.Mark.Line {
			if e.Mark.From < 0 || e.Mark.From >= e.Mark.To || e.Mark.To > len(l.Text) {
				t.Fatalf("%q has nothing from %d to %d", l.Text, e.Mark.From, e.Mark.To)
			}
			return l.Text[e.Mark.From:e.Mark.To]
		}
	}
	t.Fatalf("there is no line %d", e.Mark.Line)
	return ""
}

func check(t *testing.T, cases []failing) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := c.request
			if r == nil {
				r = httptest.NewRequest("GET", "/", nil)
			}
			v = vars{}
			f := fail(t, r, c.handler)
			call := callOf(t, f, v)
			got := explain.Explain(f, call)
			if len(got) == 0 {
				t.Fatalf("nothing is known about %q of %s", f.Message, f.Causes.Type)
			}
			e := got[0]
			if e.Title != c.title {
				t.Errorf("title is %q, want %q", e.Title, c.title)
			}
			for _, part := range c.text {
				if !strings.Contains(e.Text, part) {
					t.Errorf("text lacks %q:\n%s", part, e.Text)
				}
			}
			for _, part := range c.not {
				if all := e.Title + e.Text + strings.Join(e.Try, "\n"); strings.Contains(all, part) {
					t.Errorf("it says %q:\n%s", part, all)
				}
			}
			for _, part := range c.try {
				if !strings.Contains(strings.Join(e.Try, "\n"), part) {
					t.Errorf("nothing to try has %q:\n%s", part, strings.Join(e.Try, "\n"))
				}
			}
			if strings.Contains(e.Text, "``") || strings.Contains(e.Text, "$") || strings.Contains(e.Text, ". .") || strings.HasSuffix(e.Text, "..") || strings.HasPrefix(e.Text, " ") {
				t.Errorf("text has a hole: %q", e.Text)
			}

			if got := marked(t, e, call.Lines); got != c.mark {
				t.Errorf("marked is %q, want %q", got, c.mark)
			}

			call.Lookup = nil
			blind := explain.Explain(f, call)[0]
			if want := c.blindTitle; want != "" && blind.Title != want {
				t.Errorf("without a debugger the title is %q, want %q", blind.Title, want)
			}
			if got := marked(t, blind, call.Lines); got != c.blindMark {
				t.Errorf("without a debugger marked is %q, want %q", got, c.blindMark)
			}
			for _, part := range c.blind {
				if !strings.Contains(blind.Text, part) {
					t.Errorf("without a debugger the text lacks %q:\n%s", part, blind.Text)
				}
			}
			t.Logf("%s\n%s\n%s", e.Title, e.Text, strings.Join(e.Try, "\n"))
		})
	}
}

func find(*user) *user { return nil }

func use(...any) {}

func TestRuntime(t *testing.T) {
	check(t, []failing{{
		name: "nil map",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := &user{}
			v["u"] = u
			u.Counts["susan"]++
			return nil
		},
		title: "`u.Counts` is a nil map", text: []string{"`u.Counts` is nil."}, try: []string{"Make it before: `u.Counts = make(…)`"},
		mark: "u.Counts", blindMark: "u.Counts",
		blindTitle: "`u.Counts` is a nil map",
	}, {
		name: "one of two maps",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			counts, seen := map[string]int{}, map[string]bool(nil)
			v["counts"], v["seen"] = counts, seen
			//lint:ignore SA5000 it is to fail
			counts["a"], seen["a"] = 1, true
			return nil
		},
		title: "`seen` is a nil map", blindTitle: "Write to a nil map",
		mark: "seen",
	}, {
		name: "nil header",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			q := http.Request{}
			v["q"] = q
			q.Header.Set("Accept", "text/html")
			return nil
		},
		title: "`q.Header` is a nil map", text: []string{"This line calls `http.Header.Set`, and it happened further in, in `textproto.MIMEHeader.Set`."}, blindTitle: "Write to a nil map",
		mark: "q.Header", blindMark: `q.Header.Set("Accept", "text/html")`,
	}, {
		name: "nil pointer in a chain",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := &user{Friend: &user{}}
			v["u"] = u
			use(u.Name, u.Friend.Friend.Name)
			return nil
		},
		title: "`u.Friend.Friend` is nil", text: []string{"this line takes `Name` of it."}, blind: []string{"`u.Friend.Friend`", "`u.Friend`"}, blindTitle: "Nil pointer",
		mark: "u.Friend.Friend",
	}, {
		name: "nil receiver",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			var u *user
			v["u"] = u
			use(u.first())
			return nil
		},
		// The line that failed is in the method.
		title: "`u` is nil", text: []string{"takes `Name` of it"},
		mark: "u", blindMark: "u.Name",
	}, {
		name: "nil interface",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			var n namer
			v["n"] = n
			use(n.first())
			return nil
		},
		title: "`n` is nil", text: []string{"calls its method `first`"},
		mark: "n", blindMark: "n.first()",
	}, {
		name: "nil function",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := &user{}
			v["u"] = u
			use(u.Greet())
			return nil
		},
		title: "`u.Greet` is nil", text: []string{"this line calls it."}, not: []string{"method"},
		mark: "u.Greet", blindMark: "u.Greet()",
	}, {
		name: "missing entry of a map",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u, key := &user{Tags: map[string]*user{}}, "go"
			v["u"], v["key"] = u, key
			use(u.Tags[key].Name)
			return nil
		},
		title: "Nil pointer", text: []string{"Most likely `u.Tags` has no entry for `key`, which is `\"go\"`"}, try: []string{"`v, ok := u.Tags[key]`"},
		mark: "u.Tags[key]", blindMark: "u.Tags[key].Name",
	}, {
		name: "nil entry of a map",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u, key := &user{Tags: map[string]*user{"go": nil}}, "go"
			v["u"], v["key"] = u, key
			use(u.Tags[key].Name)
			return nil
		},
		title: "`u.Tags[key]` is nil", text: []string{"`key` is `\"go\"`."},
		mark: "u.Tags[key]", blindMark: "u.Tags[key].Name",
	}, {
		name: "result of a call",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := &user{}
			v["u"] = u
			use(u.Name, find(u).Name)
			return nil
		},
		title: "Nil pointer", text: []string{"most likely it is what `find(u)` returned"}, blind: []string{"`find(u)`"},
		mark: "find(u).Name",
	}, {
		name: "guarded",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u, other := &user{}, (*user)(nil)
			v["u"], v["other"] = u, other
			if other != nil && other.Name == "" || u.Friend.Name == "" {
				return nil
			}
			return nil
		},
		title: "`u.Friend` is nil", not: []string{"`other`"},
		mark: "u.Friend",
	}, {
		name: "nil maps and slices are no pointers",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var h http.Header
			u := &user{}
			v["h"], v["u"] = h, u
			use(h.Get("Accept"), u.Counts["x"], u.Friend.Name)
			return nil
		},
		title: "`u.Friend` is nil", not: []string{"`h`", "u.Counts"},
		mark: "u.Friend",
	}, {
		name: "assignment",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := &user{}
			v["u"] = u
			u.Friend.Name = u.Name
			return nil
		},
		title: "`u.Friend` is nil",
		mark:  "u.Friend",
	}, {
		name: "several lines",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := &user{}
			v["u"] = u
			use(user{
				Name:   u.Name,
				Friend: u.Friend.Friend,
			})
			return nil
		},
		title: "`u.Friend` is nil",
		mark:  "u.Friend", blindMark: "u.Friend.Friend",
	}, {
		name: "in a condition",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := &user{}
			v["u"] = u
			if u.Name != "" {
				return nil
			} else if u.Friend.Name == "x" {
				return nil
			}
			return nil
		},
		title: "`u.Friend` is nil",
		mark:  "u.Friend", blindMark: "u.Friend.Name",
	}, {
		name: "in a library",
		handler: func(w http.ResponseWriter, _ *http.Request) error {
			var q *http.Request
			url := "/login"
			v["w"], v["q"], v["url"] = w, q, url
			http.Redirect(w, q, url, http.StatusSeeOther)
			return nil
		},
		title: "Nil pointer", text: []string{"It happened in `http.Redirect`", "Of what this line passes to it, `q` is nil."},
		mark: "q", blindMark: "http.Redirect(w, q, url, http.StatusSeeOther)",
	}, {
		name: "index",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			posts, i := []int{7, 8, 9}, 3
			v["posts"], v["i"] = posts, i
			use(posts[i])
			return nil
		},
		title: "Index 3 is out of range",
		mark:  "posts[i]", blindMark: "posts[i]",
		text: []string{"`posts` has 3 elements, the last of which is the one of index 2; there is none of index 3.", "The index is `i`.", "`posts` is `[7 8 9]`."},
		try:  []string{"if i < len(posts)", "needs `<` and not `<=`"}, blind: []string{"`posts` has 3 elements"},
	}, {
		name: "index of one of two",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			a, b, i := []int{1, 2}, []string{"x"}, 1
			v["a"], v["b"], v["i"] = a, b, i
			use(a[i], b[i])
			return nil
		},
		title: "Index 1 is out of range", text: []string{"`b` has 1 element,"}, blind: []string{"What is indexed has 1 element"},
		mark: "b[i]",
	}, {
		name: "further in than what the line calls, beside a call of something else",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			none, empty, known := (*user)(nil), bufio.NewReader(nil), func(u *user) bool { return u != nil }
			v["none"], v["empty"] = none, empty
			if _, err := empty.ReadByte(); known(none) || err != nil {
				return err
			}
			return nil
		},
		title: "Nil pointer", text: []string{"This line calls `bufio.(*Reader).ReadByte`, and it happened further in, in `bufio.(*Reader).fill`."}, not: []string{"none"},
		try: []string{"what `bufio.(*Reader).ReadByte` is given"}, mark: "empty.ReadByte()", blindMark: "empty.ReadByte()",
	}, {
		name: "one nil map of two, in a function",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			q, tags := &http.Request{}, http.Header(nil)
			v["q"], v["tags"] = q, tags
			q.Header.Set("A", tags.Get("n"))
			return nil
		},
		title: "`q.Header` is a nil map", not: []string{"`tags`"}, mark: "q.Header", blindMark: `q.Header.Set("A", tags.Get("n"))`,
	}, {
		name: "none of what can be seen",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			size, count := 2, func() int { return 0 }
			v["size"] = size
			use(7/size, count, 7%(count()))
			return nil
		},
		title: "`(count())` is zero", blindTitle: "Division by zero", not: []string{"`size`"},
		mark: "(count())",
	}, {
		name: "index that is written in another way",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			ranks, table, i := []int{1, 2}, make([]int, 3), 1
			v["ranks"], v["table"], v["i"] = ranks, table, i
			use(ranks[i], table['a'], table[0x7])
			return nil
		},
		title: "Index 97 is out of range", text: []string{"`table` has 3 elements"}, blind: []string{"What is indexed has 3 elements"}, not: []string{"`ranks` has"},
		mark: "table['a']",
	}, {
		name: "a number as index that is just the length",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			posts := []int{7}
			v["posts"] = posts
			use(posts[1])
			return nil
		},
		title: "Index 1 is out of range", text: []string{"`posts` has 1 element"}, not: []string{"loop"}, mark: "posts[1]", blindMark: "posts[1]",
	}, {
		name: "empty",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			parts := r.URL.Query()["tag"]
			v["parts"] = parts
			use(parts[0])
			return nil
		},
		title: "Index 0 is out of range", text: []string{"`parts` is empty"}, not: []string{"The index is"},
		mark: "parts[0]", blindMark: "parts[0]",
	}, {
		name: "negative",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			posts, n := []int{1}, 0
			v["posts"], v["n"] = posts, n
			use(posts[n-1])
			return nil
		},
		title: "Index -1 is out of range", text: []string{"must not be negative", "`n-1`"},
		mark: "posts[n-1]", blindMark: "posts[n-1]",
	}, {
		name: "a secret",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			tokens, token := map[string]*user{}, "hunter2"
			v["tokens"], v["token"] = tokens, token
			use(tokens[token].Name)
			return nil
		},
		title: "Nil pointer", text: []string{"for `token`, which is `[masked]`:"}, not: []string{"hunter2"}, mark: "tokens[token]", blindMark: "tokens[token].Name",
	}, {
		name: "a key as it is written",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			all := map[string]*user{}
			v["all"] = all
			use(all["x"].Name)
			return nil
		},
		title: "Nil pointer", not: []string{"which is"}, mark: `all["x"]`, blindMark: `all["x"].Name`,
	}, {
		name: "index in a library",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			u := &user{}
			v["u"] = u
			use(strings.Repeat("x", -len(r.Method)))
			return nil
		},
		title: "Repeat with a negative count",
		mark:  `strings.Repeat("x", -len(r.Method))`, blindMark: `strings.Repeat("x", -len(r.Method))`,
	}, {
		name: "slice",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			body, n := "short", 20
			v["body"], v["n"] = body, n
			use(body[:n])
			return nil
		},
		title: "`body[:n]` is out of range", text: []string{"It would end at 20, and the length is 5.", "`n` is `20`."}, try: []string{"min(n, len(body))"},
		mark: "body[:n]", blindMark: "body[:n]",
	}, {
		name: "slice backwards",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			body, from, to := []int{1, 2, 3, 4}, 3, 1
			v["body"], v["from"], v["to"] = body, from, to
			use(body[from:to])
			return nil
		},
		title: "`body[from:to]` is out of range", text: []string{"It would begin at 3 and end at 1", "`from` is `3`.", "`to` is `1`."},
		mark: "body[from:to]", blindMark: "body[from:to]",
	}, {
		name: "slice from nothing found",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			s := "no colon"
			i := strings.IndexByte(s, ':')
			v["s"], v["i"] = s, i
			use(s[:i])
			return nil
		},
		title: "`s[:i]` is out of range", text: []string{"A bound must not be negative.", "`i` is `-1`."}, try: []string{"strings.Cut"},
		mark: "s[:i]", blindMark: "s[:i]",
	}, {
		name: "array",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			b := []byte{1}
			v["b"] = b
			use([4]byte(b))
			return nil
		},
		title: "The slice is too short for the array", text: []string{"has 1 elements", "has 4"},
		mark: "[4]byte(b)", blindMark: "[4]byte(b)",
	}, {
		name: "division",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			sum, posts := 7, []int{}
			v["sum"], v["posts"] = sum, posts
			use(sum / len(posts))
			return nil
		},
		title: "`len(posts)` is zero", text: []string{"divides by `len(posts)`, which is 0"}, blindTitle: "`len(posts)` is zero",
		mark: "len(posts)", blindMark: "len(posts)",
	}, {
		name: "remainder",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			sum, a, b := 7, 2, 0
			v["sum"], v["a"], v["b"] = sum, a, b
			sum %= a
			use(sum/a, sum%b)
			return nil
		},
		title: "`b` is zero", blindTitle: "Division by zero",
		mark: "b",
	}, {
		name: "type assertion",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			data := map[string]any{"id": 7.0}
			v["data"] = data
			use(data["id"].(int))
			return nil
		},
		title: "The interface holds `float64`, not `int`", text: []string{"`data[\"id\"]` is `7`."},
		mark: `data["id"].(int)`, blindMark: `data["id"].(int)`,
		try: []string{"`v, ok := data[\"id\"].(int)`", "encoding/json makes a float64"},
	}, {
		name: "value of a context",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			use(r.Context().Value("user").(*user))
			return nil
		},
		title: "A nil interface is no `*explain_test.user`", try: []string{"is the middleware missing that sets it"},
		mark: `r.Context().Value("user").(*user)`, blindMark: `r.Context().Value("user").(*user)`,
	}, {
		name: "pointer in the interface",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var x any = &user{}
			use(x.(user))
			return nil
		},
		title: "The interface holds `*explain_test.user`, not `explain_test.user`", try: []string{"It holds a pointer"},
		mark: "x.(user)", blindMark: "x.(user)",
	}, {
		name: "missing method",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var x any = user{}
			use(x.(namer))
			return nil
		},
		title: "`explain_test.user` has no method `first`", try: []string{"pointer receiver"},
		mark: "x.(namer)", blindMark: "x.(namer)",
	}, {
		name: "send on closed",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			jobs := make(chan int, 1)
			close(jobs)
			jobs <- 1
			return nil
		},
		title: "Send on a closed channel", text: []string{"It is `jobs`."},
		mark: "jobs", blindMark: "jobs",
	}, {
		name: "closed twice",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			jobs := make(chan int, 1)
			close(jobs)
			close(jobs)
			return nil
		},
		title: "The channel was closed twice", text: []string{"It is `jobs`."},
		mark: "jobs", blindMark: "jobs",
	}, {
		name: "close of nil",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var jobs chan int
			close(jobs)
			return nil
		},
		title: "A nil channel was closed",
		mark:  "jobs", blindMark: "jobs",
	}, {
		name: "make",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			n := -1
			v["n"] = n
			use(make([]int, n))
			return nil
		},
		title: "A slice of an impossible size", text: []string{"The len that", "`n` is `-1`."},
		mark: "n", blindMark: "n",
	}, {
		name: "unhashable",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			seen, key := map[any]bool{}, any([]int{1})
			use(seen[key])
			return nil
		},
		title: "`[]int` cannot be the key of a map",
		mark:  "key", blindMark: "key",
	}, {
		name: "unhashable key that is deleted",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			seen, keys := map[any]bool{1: true}, []any{[]int{1}}
			delete(seen, keys[0])
			return nil
		},
		title: "`[]int` cannot be the key of a map", // nothing is marked: the index of keys is none of a map
	}, {
		name: "uncomparable",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var a, b any = []int{1}, []int{1}
			use(a == b)
			return nil
		},
		title: "`[]int` cannot be compared",
		mark:  "a == b", blindMark: "a == b",
	}, {
		name: "shift",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			n := -1
			use(1 << n)
			return nil
		},
		title: "Shift by a negative number",
		mark:  "1 << n", blindMark: "1 << n",
	}, {
		name: "two chains",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			u, other := &user{}, &user{}
			use(u.Friend.Name, other.Friend.Name)
			return nil
		},
		title: "Nil pointer", // nothing is known of them, and there are two
	}, {
		name: "a variable is called",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var print func(string)
			u := &user{}
			print(u.Name)
			return nil
		},
		title: "Nil pointer", mark: "print(u.Name)", blindMark: "print(u.Name)",
	}, {
		name: "functions of packages are not nil",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var u *user
			use(strings.ToUpper(u.Name), strings.TrimSpace(r.Method))
			return nil
		},
		title: "Nil pointer", not: []string{"`strings`"},
	}, {
		name: "a variable with the name of a package",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			sync, other := (*user)(nil), &user{}
			use(other.Name, sync.Name)
			return nil
		},
		title: "Nil pointer", blind: []string{"`other` or `sync`"},
	}, {
		name: "one of several lines",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			u, i := &user{Numbers: []int{1}}, 7
			v["u"], v["i"] = u, i
			use(u.Numbers[0], []int{
				u.Numbers[0], u.Numbers[i],
				i,
			})
			return nil
		},
		title: "Index 7 is out of range", text: []string{"`u.Numbers` has 1 element"}, mark: "u.Numbers[i]", blindMark: "u.Numbers[i]",
	}, {
		name: "behind else, with letters of several bytes",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			größe, i := map[string][]int{"ü": {1}}, 1
			v["größe"], v["i"] = größe, i
			if i == 0 {
				return nil
			} else if größe["ü"][i] == 7 {
				return nil
			}
			return nil
		},
		title: "Index 1 is out of range", mark: `größe["ü"][i]`, blindMark: `größe["ü"][i]`,
	}, {
		name: "over two lines",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			u := &user{}
			v["u"] = u
			use(u.
				Friend.
				Name)
			return nil
		},
		title: "`u.Friend` is nil", mark: "Friend", blindMark: "Friend.",
	}, {
		name: "one of two assertions",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var a, b any = 1, "two"
			use(a.(int), b.(user))
			return nil
		},
		title: "The interface holds `string`, not `explain_test.user`", try: []string{"`v, ok := b.("}, mark: "b.(user)", blindMark: "b.(user)",
	}, {
		name: "either of two channels",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			a, b := make(chan int, 1), make(chan int, 1)
			close(b)
			func() { a <- 1; b <- 1 }()
			return nil
		},
		title: "Send on a closed channel", not: []string{"It is `a`"},
	}, {
		name: "in a method",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var wg sync.WaitGroup
			wg.Done()
			return nil
		},
		title: "A WaitGroup was used wrongly", mark: "wg.Done()", blindMark: "wg.Done()",
	}, {
		name: "panic of nil",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			panic(nil)
		},
		title: "panic(nil)",
		mark:  "panic(nil)", blindMark: "panic(nil)",
	}})
}
