package devuserpool

import (
	"context"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// SignUp adds a user, who must confirm the sign-up with a code.
func (s *Service) SignUp(ctx context.Context, in *SignUpRequest) (*SignUpResponse, error) {
	p, c, err := s.appClient(ctx, *in.ClientId)
	if err != nil {
		return nil, err
	}
	if err := c.checkSecretHash(text(in.SecretHash), *in.Username); err != nil {
		return nil, err
	}
	if config := p.Settings.AdminCreateUserConfig; config != nil && isTrue(config.AllowAdminCreateUserOnly) {
		return nil, awsapi.Refused(notAuthorized, signUpClosed.With(), "SignUp is not permitted for this user pool")
	}
	if in.Password == nil {
		return nil, missingParameter("Password")
	}
	if err := p.checkPassword(*in.Password); err != nil {
		return nil, err
	}

	for _, a := range in.UserAttributes {
		if err := c.mayWrite(*a.Name); err != nil {
			return nil, err
		}
	}

	var u User
	var sent []SentCode
	var where *CodeDeliveryDetailsType
	err = s.State.change(p.ID, func(p *Pool) error {
		var err error
		if u, err = s.newUser(p, *in.Username, in.UserAttributes, s.Now()); err != nil {
			return err
		}
		if u.Attributes["preferred_username"] != "" && slices.Contains(p.aliases(), "preferred_username") {
			return awsapi.Refused(invalidParameter, signUpName.With(),
				"Preferred username cannot be provided for unconfirmed account")
		}
		if err := s.setPassword(p, &u, *in.Password); err != nil {
			return err
		}

		u.Status = statusUnconfirmed
		if attribute := p.verifiable(u); attribute != "" {
			sent = append(sent, s.addCode(p, &u, purposeSignUp, attribute))
			where = delivery(attribute, u.Attributes[attribute])
		}
		p.put(u)

		return nil
	})
	if err != nil {
		return nil, stateError(err, p.ID)
	}

	s.signIns.succeeded(attempt{pool: p}.lockKey(u, true))
	s.show(ctx, sent...)

	return &SignUpResponse{UserConfirmed: new(false), UserSub: &u.Sub, CodeDeliveryDetails: where}, nil
}

// named has the user whom a public call names, and the client that calls.
type named struct {
	pool   *Pool
	client Client
	user   User
	exists bool // false for a user who does not exist, if the client must not tell
}

// named finds the user of a public call that names one, once the client's secret hash is verified. It has
// AWS's error for a user who does not exist, if the client may tell.
func (s *Service) named(ctx context.Context, clientID string, secretHash *string, name string) (named, error) {
	p, c, err := s.appClient(ctx, clientID)
	if err != nil {
		return named{}, err
	}
	if err := c.checkSecretHash(text(secretHash), name); err != nil {
		return named{}, err
	}

	u, exists := p.user(name)
	if !exists && !c.preventsExistenceErrors() {
		return named{}, awsapi.Refused(userNotFound, userUnknown.With(), "Username/client id combination not found.")
	}

	return named{pool: p, client: c, user: u, exists: exists}, nil
}

// hidden reports whether an answer must be as for a user who does not exist.
func (n named) hidden() bool {
	return !n.exists || !n.user.Enabled && n.client.preventsExistenceErrors()
}

// of finds a user again, in a pool as it is now.
func of(u User) func(*Pool) (User, error) {
	return func(p *Pool) (User, error) {
		now, exists := p.Users[p.key(u.Username)]
		if !exists || now.Sub != u.Sub {
			return User{}, userGone()
		}
		return now, nil
	}
}

// ConfirmSignUp confirms a user by the code, which also verifies the address that the code was sent to.
func (s *Service) ConfirmSignUp(ctx context.Context, in *ConfirmSignUpRequest) (*ConfirmSignUpResponse, error) {
	who, err := s.named(ctx, *in.ClientId, in.SecretHash, *in.Username)
	if err != nil {
		return nil, err
	}
	if who.hidden() {
		return nil, codeGone()
	}

	var refusal *awsapi.Error
	err = s.changeUser(who.pool.ID, of(who.user), func(p *Pool, now *User) error {
		if !now.Enabled {
			return userDisabled()
		}
		if now.Status != statusUnconfirmed {
			return awsapi.Refused(notAuthorized, signUpConfirmed.With("status", now.Status),
				"User cannot be confirmed. Current status is %s", now.Status)
		}

		var code Code
		code, refusal = s.checkCode(now, purposeSignUp, "", *in.ConfirmationCode)
		if refusal != nil {
			return nil
		}
		if err := s.verifyAddress(p, now, code, isTrue(in.ForceAliasCreation)); err != nil {
			return err
		}
		now.Status, now.Modified = statusConfirmed, s.Now()
		who.user = *now

		return nil
	})
	if err != nil {
		return nil, err
	}
	if refusal != nil {
		return nil, refusal
	}

	out := &ConfirmSignUpResponse{}
	if who.client.allows(flowUser) {
		one := s.step(attempt{
			pool:   who.pool,
			client: who.client,
			params: map[string]string{paramUsername: *in.Username},
		}, stepConfirmed, who.user.Username)
		one.proven = who.user.Verifier
		session, err := s.signIns.begin(one, sessionBytes)
		if err != nil {
			return nil, err
		}
		out.Session = &session
	}

	return out, nil
}

// verifyAddress marks the address that a code was sent to as verified. It is no alias of another user
// afterwards: without force that is refused, with it the other user loses the alias.
func (s *Service) verifyAddress(p *Pool, u *User, code Code, force bool) error {
	if u.Attributes[code.Attribute] != code.Destination {
		return codeGone() // the address has changed since
	}

	owner, taken := p.aliasOwner(code.Attribute, code.Destination, u.Sub)
	if taken && (!force || len(p.Settings.UsernameAttributes) > 0) {
		return awsapi.Refused(aliasExists, aliasTaken.With(), "An account with the %s already exists.", code.Attribute)
	}
	if taken {
		owner.Attributes[code.Attribute+verifiedSuffix] = "false"
		p.put(owner)
	}
	u.Attributes[code.Attribute+verifiedSuffix] = "true"

	return p.checkAliases(*u)
}

// ResendConfirmationCode sends another code that confirms a sign-up.
func (s *Service) ResendConfirmationCode(
	ctx context.Context, in *ResendConfirmationCodeRequest,
) (*ResendConfirmationCodeResponse, error) {
	who, err := s.named(ctx, *in.ClientId, in.SecretHash, *in.Username)
	if err != nil {
		return nil, err
	}
	if who.hidden() {
		return &ResendConfirmationCodeResponse{CodeDeliveryDetails: simulatedDelivery(who.pool, *in.Username)}, nil
	}

	var sent SentCode
	var where *CodeDeliveryDetailsType
	err = s.changeUser(who.pool.ID, of(who.user), func(p *Pool, u *User) error {
		attribute := p.verifiable(*u)
		switch {
		case !u.Enabled:
			return userDisabled()
		case u.Status != statusUnconfirmed:
			return awsapi.Refused(invalidParameter, signUpConfirmed.With("status", u.Status),
				"User is already confirmed.")
		case attribute == "":
			return awsapi.Refused(invalidParameter, codeAddress.With(), "Auto verification not turned on.")
		}
		sent = s.addCode(p, u, purposeSignUp, attribute)
		where = delivery(attribute, sent.Destination)

		return nil
	})
	if err != nil {
		return nil, err
	}
	s.show(ctx, sent)

	return &ResendConfirmationCodeResponse{CodeDeliveryDetails: where}, nil
}

// simulatedDelivery tells where a code went that was not sent, by the form of the name and the settings of
// the pool (developer guide, "Managing error responses").
func simulatedDelivery(p *Pool, name string) *CodeDeliveryDetailsType {
	sum := authenticated(p.secret("addresses"), []byte(p.key(name)))
	switch {
	case phoneForm.MatchString(name):
		return delivery("phone_number", name)
	case emailForm.MatchString(name):
		return delivery("email", name)
	case slices.Contains(p.Settings.AutoVerifiedAttributes, "phone_number"):
		return delivery("phone_number", "+"+simulatedDigits(sum))
	default:
		return delivery("email", string(lowercase[int(sum[0])%len(lowercase)])+"@"+
			string(lowercase[int(sum[1])%len(lowercase)]))
	}
}

// simulatedDigits returns a telephone number that only looks like one.
func simulatedDigits(sum []byte) string {
	text := make([]byte, 0, 11)
	for _, b := range sum[:cap(text)] {
		text = append(text, digits[int(b)%len(digits)])
	}
	return string(text)
}

// ForgotPassword sends a code that lets a user set a new password.
func (s *Service) ForgotPassword(ctx context.Context, in *ForgotPasswordRequest) (*ForgotPasswordResponse, error) {
	who, err := s.named(ctx, *in.ClientId, in.SecretHash, *in.Username)
	if err != nil {
		return nil, err
	}
	noAddress := who.pool.recovery(who.user) == "" && who.client.preventsExistenceErrors()
	if who.hidden() || noAddress {
		return &ForgotPasswordResponse{CodeDeliveryDetails: simulatedDelivery(who.pool, *in.Username)}, nil
	}

	var sent SentCode
	var where *CodeDeliveryDetailsType
	err = s.changeUser(who.pool.ID, of(who.user), func(p *Pool, u *User) error {
		attribute := p.recovery(*u)
		switch {
		case !u.Enabled:
			return userDisabled()
		case u.Status == statusForceChange:
			return awsapi.Refused(notAuthorized, passwordResettable.With(),
				"User password cannot be reset in the current state.")
		case slices.Equal(p.recoveryWays(), []string{recoverAdmin}):
			return awsapi.Refused(notAuthorized, passwordByAdmin.With(), "Contact administrator to reset password.")
		case attribute == "":
			return awsapi.Refused(invalidParameter, recoveryAddress.With(),
				"Cannot reset password for the user as there is no registered/verified email or phone_number")
		}
		sent = s.addCode(p, u, purposePassword, attribute)
		where = delivery(attribute, sent.Destination)

		return nil
	})
	if err != nil {
		return nil, err
	}
	s.show(ctx, sent)

	return &ForgotPasswordResponse{CodeDeliveryDetails: where}, nil
}

// ConfirmForgotPassword sets a new password by the code of ForgotPassword. A password that the policy
// refuses does not use the code up.
func (s *Service) ConfirmForgotPassword(
	ctx context.Context, in *ConfirmForgotPasswordRequest,
) (*ConfirmForgotPasswordResponse, error) {
	who, err := s.named(ctx, *in.ClientId, in.SecretHash, *in.Username)
	if err != nil {
		return nil, err
	}

	// What the password is refused for must not depend on whether the user exists.
	if err := who.pool.checkPassword(*in.Password); err != nil {
		return nil, err
	}
	if who.hidden() {
		return nil, s.refuseCode(who.pool, *in.Username)
	}

	var refusal *awsapi.Error
	err = s.changeUser(who.pool.ID, of(who.user), func(p *Pool, u *User) error {
		if !u.Enabled {
			return userDisabled()
		}
		if _, refusal = s.checkCode(u, purposePassword, "", *in.ConfirmationCode); refusal != nil {
			return nil
		}
		u.Status, u.Modified = statusConfirmed, s.Now()

		return s.setPassword(p, u, *in.Password)
	})
	if err != nil {
		return nil, err
	}
	if refusal != nil {
		return nil, refusal
	}

	s.signIns.succeeded(attempt{pool: who.pool}.lockKey(who.user, true))

	return &ConfirmForgotPasswordResponse{}, nil
}
