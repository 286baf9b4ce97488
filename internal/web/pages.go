package web

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"reflect"
	"sync/atomic"
	"text/template/parse"
	"time"

	"example.org/microblog/fault/live"
)

//go:embed templates static
var embedded embed.FS

// PagesOptions says where the pages come from. The zero value is what a released binary uses.
type PagesOptions struct {
	// FS holds the folders templates and static. Nil means the files built into the binary, which in
	// development are read from disk again whenever they change.
	FS fs.FS
	// Now tells the time that relative times count from. Nil means time.Now.
	Now func() time.Time
}

// Pages turns page structs into HTML and serves the static files they refer to.
// It is safe for concurrent use. Only in development does it change after NewPages.
type Pages struct {
	now  func() time.Time
	live bool // the files may change
	set  atomic.Pointer[pageSet]
}

// pageSet is what was made of one state of the files. It does not change.
type pageSet struct {
	templates map[reflect.Type]*template.Template
	assets    *assets

	blankLogin, blankRegister blankForm
}

// pageTemplate joins a page struct to the template that shows it.
type pageTemplate struct {
	page any
	file string
}

func pageTemplates() []pageTemplate {
	return []pageTemplate{
		{HomePage{}, "home.html"},
		{ExplorePage{}, "explore.html"},
		{ProfilePage{}, "profile.html"},
		{PeoplePage{}, "people.html"},
		{PostPage{}, "post.html"},
		{LoginPage{}, "login.html"},
		{RegisterPage{}, "register.html"},
		{EditProfilePage{}, "edit_profile.html"},
		{AccountPage{}, "account.html"},
		{LogoutPage{}, "logout.html"},
		{DeletePostPage{}, "delete_post.html"},
		{DrillPage{}, "drill.html"},
		{FramePage{}, "frame.html"},
		{ErrorPage{}, "error.html"},
	}
}

// NewPages reads and parses every template and static file once. Each template is tried on an
// empty page, so that a mistake in one is an error here and not in front of a visitor.
func NewPages(o PagesOptions) (*Pages, error) {
	p := &Pages{now: o.Now}
	if p.now == nil {
		p.now = time.Now
	}
	load := func() error { return p.load(o.FS) }
	if o.FS == nil {
		files := live.Files(embedded)
		p.live = files.FromDisk()
		load = func() error { return files.Load(p.load) }
	}
	if err := load(); err != nil {
		return nil, err
	}
	return p, nil
}

// load puts the files in use, if there is no mistake in them.
func (p *Pages) load(fsys fs.FS) error {
	set, err := newPageSet(fsys, p.now)
	if err != nil {
		return err
	}
	p.set.Store(set)
	return nil
}

func newPageSet(fsys fs.FS, now func() time.Time) (*pageSet, error) {
	files, err := loadAssets(fsys)
	if err != nil {
		return nil, err
	}
	p := &pageSet{templates: map[reflect.Type]*template.Template{}, assets: files}
	set, err := template.New("").Funcs(template.FuncMap{
		"asset": files.url,
		"when":  func(t time.Time) template.HTML { return relativeTime(t, now()) },
		"date":  calendarDate,
		"body":  postBody,
		"posts": func(list []PostItem) template.HTML { return articles(list, false, now()) },
		"own":   func(list []PostItem) template.HTML { return articles(list, true, now()) },
		"count": count,
	}).ParseFS(fsys, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parsing the page templates: %w", err)
	}
	for _, t := range set.Templates() {
		if t.Tree == nil {
			continue
		}
		if err := foldAssets(t.Tree, t.Tree.Root, files); err != nil {
			return nil, err
		}
	}
	for _, known := range pageTemplates() {
		t := set.Lookup(known.file)
		if t == nil {
			return nil, fmt.Errorf("the page template %s is missing", known.file)
		}
		p.templates[reflect.TypeOf(known.page)] = t
		if err := p.render(io.Discard, known.page); err != nil {
			return nil, err
		}
	}
	if p.blankLogin, err = p.newBlankForm(&LoginPage{Layout: Layout{Title: titleLogin, Path: "/login"}}); err != nil {
		return nil, err
	}
	p.blankRegister, err = p.newBlankForm(&RegisterPage{Layout: Layout{Title: titleRegister, Path: "/register"}})
	return p, err
}

// Render writes the page as HTML. The page is one of the structs of this package whose names end
// in Page, or a pointer to one. Output is written in many small pieces and may be incomplete when
// the error is not nil, so w should be a buffer.
func (p *Pages) Render(w io.Writer, page any) error { return p.set.Load().render(w, page) }

func (p *pageSet) render(w io.Writer, page any) error {
	v := reflect.ValueOf(page)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return fmt.Errorf("rendering a page: no page was given (%T)", page)
	}
	t := p.templates[v.Type()]
	if t == nil {
		return fmt.Errorf("rendering a page: there is no template for %T", page)
	}
	if err := t.Execute(w, v); err != nil {
		return fmt.Errorf("rendering a page: %w", err)
	}
	return nil
}

// foldAssets replaces {{asset "name"}} by the address it stands for: the addresses never change
// while the templates live, and a name that does not exist is found at start.
func foldAssets(tree *parse.Tree, n parse.Node, files *assets) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for i, child := range n.Nodes {
			if name, ok := assetName(child); ok {
				url, err := files.url(name)
				if err != nil {
					place, _ := tree.ErrorContext(child)
					return fmt.Errorf("template: %s: %w", place, err)
				}
				n.Nodes[i] = &parse.TextNode{NodeType: parse.NodeText, Pos: child.Position(), Text: []byte(url)}
				continue
			}
			if err := foldAssets(tree, child, files); err != nil {
				return err
			}
		}
	case *parse.IfNode:
		return foldBranches(tree, &n.BranchNode, files)
	case *parse.WithNode:
		return foldBranches(tree, &n.BranchNode, files)
	case *parse.RangeNode:
		return foldBranches(tree, &n.BranchNode, files)
	}
	return nil
}

func foldBranches(tree *parse.Tree, n *parse.BranchNode, files *assets) error {
	if err := foldAssets(tree, n.List, files); err != nil {
		return err
	}
	return foldAssets(tree, n.ElseList, files)
}

// assetName gives "name" for the action {{asset "name"}}.
func assetName(n parse.Node) (string, bool) {
	action, ok := n.(*parse.ActionNode)
	if !ok || len(action.Pipe.Cmds) != 1 || len(action.Pipe.Cmds[0].Args) != 2 {
		return "", false
	}
	fn, ok := action.Pipe.Cmds[0].Args[0].(*parse.IdentifierNode)
	if !ok || fn.Ident != "asset" {
		return "", false
	}
	name, ok := action.Pipe.Cmds[0].Args[1].(*parse.StringNode)
	if !ok {
		return "", false
	}
	return name.Text, true
}
