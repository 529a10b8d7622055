package assume

import "errors"

// The errors of AssumeRoleForIdentity that callers tell apart with errors.Is.
var (
	// ErrDenied: the role does not exist or does not trust the identity.
	ErrDenied = errors.New("not authorized to assume the role")
	// ErrDuration: the role does not allow sessions that long, or none are that short.
	ErrDuration = errors.New("the session duration is out of range")
	// ErrUnavailable: a credential engine outside could not be asked, or gave no
	// answer of use.
	ErrUnavailable = errors.New("the credential engine is not responding")
)
