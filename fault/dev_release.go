//go:build !faultdev

package fault

// development is what a Catcher does more in a development build, one with the build tag faultdev: in
// every other one, nothing.
type development struct{}

// asked is what a development build knows more of a request.
type asked struct{}

func (development) open(*Catcher)                   {}
func (development) begin(*state) asked              { return asked{} }
func (development) end(asked)                       {}
func (asked) enter() bool                           { return true }
func (asked) leave()                                {}
func (asked) lost() bool                            { return false }
func (development) task(*Catcher) asked             { return asked{} }
func (development) here() asked                     { return asked{} }
func (development) panicked(asked, any)             {}
func (development) freeze(asked, event)             {}
func (development) failed(asked, event, *Failure)   {}
func (development) reported(asked, event, *Failure) {}
func (development) answered(asked, func() *Failure) {}
