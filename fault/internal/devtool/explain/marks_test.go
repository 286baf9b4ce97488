package explain_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// sortBy fails in a function literal, on a line that has an index of its own as well.
func sortBy(all map[string][]int, key string, order []int) {
	v["all"], v["key"] = all, key
	slices.SortFunc(all[key], func(a, b int) int { return order[a] - a + b })
}

// sorted fails on the same kind of line, outside of the literal.
func sorted(all [][]int, i int, order []int) {
	v["all"], v["i"], v["order"] = all, i, order
	slices.SortFunc(all[i], func(a, b int) int { return order[a] - order[b] })
}

// both has two assertions, one to what it does not know by name.
func both[T any](x, y any) (T, int) {
	v["x"], v["y"] = x, y
	return x.(T), y.(int)
}

func identity[T any](x T) T { return x }

// embedded is a user within something else.
type embedded struct{ *user }

func nobody() *user { return nil }

func somebody() *user { return &user{Friend: &user{}} }

func yes() bool { return true }

// log is a method that bears a nil receiver.
func (u *user) log(...any) {}

// Lines on which the one that failed is not the first that meets the eye: the right one is marked, or none.
func TestMarks(t *testing.T) {
	check(t, []failing{{
		name: "in a literal beside an index",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			sortBy(map[string][]int{"a": {5, 6}}, "a", []int{1})
			return nil
		},
		title: "Index 6 is out of range", text: []string{"`order` has 1 element,"}, mark: "order[a]",
	}, {
		name: "beside a literal with indexes",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			sorted([][]int{{1}}, 1, []int{0})
			return nil
		},
		title: "Index 1 is out of range", mark: "all[i]", blindMark: "all[i]",
	}, {
		name: "not evaluated",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			a, b, i := []int{1}, []string{"x"}, 1
			v["a"], v["b"], v["i"] = a, b, i
			use(len(a) > i && a[i] > 0 || b[i] == "")
			return nil
		},
		title: "Index 1 is out of range", mark: "b[i]",
	}, {
		name: "perhaps not evaluated",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			a, b, i := []int{1}, []string{"x"}, 1
			v["a"], v["b"], v["i"] = a, b, i
			use(!yes() && a[i] > 0, b[len(a[:i])] == "")
			return nil
		},
		title: "Index 1 is out of range",
	}, {
		name: "two of the same form that are both out of range",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			a, b, i := []int{1}, []int{2}, 1
			v["a"], v["b"], v["i"] = a, b, i
			use(a[i] + identity(b[i]))
			return nil
		},
		title: "Index 1 is out of range", not: []string{"`a`", "`b`"},
	}, {
		name: "the same twice",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			a, i := []int{1}, 1
			v["a"], v["i"] = a, i
			a[i] = identity(a[i]) + 1
			return nil
		},
		title: "Index 1 is out of range", text: []string{"`a` has 1 element,"},
	}, {
		name: "in a chain over lines",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			a, i := []*strings.Builder{{}}, 1
			v["a"], v["i"] = a, i
			use(a[0].
				String()[i:],
				a[i].
					String())
			return nil
		},
		title: "`a[0].String()[i:]` is out of range", mark: "String()[i:]", blindMark: "String()[i:]",
	}, {
		name: "a number with a fraction that is zero, too",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			f, n := 0.0, 0
			v["f"], v["n"] = f, n
			use(1/f, 1/n)
			return nil
		},
		title: "`n` is zero", blindTitle: "Division by zero", mark: "n",
	}, {
		name: "no divisor at that place",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			n, m := 0, 0
			v["n"], v["m"] = n, m
			use(n != 0 && 1/n > 0 || 1/m > 0)
			return nil
		},
		title: "`m` is zero", mark: "m",
	}, {
		name:    "a type that is a parameter",
		handler: func(_ http.ResponseWriter, _ *http.Request) error { use(both[string](1, "x")); return nil },
		title:   "The interface holds `string`, not `int`",
	}, {
		name: "a name that the line declares",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := somebody()
			v["u"] = (*user)(nil) // what a debugger has for it: the new one
			if u := find(u.Friend.Friend.Friend); u != nil {
				return nil
			}
			return nil
		},
		title: "Nil pointer", not: []string{"`u` is nil"}, mark: "u.Friend.Friend.Friend", blindMark: "u.Friend.Friend.Friend",
	}, {
		name: "a name that the line declares, and uses as both",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := &user{}
			v["u"] = (*user)(nil)
			if u := u.Friend; u.Name == "" {
				return nil
			}
			return nil
		},
		title: "Nil pointer", not: []string{"`u` is nil"},
	}, {
		name: "types that are no values",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := &user{}
			v["u"] = u
			var name *string = identity[*string](&u.Friend.Name)
			use(name)
			return nil
		},
		title: "`u.Friend` is nil", blindTitle: "Nil pointer", blind: []string{"that can be `u` or `u.Friend`,"}, mark: "u.Friend", blindMark: "u.Friend.Name",
	}, {
		name: "nil, but with a method that bears it",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u := nobody()
			v["u"] = u
			u.log(find(u).Name)
			return nil
		},
		title: "Nil pointer", text: []string{"`u` is nil, and this line calls its method `log`, which may go well"}, mark: "u.log(find(u).Name)", blindMark: "u.log(find(u).Name)",
	}, {
		name: "an embedded pointer",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			e := embedded{}
			v["e"] = e
			use(e.Name, somebody().Name)
			return nil
		},
		title: "Nil pointer",
	}, {
		name: "two are nil",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			a, b := nobody(), nobody()
			v["a"], v["b"] = a, b
			use(a.Name + identity(b.Name))
			return nil
		},
		title: "`a` is nil", text: []string{"So is `b`."},
	}, {
		name: "a function of a map",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			u, all := somebody(), map[string]func(string){}
			v["u"], v["all"] = u, all
			all["x"](u.Name)
			return nil
		},
		title: "Nil pointer", mark: `all["x"]`, blindMark: `all["x"](u.Name)`,
	}, {
		name: "behind a condition that calls something",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			a := nobody()
			v["a"] = a
			use(!yes() && a.Name == "" || find(a).Name == "")
			return nil
		},
		title: "Nil pointer", text: []string{"`a` is nil"},
	}, {
		name: "taken twice, once behind a condition",
		handler: func(_ http.ResponseWriter, _ *http.Request) error {
			a := nobody()
			v["a"] = a
			use(a != nil && a.Name == "" || a.Friend == nil)
			return nil
		},
		title: "`a` is nil", mark: "a",
	}})
}
