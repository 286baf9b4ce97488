package terminal

// KeyOf is what has come at once from the terminal, as a key.
func KeyOf(typed []byte) Key { return keyOf(typed) }

// The keys that the package heeds itself.
const (
	Help    = help
	NewLine = newLine
	None    = none
)
