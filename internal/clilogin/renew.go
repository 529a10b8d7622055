package clilogin

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// renewBefore is how long before their expiry credentials are replaced. AWS SDKs ask for new ones up
	// to 15 minutes before; the same again would make them ask at every call.
	renewBefore = 20 * time.Minute
	// leastLeft is how long credentials must still be good when new ones cannot be had.
	leastLeft = time.Minute
	// tokenLeft is how long an ID token must still be good to be sent.
	tokenLeft = time.Minute
	// renewTime bounds one renewal. It goes on when its caller is interrupted: an answer of the issuer
	// that nobody keeps would lose the sign-in.
	renewTime = time.Minute
)

// fresh reports whether credentials need no renewal.
func (k Credentials) fresh(now time.Time) bool {
	// A clock that was set back would keep expired credentials for ever.
	return k.AccessKeyID != "" && now.Before(k.RenewAt()) && !k.Issued.After(now.Add(mostSkew))
}

// good reports whether credentials can be used, if new ones cannot be had.
func (k Credentials) good(now time.Time) bool {
	return k.AccessKeyID != "" && k.Expires.Sub(now) > leastLeft
}

// RenewAt returns when Credentials gives new ones. Short-lived ones are replaced in the last third of their
// life.
func (k Credentials) RenewAt() time.Time {
	return k.Expires.Add(-min(renewBefore, k.Expires.Sub(k.Issued)/3))
}

// Credentials returns credentials of a profile, and renews what has expired. It asks no person anything.
// Errors: *SignInError if only a new sign-in helps; *MissingError, *ProfileError, *UnavailableError,
// *RefusedError, *UntrustedError.
func (c *Client) Credentials(ctx context.Context, name string) (Credentials, error) {
	p, err := c.Profile(name)
	if err != nil {
		return Credentials{}, err
	}

	// Without the lock: most calls find fresh credentials.
	s, err := c.readSignIn(ctx, p)
	if err == nil && s.Credentials.fresh(c.o.Now()) {
		return s.Credentials, nil
	}

	// While another process renews, credentials that are still good need not wait for it.
	wait, good := lockTime, err == nil && s.Credentials.good(c.o.Now())
	if good {
		wait = 0
	}
	release, err := c.lock(ctx, p.Name, wait)
	if _, busy := errors.AsType[*BusyError](err); busy && good {
		return s.Credentials, nil
	}
	if err != nil && good {
		return c.stillGood(s.Credentials, err), nil
	}
	if err != nil {
		return Credentials{}, err
	}

	defer release()

	s, err = c.readSignIn(ctx, p)
	switch {
	case errors.Is(err, errNotSignedIn) && p.Guest():
		p, s = c.withStorage(ctx, p), signIn{Binding: p.binding(), SignedIn: c.o.Now().UTC()}
	case errors.Is(err, errNotSignedIn):
		return Credentials{}, &SignInError{Profile: p.Name, Reason: errNotSignedIn.Error()}
	case err != nil:
		return Credentials{}, err
	case s.Credentials.fresh(c.o.Now()):
		return s.Credentials, nil // another process has renewed them
	}

	// Also new credentials that could not be kept are good.
	err = c.renew(ctx, p, &s)
	if err != nil && s.Credentials.good(c.o.Now()) {
		return c.stillGood(s.Credentials, err), nil
	}
	if err != nil {
		return Credentials{}, err
	}

	return s.Credentials, nil
}

// stillGood tells the person why nothing was renewed, and returns the credentials that can be used until then.
func (c *Client) stillGood(k Credentials, why error) Credentials {
	c.o.Notice("The renewal failed; the credentials are good until " + shownTime(k.Expires) + ": " + why.Error())
	return k
}

// renew gets new credentials, and a new ID token first if that has expired. It keeps each step. The
// caller holds the lock.
func (c *Client) renew(ctx context.Context, p Profile, s *signIn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTime)
	defer cancel()

	refreshed := false
	if !p.Guest() && (s.IDToken == "" || s.IDTokenExpires.Sub(c.o.Now()) < tokenLeft) {
		if err := c.refresh(ctx, p, s); err != nil {
			return err
		}
		refreshed = true
	}

	err := c.exchange(ctx, p, s)
	if refused, is := errors.AsType[*RefusedError](err); is && refused.Code == "NotAuthorizedException" &&
		!p.Guest() && !refreshed && s.RefreshToken != "" {
		// The ID token may be of a sign-in that was ended since. A new one tells.
		if err := c.refresh(ctx, p, s); err != nil {
			return err
		}
		err = c.exchange(ctx, p, s)
	}
	if err != nil {
		return err
	}

	return c.writeSignIn(ctx, p, *s)
}

// exchange trades the ID token for credentials.
func (c *Client) exchange(ctx context.Context, p Profile, s *signIn) error {
	logins := map[string]string{}
	if !p.Guest() {
		logins[p.loginKey()] = s.IDToken
	}

	known := s.IdentityID != ""
	for {
		if s.IdentityID == "" {
			id, err := c.identityID(ctx, p, logins)
			if err != nil {
				return err
			}
			s.IdentityID = id

			// A guest whose ID is lost is another guest next time.
			if err := c.writeSignIn(ctx, p, *s); err != nil {
				return err
			}
		}

		got, err := c.credentialsFor(ctx, p, s.IdentityID, logins)
		refused, is := errors.AsType[*RefusedError](err)
		if is && refused.Code == "ResourceNotFoundException" && known {
			s.IdentityID, known = "", false // the identity was deleted
			continue
		}
		if err == nil {
			s.Credentials = got
		}

		return err
	}
}

// refresh spends the refresh token for a new ID token. What is written before the request proves that
// the answer can be written too, and tells the next process if this one dies in between.
func (c *Client) refresh(ctx context.Context, p Profile, s *signIn) error {
	if s.Ended != "" {
		return &SignInError{Profile: p.Name, Reason: s.Ended}
	}
	if s.RefreshToken == "" {
		return &SignInError{Profile: p.Name, Reason: "the sign-in has expired, and the issuer gave no refresh token"}
	}

	var keys string
	var spend func() (tokens, error)
	if p.UserPool != "" {
		keys = p.issuer() + userPoolKeys
		spend = func() (tokens, error) { return c.refreshAtPool(ctx, p, *s) }
	} else {
		i, err := c.discover(ctx, p.Issuer) // before the token is spent
		if err != nil {
			return err
		}
		keys = i.Keys
		spend = func() (tokens, error) { return c.refreshAtIssuer(ctx, p, i, *s) }
	}

	interrupted := s.Refreshing
	s.Refreshing = c.o.Now().UTC()
	if err := c.writeSignIn(ctx, p, *s); err != nil {
		return err
	}

	got, err := spend()
	if err != nil {
		return c.notRefreshed(ctx, p, s, interrupted, err)
	}

	// Kept at once, however late the answer is: the former refresh token may be spent.
	keeping := context.WithoutCancel(ctx)
	if got.refresh != "" {
		s.RefreshToken = got.refresh
	}
	s.Refreshing, s.IDToken = time.Time{}, ""
	if err := c.writeSignIn(keeping, p, *s); err != nil {
		return err
	}
	if got.id == "" {
		return &SignInError{Profile: p.Name, Reason: "the sign-in has expired, and the issuer renews no ID tokens"}
	}

	claims, err := c.verify(ctx, p, keys, got.id, "")
	if err != nil {
		return err
	}
	if claims.Subject != s.Subject {
		return untrusted("the renewed ID token of %s is for another user", hostOf(p.issuer()))
	}
	s.IDToken, s.IDTokenExpires = got.id, claims.Expires

	return c.writeSignIn(ctx, p, *s)
}

// endedCodes are the errors after which a refresh token is of no use: that of RFC 6749, section 5.2, and
// those of user pools. After others, such as an error of the profile, it may still be good.
var endedCodes = map[string]bool{
	"invalid_grant":                  true,
	"NotAuthorizedException":         true,
	"UserNotFoundException":          true,
	"UserNotConfirmedException":      true,
	"PasswordResetRequiredException": true,
	"TokenRevokedException":          true,
	"RefreshTokenReuseException":     true,
}

// notRefreshed keeps the end of a sign-in, and returns the error for the caller.
func (c *Client) notRefreshed(ctx context.Context, p Profile, s *signIn, interrupted time.Time, err error) error {
	refused, is := errors.AsType[*RefusedError](err)
	if is && !endedCodes[refused.Code] {
		s.Refreshing = time.Time{} // this was an answer: the token is not spent
		return errors.Join(err, c.writeSignIn(ctx, p, *s))
	}
	if !is {
		return err
	}

	reason := fmt.Sprintf("the sign-in has ended (%s: %s)", refused.Code, refused.Message)
	if !interrupted.IsZero() {
		reason = fmt.Sprintf("the renewal at %s had no answer, and the refresh token is no longer good (%s: %s)",
			shownTime(interrupted), refused.Code, refused.Message)
	}
	s.Ended, s.Refreshing, s.RefreshToken, s.IDToken = reason, time.Time{}, "", ""
	if err := c.writeSignIn(ctx, p, *s); err != nil {
		return err
	}

	return &SignInError{Profile: p.Name, Reason: reason}
}
