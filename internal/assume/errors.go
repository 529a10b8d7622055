package assume

import "errors"

// The errors of AssumeRoleForIdentity that callers distinguish with errors.Is.
var (
	// ErrDenied means that the role does not exist or does not trust the identity.
	ErrDenied = errors.New("not authorized to assume the role")
	// ErrDuration means that the session would be longer than the role allows, or too short.
	ErrDuration = errors.New("the session duration is out of range")
	// ErrUnavailable means that a remote credential engine could not be asked, or gave no usable
	// answer.
	ErrUnavailable = errors.New("the credential engine is not responding")
)
