// Package shapes has types and functions for the program's variables.
package shapes

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Limit and Names are package variables; Top is a constant.
var (
	Limit  = 42
	Names  = []string{"ann", "bob"}
	ErrOut = errors.New("out of shapes")
)

const Top = 7

// Colour is a Stringer.
type Colour int

const (
	Red Colour = iota
	Green
)

func (c Colour) String() string { return [...]string{"red", "green"}[c] }

// Point is a plain struct.
type Point struct{ X, Y int }

func (p Point) Add(q Point) Point  { return Point{p.X + q.X, p.Y + q.Y} }
func (p *Point) Move(dx, dy int)   { p.X += dx; p.Y += dy }
func (p Point) Split() (x, y int)  { return p.X, p.Y }
func (p *Point) Describe() string  { return fmt.Sprintf("(%d|%d)", p.X, p.Y) }
func (p Point) Scale(n int) *Point { return &Point{p.X * n, p.Y * n} }

// Circle embeds.
type Circle struct {
	Point
	Radius float64
	Label  string
	hidden bool
}

// Hidden has a pointer receiver.
func (c *Circle) Hidden() bool { return c.hidden }

// NewCircle makes one.
func NewCircle(x, y int, radius float64) *Circle {
	return &Circle{Point: Point{x, y}, Radius: radius, Label: "circle", hidden: true}
}

// Node is a list that may be a ring.
type Node struct {
	Value int
	Next  *Node
}

// Failure is an error.
type Failure struct {
	Code int
	Err  error
}

func (f *Failure) Error() string { return fmt.Sprintf("failure %d: %v", f.Code, f.Err) }
func (f *Failure) Unwrap() error { return f.Err }

// Pair is generic.
type Pair[K comparable, V any] struct {
	Key   K
	Value V
}

func (p Pair[K, V]) Both() (K, V) { return p.Key, p.Value }

func (p *Pair[K, V]) Swap(v V) V {
	p.Value, v = v, p.Value
	return v
}

// Greet, Twice, Boom, Hang, Sum and Gone are functions to call.
func Greet(name string) string { return "hello " + name }

func Twice(n int) int { return 2 * n }

func Boom(n int) int { panic(fmt.Sprintf("boom %d", n)) }

func Hang() int {
	for {
		time.Sleep(time.Hour)
	}
}

// Spin never returns, and never sleeps.
func Spin() int {
	for n := 0; ; n++ {
		Limit = 42
	}
}

func Sum(ns ...int) (total int) {
	for _, n := range ns {
		total += n
	}
	return total
}

func Nothing() {}

func Exit(code int) { os.Exit(code) }

// Fatal is an error that no recover stops.
func Fatal() {
	var mu sync.Mutex
	mu.Unlock()
}

// Deep needs a stack of some megabytes.
func Deep(n int) int {
	var block [1024]byte
	block[n%1024] = byte(n)
	if n == 0 {
		return int(block[0])
	}
	return Deep(n-1) + int(block[n%1024]) - int(byte(n)) + 1
}

// Allocate makes n slices of a megabyte.
func Allocate(n int) int {
	total := 0
	for range n {
		total += len(make([]byte, 1<<20))
	}
	return total
}

func Fail(code int) error { return &Failure{Code: code, Err: ErrOut} }

// Zero is 0 or -0.
//
//go:noinline
func Zero(minus bool) float64 {
	zero := 0.0
	if minus {
		return -zero
	}
	return zero
}
