// Command truth makes copies of itself in the midst of work whose values follow from a number.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"example.org/microblog/fault/internal/freeze"
)

type order struct {
	number int
	name   string
	lines  []line
	next   *order
}

type line struct {
	text  string
	price float64
}

// told are answers, one for each number that is read.
var told = make(chan string)

func main() {
	for range 4 {
		go load()
	}
	go collect()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		n, err := strconv.Atoi(in.Text())
		if err != nil {
			panic(err)
		}
		go outer(n)
		fmt.Println(<-told)
	}
}

func outer(n int) {
	first := &order{number: n, name: "first " + strconv.Itoa(n)}
	table := map[string]int{"n": n, "double": 2 * n}
	middle(first, n)
	runtime.KeepAlive(first)
	runtime.KeepAlive(table)
}

func middle(o *order, n int) {
	var lines []line
	for i := range 5 {
		lines = append(lines, line{fmt.Sprintf("line %d of %d", i, n), float64(n*10 + i)})
	}
	o.lines = lines
	o.next = &order{number: n + 1, name: strings.Repeat("x", n%20+1)}
	inner(o, lines[1:3], any(o.next))
	runtime.KeepAlive(lines)
}

func inner(o *order, some []line, value any) {
	text := fmt.Sprint("text of ", o.number)
	freezeHere(o, some)
	runtime.KeepAlive(text)
	runtime.KeepAlive(value)
}

func freezeHere(o *order, some []line) {
	c, err := freeze.Here(os.Getppid())
	if err != nil {
		told <- err.Error()
		return
	}
	told <- strconv.Itoa(c.PID)
	runtime.KeepAlive(o)
	runtime.KeepAlive(some)
}

// load allocates what looks like what the copies hold.
func load() {
	var kept [1000]*order
	for i := 0; ; i++ {
		kept[i%len(kept)] = &order{number: -i, name: strings.Repeat("wrong", i%30), lines: make([]line, i%50)}
	}
}

func collect() {
	for {
		runtime.GC()
	}
}
