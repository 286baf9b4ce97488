package process

// Kept returns what is kept of what a process writes in these pieces.
func Kept(pieces [][]byte, errors bool) (tail, crash string) {
	var r record
	for _, piece := range pieces {
		r.write(piece, errors)
	}
	return r.texts()
}
