//go:build !faultdev

package fault

// development is what a Catcher does more in a development build, one with the build tag faultdev: in
// every other one, nothing.
type development struct{}

// asked is what a development build knows more of a request.
type asked struct{}

func (development) open(*Catcher)                       {}
func (development) begin(*state) asked                  { return asked{} }
func (development) failed(asked, *Failure)              {}
func (development) reported(*Failure)                   {}
func (development) answered(asked, *Failure, int, bool) {}
