package debugger

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"reflect"
)

// What follows is the part of Delve's JSON-RPC interface, version 2, that is used here. Names and meanings
// are Delve's: its Documentation/api/json-rpc and service/rpc2.

type (
	wireVariable struct {
		Name       string
		Addr       uint64
		OnlyAddr   bool   // it has not been loaded
		Type       string // with the import path
		RealType   string
		Flags      wireFlags
		Kind       reflect.Kind
		Value      string
		StringData []byte `json:"StringValueBytes"` // in place of Value where that is no valid UTF-8
		Len, Cap   int64
		Children   []wireVariable
		Base       uint64
		Unreadable string
		DeclLine   int64
		// LocationExpr says where a variable of a frame lies, in terms of DWARF.
		LocationExpr string

		made bool // by a conversion, here: it lies nowhere, and is not nil
	}
	wireFlags uint16

	loadConfig struct {
		FollowPointers     bool
		MaxVariableRecurse int
		MaxStringLen       int
		MaxArrayValues     int
		MaxStructFields    int
	}
	evalScope struct {
		GoroutineID int64
		Frame       int
	}
	wireLocation struct {
		PC       uint64
		File     string
		Line     int
		Function *struct {
			Name      string
			Value     uint64 // where it begins
			Optimized bool
		}
	}
	wireFrame struct {
		wireLocation
		Locals, Arguments []wireVariable
		FrameOffset       int64
		Bottom            bool
		Err               string
	}
	wireThread struct {
		ID           int
		GoroutineID  int64
		ReturnValues []wireVariable
		CallReturn   bool
	}
	wireGoroutine struct {
		ID                                                   int64
		CurrentLoc, UserCurrentLoc, GoStatementLoc, StartLoc wireLocation
		ThreadID                                             int
		Status                                               uint64
		WaitSince, WaitReason                                int64
		Unreadable                                           string
		Labels                                               map[string]string
	}
	wireState struct {
		Running           bool
		CurrentThread     *wireThread
		SelectedGoroutine *wireGoroutine `json:"currentGoroutine"`
		Threads           []*wireThread
		Exited            bool `json:"exited"`
		ExitStatus        int  `json:"exitStatus"`
		Err               any
	}
)

const (
	flagEscaped wireFlags = 1 << iota
	flagShadowed
	flagConstant
	flagArgument
	flagResult
	flagFakeAddress
	flagCPointer
	flagRegister
)

// text is the value of a string.
func (v *wireVariable) text() string {
	if len(v.StringData) > 0 {
		return string(v.StringData)
	}
	return v.Value
}

// wire is a connection to Delve.
type wire struct{ client *rpc.Client }

func newWire(conn net.Conn) *wire { return &wire{jsonrpc.NewClient(conn)} }

func (w *wire) close() { _ = w.client.Close() } // It is closed at the other end.

// call waits for an answer; one that comes after the end of ctx is dropped.
func (w *wire) call(ctx context.Context, method string, in, out any) error {
	call := w.client.Go("RPCServer."+method, in, out, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refused reports whether err is Delve's own answer, and not one of the connection.
func refused(err error) (text string, ok bool) {
	var answer rpc.ServerError
	if errors.As(err, &answer) {
		return string(answer), true
	}
	return "", false
}

func get[Out any](ctx context.Context, w *wire, method string, in any) (*Out, error) {
	// Decoded only here: an answer that comes too late writes to raw, which nobody else has.
	raw := new(json.RawMessage)
	if err := w.call(ctx, method, in, raw); err != nil {
		return nil, err
	}
	out := new(Out)
	if err := json.Unmarshal(*raw, out); err != nil {
		return nil, err
	}
	return out, nil
}
