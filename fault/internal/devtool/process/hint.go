package process

import (
	"regexp"
	"strings"
)

// A clue is something that programs write, and what that most likely means. $1 in the hint is what the
// pattern's first group matches.
type clue struct {
	pattern *regexp.Regexp
	hint    string
}

// Ends of programs that are no crashes, the surest clue first.
var lastWordsClues = []clue{
	{regexp.MustCompile(`(?i)address already in use|only one usage of each socket address`),
		"Another program has that address, or the application's last version has. An application is told where to listen in LISTEN and PORT; it can run beside its last version only if it heeds them, for every address that it listens on."},
	{regexp.MustCompile(`(?i)(?:listen|bind).*permission denied`),
		"Ports below 1024 need a privilege. An application is told where to listen in LISTEN and PORT."},
	{regexp.MustCompile(`(?i)dial (?:tcp|udp|unix)\S* (\S+?):? .*(?:connection refused|no such file)|connect(?:ion)? to .*?(\S+) .*refused`),
		"What it needs at $1 is not running: a database, a cache, another service?"},
	{regexp.MustCompile(`(?i)lookup (\S+?)(?: on \S+)?: (?:no such host|server misbehaving)`),
		"There is no machine of the name $1. Is the address in its settings right?"},
	{regexp.MustCompile(`(?i)no such table|relation "?\S+"? does not exist|no such column|column "?\S+"? does not exist`),
		"The database is older than the code. Has a migration to run first?"},
	{regexp.MustCompile(`(?i)database is locked|SQLITE_BUSY`),
		"For a moment the last version runs beside the new one on the same database. For SQLite, WAL mode and a busy_timeout let both work."},
	{regexp.MustCompile(`(?i)(?:resource temporarily unavailable|cannot acquire .*lock|already locked|lock.* held|another instance)`),
		"For a moment the last version runs beside the new one. A lock that only one process may hold must be waited for."},
	{regexp.MustCompile(`(?i)password authentication failed|access denied for user`),
		"The database does not know that user and password. Are they in the environment or in .env?"},
	{regexp.MustCompile(`(?i)flag provided but not defined|unknown (?:shorthand )?flag|unexpected argument|unknown command|expected one of|unknown option`),
		"The application does not know these arguments. What follows -- is given to it as it is."},
	{regexp.MustCompile(`\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT|DSN|SECRET|TOKEN)\b[^\n]*?(?i:required|must be set|is not set|not set|missing|is empty|undefined|unset|not found|must not be empty|not defined)`),
		"It needs $1, in the environment or in a file .env."},
	{regexp.MustCompile(`(?i:required|must set|missing|undefined|not set|unset)[^\n]*?\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b`),
		"It needs $1, in the environment or in a file .env."},
	{regexp.MustCompile(`(?i)(?:open|stat|read|mkdir|chdir) ([^/\s:][^\s:]*): (?:no such file or directory|the system cannot find)`),
		"$1 is looked for in the directory that it runs in."},
	{regexp.MustCompile(`(?i)too many open files`),
		"It has reached the limit of open files (ulimit -n), or it does not close them."},
	{regexp.MustCompile(`(?i)no space left on device`), "The disk is full."},
}

// Ends by a panic or a fatal error.
var crashClues = []clue{
	{regexp.MustCompile(`assignment to entry in nil map`), "The map was declared but not made: make(map[…]…)."},
	{regexp.MustCompile(`nil pointer dereference`), "Something is used that is nil: a pointer never set, a result taken although its error was not nil, or a method of a nil interface."},
	{regexp.MustCompile(`pattern "[^"\n]*" \(registered at .*conflicts with pattern`), "Two patterns of a ServeMux match the same requests, and neither is more special than the other."},
	{regexp.MustCompile(`http: multiple registrations for`), "The same pattern is registered twice."},
	{regexp.MustCompile(`flag redefined: (\S+)`), "Two packages, or one twice, define the flag -$1."},
	{regexp.MustCompile(`sql: unknown driver "([^"]+)"`), "The package of the driver $1 is imported nowhere: import _ \"…\"."},
	{regexp.MustCompile(`pattern matches no files`), "The files are looked for in the directory that it runs in, if they are not embedded."},
	{regexp.MustCompile(`concurrent map (?:read|write|iteration)`), "Several goroutines use a map at once, and at least one writes: guard it with a sync.Mutex. go run -race shows both."},
	{regexp.MustCompile(`all goroutines are asleep - deadlock`), "Everything waits for something that nobody will do any more."},
	{regexp.MustCompile(`stack overflow`), "A function calls itself without end."},
	{regexp.MustCompile(`SIGQUIT: quit`), "Somebody asked for its stacks (SIGQUIT, Ctrl-\\), which ends it."},
	{regexp.MustCompile(`(?:close of closed|send on closed|close of nil) channel`), "Only the sender closes a channel, once, and sends no more after that."},
	{regexp.MustCompile(`negative WaitGroup counter`), "Done is called more often than Add has counted."},
}

func crashHint(text string) string {
	if hint := hintOf(crashClues, text); hint != "" {
		return hint
	}
	return hintOf(lastWordsClues, text) // An error that was given to panic.
}

func lastWordsHint(text string) string { return hintOf(lastWordsClues, text) }

func hintOf(clues []clue, text string) string {
	for _, c := range clues {
		m := c.pattern.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		what := strings.Join(m[1:], "")
		return strings.ReplaceAll(c.hint, "$1", what)
	}
	return ""
}

func signalHint(signal string) string {
	switch signal {
	case "SIGKILL":
		return "Somebody killed it (kill -9), or the system did because memory ran out."
	case "SIGTERM", "SIGINT", "SIGHUP":
		return "Somebody else asked it to end."
	case "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT":
		return "That is most likely code in C or assembly that it calls."
	}
	return ""
}
