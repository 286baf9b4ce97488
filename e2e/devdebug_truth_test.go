//go:build linux && (amd64 || arm64)

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustRequest(t *testing.T, address string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// truths is what the variables of /buy are, by call and name.
func truths(n int) map[string]map[string]string {
	customer := func(n int) string {
		return fmt.Sprintf(`&{ID: %[1]d, Name: "customer %[1]d", Tags: ["tag", "%[1]d"], Address: 0x…, Accounts: {"giro": %[1]d, "savings": %[2]d}, Since: %[3]s, Trouble: *errors.errorString "trouble %[1]d", Extra: shop.Item {Title: "extra %[1]d", Count: %[1]d}}`,
			n, 1000*n, time.Unix(int64(n)*86400, 0).UTC().Format(time.RFC3339))
	}
	item := func(what string, count int) string { return fmt.Sprintf(`{Title: "%s %d", Count: %d}`, what, n, count) }
	items := "[" + item("book", 1) + ", " + item("pen", 2) + "]"
	stock := fmt.Sprintf(`{"book %[1]d": &%[2]s, "pen %[1]d": &%[3]s}`, n, item("book", 1), item("pen", 2))
	label := fmt.Sprintf("label of book %d", n)
	words := fmt.Sprintf(`["%[1]s 0", "%[1]s 1", "%[1]s 2"]`, label)
	quoted := strconv.Quote
	number, total := strconv.Itoa(n), strconv.Itoa(100*n+7)
	return map[string]map[string]string{
		"discount": {"n": number, "words": words, "text": quoted("discount " + number), "at": strconv.Itoa(n + 3)},
		"price":    {"item": "&" + item("book", 1), "label": quoted(label), "words": words, "n": number},
		"pick":     {"stock": stock, "title": quoted("book " + number), "nothing": "nil", "item": "&" + item("book", 1), "label": quoted(label), "wait": "2s"},
		"reserve":  {"items": items, "who": quoted("customer " + number), "byTitle": stock, "first": quoted("book " + number)},
		"place":    {"customer": customer(n), "total": total, "items": items, "note": quoted("note " + number)},
		"buy": {
			"n": number, "err": "nil", "early": customer(n + 1), "customer": customer(n), "total": total,
			"ratio": strconv.FormatFloat(float64(n)/4, 'g', -1, 64), "paid": strconv.FormatBool(n%2 == 0), "queue": "1 of 4 queued", "version": `"first"`,
		},
	}
}

var hexAddress = regexp.MustCompile(`0x[0-9a-f]+`)

// debugTruth: whatever the debugger shows is right, however much memory is collected meanwhile. What it cannot know it
// says. E2E_DEBUG_FAILURES is how many failures are looked at.
func debugTruth(t *testing.T, d *debugRun) {
	failures := 16
	if text := os.Getenv("E2E_DEBUG_FAILURES"); text != "" {
		var err error
		if failures, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, storm := range []bool{false, true} {
		t.Run(fmt.Sprintf("collections %v", storm), func(t *testing.T) {
			done := make(chan struct{})
			var busy sync.WaitGroup
			for range 2 {
				busy.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
						}
						if status, _, err := d.probe("/work"); err != nil || status != 200 {
							t.Errorf("another request: %d, %v", status, err)
							return
						}
						time.Sleep(5 * time.Millisecond)
					}
				})
			}
			var tally tally
			numbers := make(chan int)
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					for n := range numbers {
						if err := d.isTrue(n, storm, &tally); err != nil {
							t.Errorf("failure %d: %v", n, err)
						}
					}
				})
			}
			count := failures
			if !storm {
				count = max(1, failures/8)
			}
			for i := range count {
				numbers <- 200 + i
			}
			close(numbers)
			group.Wait()
			close(done)
			busy.Wait()
			t.Logf("%d values of %d are shown; unreadable are %v", tally.shown, tally.shown+tally.unreadable, tally.names)
			if storm && tally.shown < tally.unreadable || !storm && tally.unreadable > tally.shown/10 {
				t.Errorf("too much is unreadable")
			}
		})
	}
}

// tally counts what is shown.
type tally struct {
	mu                sync.Mutex
	shown, unreadable int
	names             map[string]int
}

func (y *tally) count(name string, readable bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if readable {
		y.shown++
		return
	}
	y.unreadable++
	if y.names == nil {
		y.names = map[string]int{}
	}
	y.names[name]++
}

// failingIn is failing while memory is collected all the time. What comes after that does not touch the copy: then the
// processors are left to those who look at it.
func (d *debugRun) failingIn(storm bool, path string) (base, id string, err error) {
	if !storm {
		return d.failing(path)
	}
	if status, _, err := d.probe("/storm?on=1"); err != nil || status != 200 {
		return "", "", fmt.Errorf("the storm: %d, %w", status, err)
	}
	base, id, err = d.failing(path)
	if status, _, e := d.probe("/storm"); e != nil || status != 200 {
		err = errors.Join(err, fmt.Errorf("the end of the storm: %d, %w", status, e))
	}
	return base, id, err
}

// isTrue has request n fail, and compares what the debugger tells of it.
func (d *debugRun) isTrue(n int, storm bool, y *tally) error {
	base, id, err := d.failingIn(storm, fmt.Sprintf("/buy?n=%d", n))
	if err != nil {
		return err
	}
	f := &debugFailure{d.api, id, base + "/failures/" + id}
	s, err := f.settled("ready")
	if err != nil {
		return err
	}
	var wrong []string
	for function, values := range truths(n) {
		frame := s.frame("example.test/app/shop." + function)
		if frame == nil || frame.Variables.State != "ready" {
			wrong = append(wrong, fmt.Sprintf("the call of %s is %+v", function, frame))
			continue
		}
		for name, want := range values {
			v := frame.variable(name)
			switch {
			case v == nil:
				wrong = append(wrong, function+" has no "+name)
			case v.Unreadable != "":
				y.count(function+"."+name, false)
			case hexAddress.ReplaceAllString(v.Value, "0x…") != want:
				wrong = append(wrong, fmt.Sprintf("%s.%s is %s, want %s", function, name, v.Value, want))
			default:
				y.count(function+"."+name, true)
			}
			if v != nil && strings.HasPrefix(want, "&{ID: ") && v.Ref != "" && v.Unreadable == "" {
				if said := f.insideIs(v, want); said != "" {
					wrong = append(wrong, function+"."+name+": "+said)
				}
			}
		}
	}
	for expression, want := range map[string]string{"len(customer.Tags) + n": strconv.Itoa(n + 2), "customer.Address.Street": fmt.Sprintf(`"%d Long Street"`, n), `customer.Accounts["giro"]`: strconv.Itoa(n), "rates[1]": "5"} {
		v, err := f.evaluate(5, expression, false)
		if err == nil && v.Unreadable == "" && v.Value != want {
			wrong = append(wrong, fmt.Sprintf("%s is %s, want %s", expression, v.Value, want))
		}
		y.count(strings.TrimSpace(expression+" "+refused(err)), err == nil && v.Unreadable == "")
	}
	v, err := f.evaluate(5, "customer.Greeting()", true)
	if err == nil && v.Value != fmt.Sprintf(`"Dear customer %d"`, n) {
		wrong = append(wrong, fmt.Sprintf("the call gives %+v", v))
	}
	y.count(strings.TrimSpace("customer.Greeting() "+refused(err)), err == nil)
	if len(wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(wrong, "\n"))
	}
	return nil
}

// insideIs opens a customer and looks at its address.
func (f *debugFailure) insideIs(v *debugVariable, want string) string {
	fields, err := f.inside(v.Ref)
	if refused(err) == "stale" || refused(err) == "attaching" {
		return "" // the debugger had to make room meanwhile
	}
	if err != nil {
		return err.Error()
	}
	for _, field := range fields {
		if field.Name != "Address" || field.Unreadable != "" {
			continue
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(want, "&{ID: "), ",")
		n, err := strconv.Atoi(number)
		if err != nil {
			return err.Error()
		}
		if street := fmt.Sprintf(`&{Street: "%d Long Street", City: "City %d", Zip: `, n, n%7); !strings.HasPrefix(field.Value, street) {
			return fmt.Sprintf("its address is %s, want %s…", field.Value, street)
		}
		return ""
	}
	return fmt.Sprintf("it has no address: %+v", fields)
}
