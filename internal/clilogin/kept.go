package clilogin

import (
	"context"
	"errors"
)

// Kept returns the credentials of a profile as they are, without asking a server or waiting for another
// process. They are good for more than a minute. With fresh, Credentials would not renew them. Errors:
// *ExpiredError; *SignInError if nobody is signed in, or the sign-in cannot be used; *MissingError,
// *ProfileError.
func (c *Client) Kept(ctx context.Context, name string) (kept Credentials, fresh bool, err error) {
	p, err := c.Profile(name)
	if err != nil {
		return Credentials{}, false, err
	}
	s, err := c.readSignIn(ctx, p)
	if errors.Is(err, errNotSignedIn) {
		err = &SignInError{Profile: p.Name, Reason: errNotSignedIn.Error()}
	}
	if err != nil {
		return Credentials{}, false, err
	}

	now := c.o.Now()
	if s.Credentials.AccessKeyID == "" || s.Credentials.Expires.Sub(now) <= leastLeft {
		return Credentials{}, false, &ExpiredError{Profile: p.Name}
	}

	return s.Credentials, s.Credentials.fresh(now), nil
}

// ExpiredError means that no credentials of a profile are kept that are still good.
type ExpiredError struct{ Profile string }

func (e *ExpiredError) Error() string {
	return "profile " + e.Profile + ": no good credentials are kept"
}
