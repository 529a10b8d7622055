package awsapi

import (
	"context"
	"errors"
	"net/http"
)

// Authorize decides whether a caller has a permission, as Gate.Authorize does.
type Authorize func(ctx context.Context, caller Caller, needed Access) error

// inProcess is the Gate of a call by another operation, whose caller is known.
type inProcess Authorize

func (inProcess) Authenticate(*http.Request, []byte, string) (Caller, error) {
	return Caller{}, errors.New("a call in this process has no request to authenticate")
}

func (a inProcess) Authorize(ctx context.Context, caller Caller, needed Access) error {
	return a(ctx, caller, needed)
}

// Call carries out a signed operation for another operation and its caller. It decodes and validates
// body, in JSON, and asks for the permissions, as for a call over the network. It returns
// the operation's output, nil if that is empty, or the error as the operation returns it.
func (o Operation) Call(ctx context.Context, caller Caller, authorize Authorize, body []byte) (any, error) {
	if !o.Signed() {
		return nil, errors.New(o.name + " needs no caller")
	}

	c := &call{
		Service:  &Service{gate: inProcess(authorize)},
		protocol: jsonProtocol,
		api:      nobody,
		op:       &o,
		body:     body,
		caller:   caller,
	}

	return o.serve(ctx, c)
}
