package debugger

// Cursor finds the name at an offset, and what it is selected from.
func Cursor(text string, offset int) (base string, start, end int) { return cursor(text, offset) }

// ShortType is a type as one writes it in a program.
func ShortType(full string) string { return shortType(full) }

// PackageOf is the import path in a function's name.
func PackageOf(function string) string { return packageOf(function) }

// Parse reads an expression.
func Parse(text string) error {
	_, err := parse(text)
	return err
}
