package errormail_test

import (
	"testing"

	"example.org/microblog/fault/errormail"
	"example.org/microblog/fault/incident"
)

func BenchmarkCompose(b *testing.B) {
	o, known := options(), facts()
	for name, n := range map[string]incident.Notice{
		"usual": later(incident.More), "hostile": hostile("\U0001F600"), "summary": summary(),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var size int
			for b.Loop() {
				m := errormail.Compose(o, n, known)
				size = len(m.Text) + len(m.HTML)
			}
			b.ReportMetric(float64(size), "bytes/mail")
		})
	}
}
