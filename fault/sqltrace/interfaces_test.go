package sqltrace_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each interface that a driver may implement is thought of: one that a later version of Go adds would be hidden by the wrapper.
func TestKnownInterfaces(t *testing.T) {
	t.Parallel()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(root)), "src/database/sql/driver/driver.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if _, ok := spec.Type.(*ast.InterfaceType); ok {
				found = append(found, spec.Name.Name)
			}
		}
		return true
	})
	known := strings.Fields(`Driver DriverContext Connector Conn ConnPrepareContext ConnBeginTx Pinger Execer ExecerContext Queryer QueryerContext
		SessionResetter Validator NamedValueChecker Stmt StmtExecContext StmtQueryContext ColumnConverter Tx Result Rows RowsNextResultSet
		RowsColumnTypeScanType RowsColumnTypeDatabaseTypeName RowsColumnTypeLength RowsColumnTypeNullable RowsColumnTypePrecisionScale`)
	for _, name := range found {
		if !slices.Contains(known, name) {
			t.Errorf("driver.%s is an interface that the wrapper may hide", name)
		}
	}
	if len(found) < len(known)-1 {
		t.Errorf("only %d interfaces were found: %v", len(found), found)
	}
}
