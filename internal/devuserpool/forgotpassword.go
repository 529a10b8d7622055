package devuserpool

import (
	"context"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// ForgotPassword sends a code that lets a user set a new password.
func (s *Service) ForgotPassword(ctx context.Context, in *ForgotPasswordRequest) (*ForgotPasswordResponse, error) {
	who, err := s.named(ctx, *in.ClientId, in.SecretHash, *in.Username)
	if err != nil {
		return nil, err
	}

	where, err := s.sendCode(ctx, who, purposePassword, func(p *Pool, u User) (string, error) {
		attribute := p.recovery(u)
		switch {
		case u.Status == statusForceChange:
			return "", awsapi.Refused(notAuthorized, passwordResettable.With(),
				"User password cannot be reset in the current state.")
		case slices.Equal(p.recoveryWays(), []string{recoverAdmin}):
			return "", awsapi.Refused(notAuthorized, passwordByAdmin.With(), "Contact administrator to reset password.")
		case attribute == "":
			return "", awsapi.Refused(invalidParameter, recoveryAddress.With(),
				"Cannot reset password for the user as there is no registered/verified email or phone_number")
		default:
			return attribute, nil
		}
	})
	if err != nil {
		return nil, err
	}

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

	err = s.changeUser(who.pool.ID, of(who.user), func(p *Pool, u *User) error {
		if !u.Enabled {
			return userDisabled()
		}
		hides := who.client.preventsExistenceErrors()
		code, err := s.checkCode(p, u, purposePassword, "", *in.ConfirmationCode, hides)
		if err != nil {
			return err
		}
		if u.Status == statusForceChange || !p.recovers(*u, code) {
			return codeGone() // what the code was sent for has changed since
		}
		u.Status, u.Modified = statusConfirmed, s.Now()

		return s.setPassword(p, u, *in.Password)
	})
	if err != nil {
		return nil, err
	}
	s.lockouts.succeeded(attempt{pool: who.pool}.lockKey(who.user, true))

	return &ConfirmForgotPasswordResponse{}, nil
}
