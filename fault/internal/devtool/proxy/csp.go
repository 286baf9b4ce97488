package proxy

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"

	"example.org/microblog/fault/internal/devtool/overlay"
)

// allowance amends Content-Security-Policies so that a page may load our script, which may talk to us and show our
// pages in a frame: these addresses by name and nothing else.
//
// Two things cannot be had. At an address that a policy has no words for, such as [::1]:5000, the script gets a nonce, where that
// takes nothing from the page, and may have no connection. And a policy in a <meta> of the page is left as it is: it does not reach back to
// our script, which comes before it and connects at once, but may forbid what comes later.
type allowance struct {
	host  string // of the page, with its port
	nonce string // for the script, "" if it needs none; set by amend
}

// amend returns the values of a policy header, amended. A value may hold several policies; each of them has to agree.
func (a *allowance) amend(values []string) []string {
	amended := make([]string, len(values))
	for i, value := range values {
		policies := strings.Split(value, ",")
		for j, policy := range policies {
			policies[j] = a.policy(policy)
		}
		amended[i] = strings.Join(policies, ",")
	}
	return amended
}

// policy amends one policy. What does not stand in the way stays as it is, to the letter.
func (a *allowance) policy(text string) string {
	p := parsePolicy(text)
	p.allow([]string{"script-src-elem", "script-src"}, "script-src-elem", a.script)
	p.allow([]string{"connect-src"}, "connect-src", a.connection)
	p.allow([]string{"frame-src"}, "frame-src", a.frame)
	return strings.Join(p.parts, ";")
}

// script returns what has to be added to the sources of scripts.
func (a *allowance) script(sources []string) []string {
	dynamic := slices.Contains(sources, "'strict-dynamic'") // addresses mean nothing then
	switch {
	case !dynamic && (slices.Contains(sources, "'self'") || slices.Contains(sources, "*")):
		return nil
	case !dynamic && expressible(a.host):
		return []string{"http://" + a.host + overlay.Prefix + "client.js"}
	case !dynamic && inlineAllowed(sources):
		return nil // a nonce would end that
	}
	if a.nonce == "" {
		a.nonce = rand.Text()
	}
	return []string{"'nonce-" + a.nonce + "'"}
}

// connection returns what has to be added to the sources of connections. Not every browser takes 'self' or * for a WebSocket.
func (a *allowance) connection([]string) []string {
	if !expressible(a.host) {
		return nil
	}
	return []string{"ws://" + a.host + overlay.Prefix + "events"} // it stands for wss, too
}

func (a *allowance) frame(sources []string) []string {
	if !expressible(a.host) || slices.Contains(sources, "'self'") || slices.Contains(sources, "*") {
		return nil
	}
	own := "http://" + a.host + overlay.Prefix
	return []string{own + "problem", own + "failures/"}
}

// inlineAllowed tells whether scripts within the page may run that have neither nonce nor hash.
func inlineAllowed(sources []string) bool {
	return slices.Contains(sources, "'unsafe-inline'") && !slices.ContainsFunc(sources, func(source string) bool {
		return source == "'strict-dynamic'" || strings.HasPrefix(source, "'nonce-") || strings.HasPrefix(source, "'sha")
	})
}

// expressible tells whether a policy can name a host: by names and, in browsers, IPv4 addresses.
func expressible(host string) bool {
	name, ok := hostName(host)
	if !ok || strings.HasPrefix(host, "[") || strings.Contains(name, "_") {
		return false
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Is4()
	}
	return !slices.Contains(strings.Split(name, "."), "")
}

// policy is one Content-Security-Policy, in the parts between its semicolons.
type policy struct {
	parts []string
	index map[string]int // of the directives, by their names: the first one of each counts
}

func parsePolicy(text string) *policy {
	p := &policy{parts: strings.Split(text, ";"), index: map[string]int{}}
	for i, part := range p.parts {
		if name := directiveName(part); name != "" {
			if _, again := p.index[name]; !again {
				p.index[name] = i
			}
		}
	}
	return p
}

func directiveName(part string) string {
	fields := strings.FieldsFunc(part, isSpaceRune)
	if len(fields) == 0 {
		return ""
	}
	return asciiLower(fields[0])
}

func isSpaceRune(r rune) bool { return r < 0x80 && isSpace(byte(r)) }

// sources returns the list of a directive: as it is written, and for comparisons.
func (p *policy) sources(i int) (written, lower []string) {
	written = strings.FieldsFunc(p.parts[i], isSpaceRune)[1:]
	for _, source := range written {
		lower = append(lower, asciiLower(source))
	}
	return written, lower
}

// allow adds what add returns to the first directive of names that is there. If there is none, but one whose list would be
// used in its place, a directive called name is made of that list. Without any, everything is allowed.
func (p *policy) allow(names []string, name string, add func(sources []string) []string) {
	fallbacks := []string{"default-src"}
	if name == "frame-src" {
		fallbacks = []string{"child-src", "default-src"}
	}
	for _, n := range names {
		if i, ok := p.index[n]; ok {
			written, lower := p.sources(i)
			p.parts[i] = amended(p.parts[i], written, lower, add(lower))
			return
		}
	}
	for _, n := range fallbacks {
		i, ok := p.index[n]
		if !ok {
			continue
		}
		written, lower := p.sources(i)
		added := add(lower)
		if len(added) == 0 {
			return
		}
		if isNone(lower) {
			written = nil
		}
		p.index[name] = len(p.parts)
		p.parts = append(p.parts, " "+strings.Join(append(append([]string{name}, written...), added...), " "))
		return
	}
}

// amended adds sources to the text of a directive.
func amended(text string, written, lower, added []string) string {
	if len(added) == 0 {
		return text
	}
	if isNone(lower) {
		text = text[:strings.LastIndex(text, written[0])]
	}
	return strings.TrimRightFunc(text, isSpaceRune) + " " + strings.Join(added, " ")
}

func isNone(lower []string) bool { return len(lower) == 1 && lower[0] == "'none'" }
