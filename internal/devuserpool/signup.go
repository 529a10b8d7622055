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

	if p.bytes > maxSignUpBytes {
		return nil, tooMany("bytes of a user pool in which users sign up", maxSignUpBytes)
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

	s.lockouts.succeeded(attempt{pool: p}.lockKey(u, true))
	s.show(ctx, sent...)

	return &SignUpResponse{UserConfirmed: new(false), UserSub: &u.Sub, CodeDeliveryDetails: where}, nil
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

	err = s.changeUser(who.pool.ID, of(who.user), func(p *Pool, now *User) error {
		if !now.Enabled {
			return userDisabled()
		}
		if now.Status != statusUnconfirmed {
			return awsapi.Refused(notAuthorized, signUpConfirmed.With("status", now.Status),
				"User cannot be confirmed. Current status is %s", now.Status)
		}

		code, err := s.checkCode(p, now, purposeSignUp, "", *in.ConfirmationCode, false)
		if err != nil {
			return err
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

	out := &ConfirmSignUpResponse{}
	if who.client.allows(flowUser) {
		one := s.newChallenge(attempt{
			pool:   who.pool,
			client: who.client,
			params: map[string]string{paramUsername: *in.Username},
		}, challengeConfirmed, who.user.Username)
		one.verifier = who.user.Verifier
		out.Session = new(s.challenges.begin(one, sessionBytes))
	}

	return out, nil
}

// verifyAddress marks the address that a code was sent to as verified. It is no alias of another user
// afterwards: without force that is refused, with it the other user loses the alias.
func (s *Service) verifyAddress(p *Pool, u *User, code Code, force bool) error {
	if u.Attributes[code.Attribute] != code.Destination {
		return codeGone() // the address has changed since
	}

	_, taken := p.aliasOwner(code.Attribute, code.Destination, u.Sub)
	if taken && (!force || len(p.Settings.UsernameAttributes) > 0) {
		return awsapi.Refused(aliasExists, aliasTaken.With(), "An account with the %s already exists.", code.Attribute)
	}
	if force {
		p.takeAlias(code.Attribute, code.Destination, u.Sub)
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

	where, err := s.sendCode(ctx, who, purposeSignUp, func(p *Pool, u User) (string, error) {
		attribute := p.verifiable(u)
		switch {
		case u.Status != statusUnconfirmed:
			return "", awsapi.Refused(invalidParameter, signUpConfirmed.With("status", u.Status),
				"User is already confirmed.")
		case attribute == "":
			return "", awsapi.Refused(invalidParameter, codeAddress.With(), "Auto verification not turned on.")
		default:
			return attribute, nil
		}
	})
	if err != nil {
		return nil, err
	}

	return &ResendConfirmationCodeResponse{CodeDeliveryDetails: where}, nil
}
