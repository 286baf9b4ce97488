package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// shadows is everything in a tab, also what closed shadow trees and frames hold: that is where `fault run` shows things.
// The nodes are described, not asked for: that would take away those that chromedp works with.
func (b *tab) shadows() (*cdp.Node, error) {
	ctx, cancel := b.limited()
	defer cancel()
	all, yes := int64(-1), true
	return chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (*cdp.Node, error) {
		document, err := cdp.Call(ctx, t, cdpruntime.Evaluate, cdpruntime.EvaluateParams{Expression: "document"})
		if err != nil {
			return nil, err
		}
		r, err := cdp.Call(ctx, t, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: document.Result.ObjectID, Depth: &all, Pierce: &yes})
		return r.Node, err
	})
}

// eachNode calls see with n and everything in it.
func eachNode(n *cdp.Node, see func(*cdp.Node)) {
	if n == nil {
		return
	}
	see(n)
	for _, c := range slices.Concat(n.Children, n.ShadowRoots) {
		eachNode(c, see)
	}
	eachNode(n.ContentDocument, see)
}

// nodeText is what stands in a node, its spaces made one.
func nodeText(n *cdp.Node) string {
	var all strings.Builder
	eachNode(n, func(n *cdp.Node) { all.WriteString(n.NodeValue) })
	return strings.Join(strings.Fields(all.String()), " ")
}

// shown finds the first element of that name with the text in it, wherever it is.
func (b *tab) shown(element, text string) (*cdp.Node, error) {
	root, err := b.shadows()
	if err != nil {
		return nil, err
	}
	var found *cdp.Node
	eachNode(root, func(n *cdp.Node) {
		if found == nil && strings.EqualFold(n.NodeName, element) && strings.Contains(nodeText(n), text) {
			found = n
		}
	})
	return found, nil
}

// sees waits until there is such an element.
func (b *tab) sees(t *testing.T, element, text string) *cdp.Node {
	t.Helper()
	var found *cdp.Node
	soon(t, fmt.Sprintf("<%s> with %q", element, text), func() (err error) {
		if found, err = b.shown(element, text); err == nil && found == nil {
			err = fmt.Errorf("it is not on the page, which says: %s", b.everything())
		}
		return err
	})
	return found
}

// seesNo waits until there is no such element.
func (b *tab) seesNo(t *testing.T, element, text string) {
	t.Helper()
	soon(t, fmt.Sprintf("no <%s> with %q", element, text), func() error {
		found, err := b.shown(element, text)
		if err == nil && found != nil {
			err = errors.New("it is on the page")
		}
		return err
	})
}

// everything is all text in the tab, for messages.
func (b *tab) everything() string {
	root, err := b.shadows()
	if err != nil {
		return err.Error()
	}
	return tail(nodeText(root))
}

// clicks clicks such an element.
func (b *tab) clicks(t *testing.T, element, text string) {
	t.Helper()
	gesture := true
	soon(t, fmt.Sprintf("a click on <%s> with %q", element, text), func() error {
		n, err := b.shown(element, text)
		if err == nil && n == nil {
			err = fmt.Errorf("it is not on the page, which says: %s", b.everything())
		}
		if err != nil {
			return err
		}
		ctx, cancel := b.limited()
		defer cancel()
		return chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			r, err := cdp.Call(ctx, target, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: n.BackendNodeID})
			if err != nil {
				return err // the page, or the frame, was loaded again in between
			}
			// The click comes after the answer: it may lead to another page.
			_, err = cdp.Call(ctx, target, cdpruntime.CallFunctionOn, cdpruntime.CallFunctionOnParams{
				ObjectID: r.Object.ObjectID, FunctionDeclaration: "function() { setTimeout(() => this.click()) }", UserGesture: &gesture})
			return err
		}))
	})
}

// mark makes the page tell itself from the one that it is after a reload.
func (b *tab) mark() {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void]("window.markOfTheTest = true, undefined"))
}

// marked tells whether the page is still the one that was marked, and what an expression is in it: both at one moment.
// The error says that the page was being exchanged just then.
func (b *tab) marked(expression string) (marked bool, v string, err error) {
	ctx, cancel := b.limited()
	defer cancel()
	both, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.readyState !== 'loading' ? (window.markOfTheTest ? '1' : '0') + String("+expression+") : ''"))
	if err == nil && both == "" {
		err = errors.New("the page is loading")
	}
	if err != nil {
		return false, "", err
	}
	return both[0] == '1', both[1:], nil
}

// reloaded waits until the page is another than the marked one, and returns what an expression is in it then, the first
// time that can be told.
func (b *tab) reloaded(t *testing.T, expression string) string {
	t.Helper()
	var said string
	soon(t, "a reload", func() error {
		marked, v, err := b.marked(expression)
		if err == nil && marked {
			err = errors.New("the page is still the same: " + v)
		}
		said = v
		return err
	})
	return said
}

// stays ends the test if the page is another than the marked one.
func (b *tab) stays(t *testing.T) {
	t.Helper()
	if marked, _, err := b.marked("''"); err != nil || !marked {
		t.Fatalf("the page was loaded again (%v): %s", err, b.describe())
	}
}
