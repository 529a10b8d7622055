package clilogin

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/oauth2"
)

// LoginOptions configure one login beside its profile.
type LoginOptions struct {
	ClientSecret string // "" = that of the former sign-in, or none
}

// Login signs a person in, keeps the profile and a new sign-in, and gets credentials, so that a pool
// that refuses the login is noticed at once. The one before is kept if this one fails, and
// replaced if it succeeds.
func (c *Client) Login(ctx context.Context, p Profile, o LoginOptions) error {
	if err := p.Validate(); err != nil {
		return err
	}

	p = c.withStorage(ctx, p)
	s := signIn{Binding: p.binding(), ClientSecret: o.ClientSecret}
	former, err := c.readSignIn(ctx, p)
	if err == nil && s.ClientSecret == "" {
		s.ClientSecret = former.ClientSecret
	}

	// Nobody holds the lock while a person signs in: other processes go on with the former sign-in.
	var got tokens
	if !p.Guest() {
		if got, err = c.authenticate(ctx, p, &s); err != nil {
			return err
		}
	}

	release, err := c.lock(ctx, p.Name, lockTime)
	if err != nil {
		return err
	}
	defer release()

	before, hasBefore := c.loginOf(ctx, p.Name)
	if former, err := c.readSignIn(ctx, p); err == nil && former.Subject == s.Subject {
		s.IdentityID = former.IdentityID // a guest stays who it is
	}
	s.SignedIn, s.IDToken, s.RefreshToken = c.o.Now().UTC(), got.id, got.refresh
	if err := c.keepProfile(p); err != nil {
		return err
	}
	err = c.writeSignIn(ctx, p, s)
	if err == nil {
		err = c.renew(ctx, p, &s)
	}
	if err != nil && hasBefore && !c.keepsNew(err, before.profile, p) {
		return errors.Join(err, c.restore(ctx, before))
	}

	if err == nil && p.Storage == StorageFile {
		_ = c.deleteKeyringKey(ctx, p.Name) // of a time when the storage was the keyring
	}

	return err
}

// login is a profile with its sign-in.
type login struct {
	profile Profile
	signIn  signIn
}

// loginOf returns the login of a profile that works, as far as this machine knows.
func (c *Client) loginOf(ctx context.Context, name string) (login, bool) {
	p, err := c.Profile(name)
	if err != nil {
		return login{}, false
	}
	s, err := c.readSignIn(ctx, p)

	return login{profile: p, signIn: s}, err == nil && s.Ended == ""
}

// keepsNew reports whether a new login that got no credentials is kept: a server of the same profile could not
// be asked, and may accept it later.
func (c *Client) keepsNew(err error, before, p Profile) bool {
	_, unavailable := errors.AsType[*UnavailableError](err)
	return unavailable && before.binding() == p.binding() && before.RoleARN == p.RoleARN
}

// restore brings a former login back after one that was refused.
func (c *Client) restore(ctx context.Context, before login) error {
	ctx = context.WithoutCancel(ctx)
	err := errors.Join(c.keepProfile(before.profile), c.writeSignIn(ctx, before.profile, before.signIn))
	if err != nil {
		return err
	}
	c.o.Notice("The profile " + before.profile.Name + " keeps its former login.")

	return nil
}

// authenticate gets tokens of a person, and proves the ID token.
func (c *Client) authenticate(ctx context.Context, p Profile, s *signIn) (tokens, error) {
	var got tokens
	var nonce, keys string
	var err error
	if p.UserPool != "" {
		keys = p.issuer() + userPoolKeys
		got, err = c.passwordFlow(ctx, p, s.ClientSecret)
	} else {
		var i issuer
		if i, err = c.discover(ctx, p.Issuer); err != nil {
			return tokens{}, err
		}
		keys = i.Keys

		switch c.flowAt(p, i) {
		case FlowDevice:
			got, err = c.deviceFlow(ctx, p, i, s.ClientSecret)
		default:
			got, nonce, err = c.browserFlow(ctx, p, i, s.ClientSecret)
		}
	}
	if err != nil {
		return tokens{}, err
	}
	if got.id == "" {
		return tokens{}, untrusted("%s gives no ID token: is the scope openid allowed for the client?",
			hostOf(p.issuer()))
	}

	claims, err := c.verify(ctx, p, keys, got.id, nonce)
	if err != nil {
		return tokens{}, err
	}
	s.Subject, s.IDTokenExpires = claims.Subject, claims.Expires

	return got, nil
}

// flowAt chooses the flow of a login if the profile does not tell it. A person who opens the address has a
// browser here: the device flow is for machines without one.
func (c *Client) flowAt(p Profile, i issuer) Flow {
	noBrowser := c.o.Open == nil && !c.o.PrintOnly
	switch {
	case p.Flow != "":
		return p.Flow
	case noBrowser && i.Device != "", i.Authorization == "":
		return FlowDevice
	default:
		return FlowBrowser
	}
}

// refreshAtIssuer spends a refresh token at a token endpoint.
func (c *Client) refreshAtIssuer(ctx context.Context, p Profile, i issuer, s signIn) (tokens, error) {
	spent := &oauth2.Token{RefreshToken: s.RefreshToken}
	token, err := p.oauth(i, s.ClientSecret, "").TokenSource(c.withWeb(ctx), spent).Token()
	if err != nil {
		return tokens{}, tokenError(i.Token, err)
	}

	return tokensOf(token), nil
}

// withStorage chooses where secrets are kept if the profile does not tell.
func (c *Client) withStorage(ctx context.Context, p Profile) Profile {
	if p.Storage != "" {
		return p
	}
	p.Storage = StorageFile
	if c.keyringWorks(ctx) {
		p.Storage = StorageKeyring
	}

	return p
}

// Logout ends the sign-in of a profile at its issuer, where that can be, and forgets it, also if nobody can
// read it any more. With remove it forgets the profile too. unrevoked tells why the issuer was not told; nil =
// it was, or needed not.
func (c *Client) Logout(ctx context.Context, name string, remove bool) (unrevoked, err error) {
	p, profileErr := c.Profile(name)
	if !profileName.MatchString(name) {
		return nil, profileErr
	}
	if _, missing := errors.AsType[*MissingError](profileErr); missing {
		if _, err := os.Stat(c.signInFolder(name)); err != nil {
			return nil, profileErr
		}
	}

	release, err := c.lock(ctx, name, lockTime)
	if err != nil {
		return nil, err
	}
	defer release()

	unrevoked = profileErr
	if profileErr == nil {
		unrevoked = c.endAtIssuer(ctx, p)
	}

	err = errors.Join(c.removeSignIn(name), c.deleteKeyringKey(ctx, name))
	if remove {
		err = errors.Join(err, c.removeProfile(name))
	}

	return unrevoked, err
}

// endAtIssuer revokes the refresh token of a profile, if it has one.
func (c *Client) endAtIssuer(ctx context.Context, p Profile) error {
	s, err := c.readSignIn(ctx, p)
	if errors.Is(err, errNotSignedIn) {
		return nil
	}
	if err != nil || s.RefreshToken == "" {
		return err
	}

	told, err := c.revoke(ctx, p, s)
	if err == nil && !told {
		err = errors.New("it has no revocation endpoint")
	}

	return err
}

func (c *Client) removeProfile(name string) error {
	err := os.Remove(c.profilePath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Status tells who a profile is.
type Status struct {
	Profile      string    `json:"profile"`
	Endpoint     string    `json:"endpoint"`
	IdentityPool string    `json:"identity_pool"`
	Issuer       string    `json:"issuer,omitempty"`
	Subject      string    `json:"subject,omitempty"`
	IdentityID   string    `json:"identity_id,omitempty"`
	RoleARN      string    `json:"role_arn,omitempty"` // of the role session
	Expires      time.Time `json:"expires,omitzero"`   // of the credentials
	Renewable    bool      `json:"renewable"`          // without a person
	SignedIn     time.Time `json:"signed_in,omitzero"`
	Ended        string    `json:"ended,omitempty"` // why the sign-in is of no use
	Storage      Storage   `json:"storage,omitempty"`
}

// Status returns what is known about a profile without asking anybody. Errors as those of Credentials:
// the status has what is known then.
func (c *Client) Status(ctx context.Context, name string) (Status, error) {
	p, err := c.Profile(name)
	if err != nil {
		return Status{}, err
	}

	status := Status{
		Profile:      p.Name,
		Endpoint:     p.Endpoint,
		IdentityPool: p.IdentityPool,
		Issuer:       p.issuer(),
		Storage:      p.Storage,
	}

	s, err := c.readSignIn(ctx, p)
	if errors.Is(err, errNotSignedIn) {
		if p.Guest() {
			return status, nil
		}
		return status, &SignInError{Profile: p.Name, Reason: errNotSignedIn.Error()}
	}
	if err != nil {
		return status, err
	}

	status.Subject, status.IdentityID, status.SignedIn = s.Subject, s.IdentityID, s.SignedIn
	status.Ended = s.Ended
	status.Expires, status.Renewable = s.Credentials.Expires, p.Guest() || s.RefreshToken != ""

	return status, nil
}

// Whoami is Status with credentials, which it renews if need be, and the role that they have at STS.
func (c *Client) Whoami(ctx context.Context, name string) (Status, error) {
	got, renewErr := c.Credentials(ctx, name)
	status, err := c.Status(ctx, name)
	if err != nil || renewErr != nil {
		return status, cmp.Or(renewErr, err)
	}

	p, err := c.Profile(name)
	if err != nil {
		return status, err
	}
	status.RoleARN, err = c.callerARN(ctx, p, got)

	return status, err
}
