package overlay_test

import (
	"strings"
	"time"
)

// node is a part of the document, as the debugging protocol tells it: with closed shadow trees and frames.
type node struct {
	BackendNodeID    int
	NodeName         string
	NodeValue        string
	Attributes       []string
	Children         []node
	ShadowRoots      []node
	ContentDocument  *node
	PseudoElements   []node
	TemplateContents *node
}

func (n node) text() string {
	var b strings.Builder
	b.WriteString(n.NodeValue)
	for _, c := range n.Children {
		b.WriteString(c.text())
	}
	return b.String()
}

// each calls see with each node.
func (n node) each(see func(node)) {
	see(n)
	for _, all := range [][]node{n.Children, n.ShadowRoots} {
		for _, c := range all {
			c.each(see)
		}
	}
	if n.ContentDocument != nil {
		n.ContentDocument.each(see)
	}
}

// find returns the elements of a name with a text in them, wherever they are.
func (p *tab) find(name, text string) []node {
	p.t.Helper()
	var r struct{ Root node }
	must(p.t, p.b.call(p.session, "DOM.getDocument", map[string]any{"depth": -1, "pierce": true}, &r))
	var found []node
	r.Root.each(func(n node) {
		if strings.EqualFold(n.NodeName, name) && strings.Contains(n.text(), text) {
			found = append(found, n)
		}
	})
	return found
}

// see waits for such an element and returns it.
func (p *tab) see(name, text string) node {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if found := p.find(name, text); len(found) > 0 {
			return found[0]
		}
	}
	p.t.Fatalf("no <%s> with %q", name, text)
	return node{}
}

// gone waits until there is no such element.
func (p *tab) gone(name, text string) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if len(p.find(name, text)) == 0 {
			return
		}
	}
	p.t.Fatalf("<%s> with %q is still there", name, text)
}

func (p *tab) click(n node) {
	p.t.Helper()
	var r struct{ Object struct{ ObjectID string } }
	must(p.t, p.b.call(p.session, "DOM.resolveNode", map[string]any{"backendNodeId": n.BackendNodeID}, &r))
	p.do("Runtime.callFunctionOn", map[string]any{"objectId": r.Object.ObjectID, "functionDeclaration": "function() { setTimeout(() => this.click()) }", "userGesture": true})
}
