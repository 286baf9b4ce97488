//go:build linux && (amd64 || arm64)

package e2e

import (
	"path/filepath"
	"testing"
)

// debugApp is a small application with the kit. What its requests have in their variables follows from their number n.
func debugApp(t *testing.T) map[string]string {
	t.Helper()
	kit, err := filepath.Abs("../fault")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"go.mod":         "module example.test/app\n\ngo 1.26.0\n\nrequire example.org/microblog/fault v0.0.0\n\nreplace example.org/microblog/fault => " + kit + "\n",
		"main.go":        debugAppMain,
		"shop/shop.go":   debugAppShop,
		"shop/others.go": debugAppOthers,
	}
}

const debugAppMain = `package main

import (
	"log"
	"net"
	"net/http"
	"os"

	"example.test/app/shop"
)

func main() {
	l, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, shop.Handler()))
}
`

const debugAppShop = `package shop

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const edition = "first"

var rates = []int{3, 5, 8}

var shopOpen = map[string]bool{"monday": true, "sunday": false}

type Address struct {
	Street, City string
	Zip          [3]byte
}

type Customer struct {
	ID       int
	Name     string
	Tags     []string
	Address  *Address
	Accounts map[string]int64
	Since    time.Time
	Trouble  error
	Extra    any
}

func (c *Customer) Greeting() string { return "Dear " + c.Name }

type Money int64

func (m Money) String() string { return fmt.Sprintf("%d.%02d EUR", int64(m)/100, int64(m)%100) }

type Item struct {
	Title string
	Count int
}

func newCustomer(n int) *Customer {
	return &Customer{
		ID: n, Name: fmt.Sprintf("customer %d", n), Tags: []string{"tag", strconv.Itoa(n)},
		Address:  &Address{Street: fmt.Sprintf("%d Long Street", n), City: fmt.Sprintf("City %d", n%7), Zip: [3]byte{1, 2, byte(n)}},
		Accounts: map[string]int64{"giro": int64(n), "savings": int64(n) * 1000},
		Since:    time.Unix(int64(n)*86400, 0).UTC(), Trouble: fmt.Errorf("trouble %d", n), Extra: Item{Title: fmt.Sprintf("extra %d", n), Count: n},
	}
}

func used(...any) {}

func buy(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil {
		return err
	}
	early := newCustomer(n + 1)
	used(early)
	w.Header().Set("Set-Cookie", "basket=canary-"+early.Name)
	customer := newCustomer(n)
	total := Money(100*n + 7)
	ratio, paid := float64(n)/4, n%2 == 0
	queue := make(chan int, 4)
	queue <- n
	version := edition
	if err := place(customer, total); err != nil {
		return err
	}
	used(customer, total, ratio, paid, queue, version, err)
	return text(w, "bought")
}

func place(customer *Customer, total Money) error {
	items := []Item{{fmt.Sprintf("book %d", customer.ID), 1}, {fmt.Sprintf("pen %d", customer.ID), 2}}
	note := []byte(fmt.Sprintf("note %d", customer.ID))
	err := reserve(items, customer.Name)
	used(items, note, customer, total)
	return err
}

func reserve(items []Item, who string) error {
	byTitle := map[string]*Item{}
	for i := range items {
		byTitle[items[i].Title] = &items[i]
	}
	first := items[0].Title
	err := pick(byTitle, first)
	used(byTitle, who, first, items)
	return err
}

func pick(stock map[string]*Item, title string) error {
	var nothing *Item
	item := stock[title]
	label := fmt.Sprintf("label of %s", item.Title)
	wait := time.Duration(len(stock)) * time.Second
	if err := price(item, label); err != nil {
		return err
	}
	used(nothing, item, label, wait, stock)
	return nil
}

func price(item *Item, label string) error {
	var words []string
	for i := range 3 {
		words = append(words, fmt.Sprintf("%s %d", label, i))
	}
	var n int
	if _, err := fmt.Sscanf(item.Title, "book %d", &n); err != nil {
		return err
	}
	sum := discount(n, words)
	used(item, label, words, sum, errors.ErrUnsupported)
	return nil
}

func discount(n int, words []string) int {
	text := fmt.Sprintf("discount %d", n)
	at := len(rates) + n
	rate := rates[at]
	used(text, words, at)
	return rate
}
`

const debugAppOthers = `package shop

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// Handler is the whole application.
func Handler() http.Handler {
	catcher := fault.New(fault.Options{})
	mux := http.NewServeMux()
	for pattern, handler := range map[string]fault.HandlerFunc{
		"/buy": buy, "/work": work, "/storm": storm, "/template": inTemplate, "/stringer": inStringer, "/scan": inScan, "/wrapped": wrapped, "/die": die,
		"GET /{$}": func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.WriteString(w, "edition "+edition)
			return err
		},
	} {
		mux.Handle(pattern, catcher.Handle(handler))
	}
	return catcher.Middleware(mux)
}

// work makes what looks like the variables of other requests, and is none of them.
func work(w http.ResponseWriter, r *http.Request) error {
	var all []*Customer
	for i := range 200 {
		all = append(all, newCustomer(-1000-i))
	}
	_, err := fmt.Fprint(w, len(all))
	return err
}

var (
	storms  atomic.Int64 // those that rage
	weather = sync.OnceFunc(func() {
		go func() {
			for i := -5000; ; i-- {
				if storms.Load() == 0 {
					time.Sleep(time.Millisecond)
					continue
				}
				used(newCustomer(i))
				runtime.GC()
			}
		}()
	})
)

// storm has memory collected all the time until it is called off.
func storm(w http.ResponseWriter, r *http.Request) error {
	if r.FormValue("on") == "" {
		return text(w, "storms: "+strconv.FormatInt(storms.Add(-1), 10))
	}
	weather()
	n := storms.Add(1)
	time.Sleep(5 * time.Millisecond) // for it to begin
	return text(w, "storms: "+strconv.FormatInt(n, 10))
}

func text(w http.ResponseWriter, s string) error {
	_, err := io.WriteString(w, s)
	return err
}

func die(http.ResponseWriter, *http.Request) error {
	os.Exit(3)
	return nil
}

func inTemplate(w http.ResponseWriter, r *http.Request) error {
	t := template.Must(template.New("page").Funcs(template.FuncMap{"member": member}).Parse("<p>{{member .}}</p>"))
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]int{"inside": 41}); err != nil {
		return err
	}
	return text(w, b.String())
}

func member(of map[string]int) string {
	secret := fmt.Sprint("member ", of["inside"]+1)
	var nobody *Customer
	name := nobody.Name
	used(secret)
	return name
}

type badName struct{ letters []string }

func (n badName) String() string {
	wanted := 17
	return n.letters[wanted]
}

func inStringer(http.ResponseWriter, *http.Request) error {
	name := badName{[]string{"a", "b"}}
	return errors.New(fmt.Sprintf("no such name: %v", name))
}

func inScan(w http.ResponseWriter, r *http.Request) error {
	db := sql.OpenDB(fakeDatabase{})
	rows, err := db.QueryContext(r.Context(), "SELECT name")
	if err != nil {
		return err
	}
	if r.FormValue("close") != "" {
		defer rows.Close() // waits for ever for the lock that Scan holds as it panics
	}
	for rows.Next() {
		var v badScan
		if err := rows.Scan(&v); err != nil {
			return err
		}
	}
	return text(w, "scanned")
}

type badScan struct{ name string }

func (b *badScan) Scan(value any) error {
	bytes := value.(int64) // it is a string
	b.name = fmt.Sprint(bytes)
	return nil
}

func wrapped(http.ResponseWriter, *http.Request) error {
	if err := load(77); err != nil {
		return fmt.Errorf("the page: %w", err)
	}
	return nil
}

func load(id int) error {
	table := fmt.Sprintf("table_%d", id)
	if err := read(table); err != nil {
		return trace.Wrap(err, "loading")
	}
	return nil
}

func read(table string) error { return errors.New("no " + table) }

type fakeDatabase struct{}

func (fakeDatabase) Connect(context.Context) (driver.Conn, error) { return fakeConn{}, nil }
func (fakeDatabase) Driver() driver.Driver                        { return nil }

type fakeConn struct{}

func (fakeConn) Prepare(string) (driver.Stmt, error) { return fakeStmt{}, nil }
func (fakeConn) Close() error                        { return nil }
func (fakeConn) Begin() (driver.Tx, error)           { return nil, errors.ErrUnsupported }

type fakeStmt struct{}

func (fakeStmt) Close() error                               { return nil }
func (fakeStmt) NumInput() int                              { return 0 }
func (fakeStmt) Exec([]driver.Value) (driver.Result, error) { return nil, errors.ErrUnsupported }
func (fakeStmt) Query([]driver.Value) (driver.Rows, error)  { return &fakeRows{}, nil }

type fakeRows struct{ done bool }

func (*fakeRows) Columns() []string { return []string{"name"} }
func (*fakeRows) Close() error      { return nil }
func (r *fakeRows) Next(to []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done = true
	to[0] = "susan"
	return nil
}
`
