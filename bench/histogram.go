package main

import (
	"math"
	"math/bits"
	"time"
)

// Buckets of a histogram: one per nanosecond up to 64 ns, then 64 to each doubling, so that a
// latency is known to within 1.6 percent.
const (
	subBits    = 6
	subBuckets = 1 << subBits
	buckets    = (64 - subBits) * subBuckets
)

// histogram counts latencies. The zero value is empty. It is not safe for concurrent use.
type histogram struct {
	counts [buckets]uint64
	total  uint64
}

// add counts one latency; a negative one counts as zero.
func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
}

// merge adds everything that o has counted.
func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// quantile returns the smallest latency that at least the share q, from 0 to 1, of all do not
// exceed: 0 when nothing was counted.
func (h *histogram) quantile(q float64) time.Duration {
	rank := max(uint64(math.Ceil(q*float64(h.total))), 1)
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return middleOf(i)
		}
	}
	return 0
}

func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift+1)*subBuckets + int(v>>shift) - subBuckets
}

// middleOf returns the middle of a bucket's range.
func middleOf(bucket int) time.Duration {
	if bucket < subBuckets {
		return time.Duration(bucket)
	}
	shift := bucket/subBuckets - 1
	low := uint64(bucket%subBuckets+subBuckets) << shift
	return time.Duration(low + uint64(1)<<shift/2)
}
