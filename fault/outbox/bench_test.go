package outbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

// long is a mail as long as one about a failure.
func long(n int) outbox.Mail {
	m := letter(n)
	m.Text = strings.Repeat("internal/web/user.go:42 in web.(*Server).profile\n", 100)
	m.HTML = strings.Repeat("<tr><td>internal/web/user.go:42</td><td>web.(*Server).profile</td></tr>\n", 200)
	return m
}

func BenchmarkPut(b *testing.B) {
	o := open(b, nil, outbox.Options{Server: outbox.Server{Host: "mail.example.org"}, MaxBytes: 1 << 40})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if err := o.Put(context.Background(), long(n)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDrain delivers 1,000 mails that wait, on one connection after another.
func BenchmarkDrain(b *testing.B) {
	const n = 1000
	for b.Loop() {
		b.StopTimer()
		s := smtptest.Start(b, smtptest.Options{})
		o := open(b, s, outbox.Options{})
		for i := range n {
			put(b, o, long(i))
		}
		b.StartTimer()
		stop := run(b, o)
		for len(s.Mails()) < n || o.Status().Waiting > 0 {
			time.Sleep(5 * time.Millisecond)
		}
		b.StopTimer()
		stop()
		s.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}
