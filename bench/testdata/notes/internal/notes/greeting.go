package notes

// Greeting is what the home page begins with.
func Greeting() string {
	return "FIRST"
}
