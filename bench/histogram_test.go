package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h, half histogram
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		if i%2 == 0 {
			h.add(d)
		} else {
			half.add(d)
		}
	}
	h.merge(&half)
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 1} {
		want := all[int(q*float64(len(all)))-1]
		got := h.quantile(q)
		if diff := (got - want).Abs(); float64(diff) > 0.017*float64(want)+1 {
			t.Errorf("quantile %v is %v, want %v within 1.6 percent", q, got, want)
		}
	}
}

func TestHistogramEdges(t *testing.T) {
	var empty histogram
	if got := empty.quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	last := -1
	for shift := range 63 {
		for _, d := range []time.Duration{1<<shift - 1, 1 << shift} {
			b := bucketOf(d)
			if b < last || b >= buckets {
				t.Fatalf("%d ns is in bucket %d, after bucket %d", d, b, last)
			}
			last = b
			if diff := (middleOf(b) - d).Abs(); float64(diff) > 0.016*float64(d) {
				t.Errorf("the bucket of %d ns stands for %d ns", d, middleOf(b))
			}
		}
	}
	if bucketOf(-5) != 0 {
		t.Error("a negative latency does not count as zero")
	}
}
