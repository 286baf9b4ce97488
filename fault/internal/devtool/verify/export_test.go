package verify

// Belongs is how a function's name is judged.
func Belongs(function, pkg string) bool { return belongs(function, pkg) }
