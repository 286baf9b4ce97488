package logfile

// batch is a run of records that are written together.
type batch struct {
	buf  []byte
	ends []int // where each record ends in buf

	// Set when the batch has been written, under File.io.
	done    bool
	written int   // this many records, from the first
	err     error // why not the others
}

// add appends a record and returns its index.
func (b *batch) add(record []byte) int {
	b.buf = append(b.buf, record...)
	if b.buf[len(b.buf)-1] != '\n' {
		b.buf = append(b.buf, '\n')
	}
	b.ends = append(b.ends, len(b.buf))
	return len(b.ends) - 1
}

func (b *batch) len() int { return len(b.ends) }

// start returns where record i begins in buf, which is where the one before
// ends.
func (b *batch) start(i int) int {
	if i == 0 {
		return 0
	}
	return b.ends[i-1]
}

// fit returns the end of the longest run of records from i on that takes at
// most room bytes; i itself if not even one does.
func (b *batch) fit(i int, room int64) int {
	from := b.start(i)
	for i < len(b.ends) && int64(b.ends[i]-from) <= room {
		i++
	}
	return i
}
