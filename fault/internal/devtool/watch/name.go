package watch

import (
	"path/filepath"
	"strings"
)

// kindOfName is what a file is that an application may read from disk; "" is nothing known.
func kindOfName(name string) Kind {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".html", ".htm", ".xhtml", ".tmpl", ".tpl", ".gohtml", ".gotmpl", ".gotext", ".gotxt", ".mustache", ".hbs", ".jet", ".pongo2", ".j2":
		return Template
	case ".css":
		return Style
	case ".js", ".mjs":
		return Script
	case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg", ".ico", ".bmp", ".woff", ".woff2", ".ttf", ".otf", ".eot", ".webmanifest", ".map", ".wasm":
		return Asset
	}
	return ""
}

// compiled reports whether the go command would compile a file of this name in a package's directory.
func compiled(name string) bool {
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "_test.go") {
		return false
	}
	switch filepath.Ext(name) {
	case ".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90",
		".s", ".S", ".sx", ".swig", ".swigcxx", ".syso":
		return true
	}
	return false
}

func moduleFile(name string) bool {
	switch name {
	case "go.mod", "go.sum", "go.work", "go.work.sum":
		return true
	}
	return false
}

// temporary reports whether an editor, or a tool that saves as one, makes files of this name for itself.
func temporary(name string) bool {
	for _, prefix := range []string{".#", ".!", "#", "~$", ".goutputstream-", ".~lock.", ".__atomic", ".nfs", ".fuse_hidden"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for _, suffix := range []string{"~", ".swp", ".swo", ".swx", ".swpx", ".kate-swp", ".tmp", ".temp", ".bak", ".orig", ".rej", "___jb_tmp___", "___jb_old___", "___jb_bak___", ".crdownload", ".part"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	switch {
	case strings.Contains(name, ".sb-"): // macOS
		return true
	case strings.Contains(name, ".tmp."), strings.HasPrefix(name, ".") && strings.Contains(name, ".tmp"):
		return true
	case len(name) == 9 && strings.HasPrefix(name, "sed") && !strings.Contains(name, "."): // sed -i
		return true
	case name != "" && strings.Trim(name, "0123456789") == "": // vim's trial, 4913
		return true
	}
	return false
}

// neverEntered are directories that are no part of an application, unless something in them is named.
func neverEntered(name string) bool {
	switch name {
	case "node_modules", "bower_components", "vendor", "testdata":
		return true
	}
	return hidden(name)
}

// closed are directories that are not entered for a pattern or a directory above them.
func closed(name string) bool { return name == "node_modules" || hidden(name) }

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// ignoredBySense are directories that git would be told to ignore, where there is no git to ask.
func ignoredBySense(name string) bool {
	switch name {
	case "data", "log", "logs", "tmp", "temp", "bin", "dist":
		return true
	}
	return false
}
