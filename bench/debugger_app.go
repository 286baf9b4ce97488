package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The application whose failures are looked at, with the kit and with Flask. Its order 7 fails, in the sixth of six calls.
//
//go:embed testdata/orders testdata/orders.py
var ordersFiles embed.FS

const (
	ordersModule = "example.org/orders"
	kitModule    = "example.org/microblog/fault"

	cheapPath = "/ok"
	listPath  = "/orders"
	billPath  = "/bill/7"
	cheapText = "ok"

	// looked is the function that is looked at, in words that stand for it with the kit and with Flask.
	looked = "shop.costOf"
)

// question is an expression as it is asked in Go and in Python, and what it is then.
type question struct {
	expression, python string
	call               bool
	value, pythonValue string
}

var (
	askedExpression = question{expression: "len(order.Lines) > 3", value: "true", python: "len(order.lines) > 3", pythonValue: "True"}
	askedCall       = question{expression: "order.Total()", call: true, value: "2100", python: "order.total()", pythonValue: "2100"}
)

// writeOrders makes the application in dir, which must not exist yet, with the kit whose directory is given.
func writeOrders(dir, kit string) error {
	files, err := fs.Sub(ordersFiles, "testdata/orders")
	if err != nil {
		return fmt.Errorf("writing the application: %w", err)
	}
	if err := os.CopyFS(dir, files); err != nil {
		return fmt.Errorf("writing the application: %w", err)
	}
	if err := writeLeash(dir); err != nil {
		return err
	}
	// The kit's own requirements, with their sums, are all that the application has: nothing has to be resolved.
	requirements, err := os.ReadFile(filepath.Join(kit, "go.mod"))
	if err != nil {
		return fmt.Errorf("reading the kit's requirements (run this from inside the repository): %w", err)
	}
	sums, err := os.ReadFile(filepath.Join(kit, "go.sum"))
	if err != nil {
		return fmt.Errorf("reading the kit's requirements: %w", err)
	}
	module, found := strings.CutPrefix(string(requirements), "module "+kitModule+"\n")
	if !found {
		return fmt.Errorf("%s is not the go.mod of %s", filepath.Join(kit, "go.mod"), kitModule)
	}
	module = fmt.Sprintf("module %s\n%s\nrequire %s v0.0.0\n\nreplace %s => %s\n", ordersModule, module, kitModule, kitModule, strconv.Quote(filepath.ToSlash(kit)))
	for name, content := range map[string][]byte{"go.mod": []byte(module), "go.sum": sums} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			return fmt.Errorf("writing the application: %w", err)
		}
	}
	return nil
}

// touchOrders saves a file of the application with a text that it has not had before.
func touchOrders(dir, text string) error {
	content, err := ordersFiles.ReadFile("testdata/orders/main.go")
	if err != nil {
		return fmt.Errorf("saving: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), fmt.Appendf(content, "\n// %s\n", text), 0o666); err != nil {
		return fmt.Errorf("saving: %w", err)
	}
	return nil
}
