// Package shop has orders and their bills.
package shop

import (
	"fmt"
	"runtime/metrics"
	"time"
)

// Unbillable is an order with an article that has no price: its bill panics.
const Unbillable = 7

// Price is what one of an article costs.
type Price struct {
	Cents    int
	Currency string
}

// Line is an article of an order.
type Line struct {
	Article string
	Count   int
	Price   *Price
}

// Customer is who has ordered.
type Customer struct {
	Name    string
	Address map[string]string
}

// Order is what somebody has ordered.
type Order struct {
	ID       int
	Customer Customer
	Lines    []Line
	Placed   time.Time
}

// Bill is what an order costs.
type Bill struct {
	Order int
	Lines []string
	Cents int
}

// Book keeps orders.
type Book struct{ orders map[int]*Order }

// NewBook makes orders, at least 100, until about so many bytes of this process are in memory.
func NewBook(resident int64) *Book {
	b := &Book{orders: make(map[int]*Order)}
	for id := 1; id <= 100 || id%100 != 0 || inMemory() < resident; id++ {
		b.orders[id] = newOrder(id)
	}
	b.orders[Unbillable].Lines[2].Price = nil
	return b
}

func newOrder(id int) *Order {
	o := &Order{ID: id, Placed: time.Date(2026, 1, 2, 15, 4, id%60, 0, time.UTC)}
	o.Customer = Customer{
		Name:    fmt.Sprintf("Customer %d", id),
		Address: map[string]string{"street": fmt.Sprintf("Long Street %d", id), "town": "Springfield"},
	}
	for i := range 4 {
		o.Lines = append(o.Lines, Line{fmt.Sprintf("article-%d-%d", id, i), i + 1, &Price{100 * (i + 1), "EUR"}})
	}
	return o
}

func inMemory() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// First returns the first n orders that can be billed.
func (b *Book) First(n int) []*Order {
	var all []*Order
	for id := 1; len(all) < n; id++ {
		if id != Unbillable {
			all = append(all, b.orders[id])
		}
	}
	return all
}

// Bill makes the bill of an order.
func (b *Book) Bill(id int) (*Bill, error) {
	order, ok := b.orders[id]
	if !ok {
		return nil, fmt.Errorf("there is no order %d", id)
	}
	bill := &Bill{Order: id}
	order.chargeTo(bill)
	return bill, nil
}

func (o *Order) chargeTo(bill *Bill) {
	for number, line := range o.Lines {
		text, cents := describe(o, number, line)
		bill.Lines = append(bill.Lines, text)
		bill.Cents += cents
	}
}

func describe(order *Order, number int, line Line) (text string, cents int) {
	customer := order.Customer.Name
	cents = costOf(order, line, line.Count)
	return fmt.Sprintf("%d. %d %s for %s", number+1, line.Count, line.Article, customer), cents
}

func costOf(order *Order, line Line, count int) int {
	discount := 0
	if order.ID%10 == 0 {
		discount = 5
	}
	return count * line.Price.Cents * (100 - discount) / 100
}

// Total adds up what has a price.
func (o *Order) Total() int {
	sum := 0
	for _, line := range o.Lines {
		if line.Price != nil {
			sum += line.Count * line.Price.Cents
		}
	}
	return sum
}
