package explain

import (
	"regexp"
	"slices"
	"sync"
)

// expression is a regular expression that is compiled when it is first needed. Most are never.
type expression struct {
	compile func() *regexp.Regexp
}

func (e *expression) match(text string) []string { return e.compile().FindStringSubmatch(text) }

// rules are all that is known, the more certain and the more special before the others.
var rules = sync.OnceValue(func() []*rule {
	all := slices.Concat(hangRules(), runtimeRules(), fatalRules(), reflectRules(), templateRules(), databaseRules(), jsonRules(),
		parseRules(), httpRules(), tlsRules(), fileRules(), networkRules(), contextRules(), libraryRules(), streamRules())
	for _, r := range all {
		r.expression = &expression{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("(?s)" + r.text) })}
	}
	return all
})
