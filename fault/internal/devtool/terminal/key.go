package terminal

// Key is what a pressed key asks for.
type Key byte

// The keys.
const (
	Rebuild  Key = 'r'
	Open     Key = 'o' // the browser
	Quit     Key = 'q'
	Debugger Key = 'd' // its address and PIN

	help    Key = '?'
	newLine Key = '\n' // for the eye: what comes is divided from what was
	none    Key = 0
)

// keysText is what the help says.
const keysText = "keys: r builds anew, o opens the browser, d tells the debugger's PIN, q quits, ? is this"

// keyOf tells which key was pressed by what has come from the terminal at once. A key that is held down comes several
// times. Different characters at once are no key: they were pasted, or are a function key.
func keyOf(typed []byte) Key {
	if len(typed) == 0 {
		return none
	}
	key := typed[0]
	for _, b := range typed {
		if b != key {
			return none
		}
	}
	if key >= 'A' && key <= 'Z' {
		key += 'a' - 'A'
	}
	switch Key(key) {
	case Rebuild, Open, Quit, Debugger, help, newLine:
		return Key(key)
	case 'h':
		return help
	case '\r':
		return newLine
	}
	return none
}
