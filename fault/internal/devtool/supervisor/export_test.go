package supervisor

// What the tests of this package see besides.
var (
	Assignments = assignments
	Filled      = filled
	Memory      = memoryAllowed
	BadPattern  = badPattern
	IsSource    = isSource
	Snapshot    = snapshot
	UnderWay    = underWay

	FormOf       = formOf
	BodyText     = bodyText
	PanicFailure = panicFailure
	MaskEnd      = maskEnd
)

// PublicAddress is publicAddress with an environment and the text of a .env.
func PublicAddress(asked string, env []string, file string) (address, from string) {
	return publicAddress(asked, settings{env: env, file: assignments([]byte(file))})
}

// Place is how a problem of a template is placed: the name, line and column that its text tells.
func Place(text string) []string { return templatePlace.FindStringSubmatch(text) }
