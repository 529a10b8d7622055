package devuserpool

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// AdminCreateUser makes a user with a temporary password, which the developer is shown in place of the
// invitation, or with MessageAction RESEND makes another one for a user who has not signed in.
func (s *Service) AdminCreateUser(
	ctx context.Context, c awsapi.Caller, in *AdminCreateUserRequest,
) (*AdminCreateUserResponse, error) {
	var u User
	var key failing
	var sent []SentCode
	err := s.changeCallerPool(ctx, c, *in.UserPoolId, func(p *Pool) (err error) {
		if isValue(in.MessageAction, "RESEND") {
			u, err = p.invited(*in.Username)
		} else {
			u, err = s.created(p, in)
		}
		if err != nil {
			return err
		}

		sent, err = s.invite(p, &u, in)
		key = attempt{pool: p}.lockKey(u, true)

		return err
	})
	if err != nil {
		return nil, err
	}

	s.lockouts.succeeded(key)
	s.show(ctx, sent...)

	return &AdminCreateUserResponse{User: u.described(nil)}, nil
}

// created makes the user of a request.
func (s *Service) created(p *Pool, in *AdminCreateUserRequest) (User, error) {
	if isTrue(in.ForceAliasCreation) {
		p.freeAliases(in.UserAttributes)
	}
	u, err := s.newUser(p, *in.Username, in.UserAttributes, s.Now())
	u.Status = statusForceChange

	return u, err
}

// freeAliases takes verified addresses of a new user away from the users whom they name now.
func (p *Pool) freeAliases(given []AttributeType) {
	values := map[string]string{}
	for _, a := range given {
		if a.Value != nil {
			values[*a.Name] = *a.Value
		}
	}

	for _, attribute := range p.Settings.AliasAttributes {
		if values[attribute+verifiedSuffix] != "true" {
			continue
		}
		p.takeAlias(attribute, values[attribute], "")
	}
}

// invited returns the user who gets another invitation.
func (p *Pool) invited(username string) (User, error) {
	u, found := p.user(username)
	if !found {
		return User{}, userMissing()
	}
	if u.Status != statusForceChange {
		return User{}, awsapi.Refused(unsupportedState, userStatus.With("status", u.Status),
			"Resend not possible. Status is not FORCE_CHANGE_PASSWORD")
	}

	return u, nil
}

// invite sets the temporary password of a user, and returns the messages for the developer: one at most.
func (s *Service) invite(p *Pool, u *User, in *AdminCreateUserRequest) ([]SentCode, error) {
	var password string
	if in.TemporaryPassword != nil {
		password = *in.TemporaryPassword
		if err := p.checkPassword(password); err != nil {
			return nil, err
		}
	} else {
		password = p.newPassword()
	}

	if err := s.setPassword(p, u, password); err != nil {
		return nil, err
	}
	u.PasswordEnds = p.passwordEnds(s.Now())
	p.put(*u)

	if isValue(in.MessageAction, "SUPPRESS") {
		return nil, nil
	}
	destination := u.Attributes["email"]
	if destination == "" || slices.Contains(in.DesiredDeliveryMediums, "SMS") && u.Attributes["phone_number"] != "" {
		destination = u.Attributes["phone_number"]
	}

	return []SentCode{{
		Pool:        p.ID,
		PoolName:    p.name(),
		Username:    u.Username,
		Purpose:     "sign in for the first time",
		Destination: destination,
		Code:        password,
		Time:        s.Now(),
	}}, nil
}

// passwordEnds returns when a temporary password stops working.
func (p *Pool) passwordEnds(now time.Time) time.Time {
	return now.Add(days(*p.passwordPolicy().TemporaryPasswordValidityDays))
}

// described returns the user as answers show it, with the attributes of these names; nil = all.
func (u User) described(names []string) *UserType {
	list := u.attributeList()
	if len(names) > 0 {
		list = slices.DeleteFunc(list, func(a AttributeType) bool { return !slices.Contains(names, *a.Name) })
	}

	return &UserType{
		Username:             new(u.Username),
		Attributes:           list,
		UserCreateDate:       awsapi.At(u.Created),
		UserLastModifiedDate: awsapi.At(u.Modified),
		Enabled:              new(u.Enabled),
		UserStatus:           new(u.Status),
	}
}

// AdminGetUser returns a user.
func (s *Service) AdminGetUser(
	ctx context.Context, c awsapi.Caller, in *AdminGetUserRequest,
) (*AdminGetUserResponse, error) {
	p, err := s.callerPool(ctx, c, *in.UserPoolId)
	if err != nil {
		return nil, err
	}
	u, found := p.user(*in.Username)
	if !found {
		return nil, userMissing()
	}

	return &AdminGetUserResponse{
		Username:             new(u.Username),
		UserAttributes:       u.attributeList(),
		UserCreateDate:       awsapi.At(u.Created),
		UserLastModifiedDate: awsapi.At(u.Modified),
		Enabled:              new(u.Enabled),
		UserStatus:           new(u.Status),
	}, nil
}

// AdminSetUserPassword sets a password, which the user must change at the next sign-in unless it is
// permanent. Wrong passwords of before do not count any more.
func (s *Service) AdminSetUserPassword(
	ctx context.Context, c awsapi.Caller, in *AdminSetUserPasswordRequest,
) (*AdminSetUserPasswordResponse, error) {
	var key failing

	err := s.changeCallerUser(ctx, c, *in.UserPoolId, *in.Username, func(p *Pool, u *User) error {
		if err := p.checkPassword(*in.Password); err != nil {
			return err
		}
		if err := s.setPassword(p, u, *in.Password); err != nil {
			return err
		}

		key = attempt{pool: p}.lockKey(*u, true)
		u.Status, u.PasswordEnds = statusConfirmed, time.Time{}
		if !isTrue(in.Permanent) {
			u.Status, u.PasswordEnds = statusForceChange, p.passwordEnds(s.Now())
		}

		return nil
	})
	if err == nil {
		s.lockouts.succeeded(key)
	}

	return &AdminSetUserPasswordResponse{}, err
}

// changeCallerUser changes a user of one of the caller's pools.
func (s *Service) changeCallerUser(
	ctx context.Context, c awsapi.Caller, pool, username string, edit func(*Pool, *User) error,
) error {
	return s.changeCallerPool(ctx, c, pool, func(p *Pool) error {
		u, found := p.user(username)
		if !found {
			return userMissing()
		}
		if err := edit(p, &u); err != nil {
			return err
		}
		u.Modified = s.Now()
		p.put(u)

		return nil
	})
}

// AdminUpdateUserAttributes changes attributes of a user. A new address that the pool verifies by itself
// gets a code, unless the call says that it is verified. Where the pool asks for it, the address changes only
// with the code (API reference, UserAttributeUpdateSettingsType).
func (s *Service) AdminUpdateUserAttributes(
	ctx context.Context, c awsapi.Caller, in *AdminUpdateUserAttributesRequest,
) (*AdminUpdateUserAttributesResponse, error) {
	var sent []SentCode
	err := s.changeCallerUser(ctx, c, *in.UserPoolId, *in.Username, func(p *Pool, u *User) error {
		now, later, err := p.splitChanges(*u, in.UserAttributes)
		if err != nil {
			return err
		}
		unverified, err := p.changeAttributes(u, now)
		if err != nil {
			return err
		}

		for _, a := range later {
			sent = append(sent, s.addCodeFor(p, u, purposeAttribute, *a.Name, *a.Value))
		}

		for _, attribute := range unverified {
			if slices.Contains(p.Settings.AutoVerifiedAttributes, attribute) {
				sent = append(sent, s.addCode(p, u, purposeAttribute, attribute))
			}
		}

		return nil
	})
	if err != nil {
		return nil, err
	}
	s.show(ctx, sent...)

	return &AdminUpdateUserAttributesResponse{}, nil
}

// AdminDeleteUserAttributes removes attributes of a user; those that the user does not have are ignored.
func (s *Service) AdminDeleteUserAttributes(
	ctx context.Context, c awsapi.Caller, in *AdminDeleteUserAttributesRequest,
) (*AdminDeleteUserAttributesResponse, error) {
	err := s.changeCallerUser(ctx, c, *in.UserPoolId, *in.Username, func(p *Pool, u *User) error {
		return p.deleteAttributes(u, in.UserAttributeNames)
	})
	return &AdminDeleteUserAttributesResponse{}, err
}

// deleteAttributes removes attributes of a user, and with an address that it was verified.
func (p *Pool) deleteAttributes(u *User, names []string) error {
	var given []AttributeType
	for _, name := range names {
		given = append(given, AttributeType{Name: new(name)})
	}
	if _, err := p.changeAttributes(u, given); err != nil {
		return err
	}
	maps.DeleteFunc(u.Attributes, func(name, _ string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return name == n+verifiedSuffix })
	})

	return nil
}

// AdminConfirmSignUp confirms a user without a code.
func (s *Service) AdminConfirmSignUp(
	ctx context.Context, c awsapi.Caller, in *AdminConfirmSignUpRequest,
) (*AdminConfirmSignUpResponse, error) {
	err := s.changeCallerUser(ctx, c, *in.UserPoolId, *in.Username, func(_ *Pool, u *User) error {
		if u.Status != statusUnconfirmed {
			return awsapi.Refused(notAuthorized, userStatus.With("status", u.Status),
				"User cannot be confirmed. Current status is %s", u.Status)
		}
		u.Status, u.Codes = statusConfirmed, nil

		return nil
	})

	return &AdminConfirmSignUpResponse{}, err
}

// AdminEnableUser lets a user sign in again.
func (s *Service) AdminEnableUser(
	ctx context.Context, c awsapi.Caller, in *AdminEnableUserRequest,
) (*AdminEnableUserResponse, error) {
	err := s.changeCallerUser(ctx, c, *in.UserPoolId, *in.Username, func(_ *Pool, u *User) error {
		u.Enabled = true
		return nil
	})
	return &AdminEnableUserResponse{}, err
}

// AdminDisableUser ends all sign-ins of a user, who cannot sign in any more.
func (s *Service) AdminDisableUser(
	ctx context.Context, c awsapi.Caller, in *AdminDisableUserRequest,
) (*AdminDisableUserResponse, error) {
	err := s.endSignIns(ctx, c, *in.UserPoolId, *in.Username, func(p *Pool, u User) {
		u.Enabled = false
		p.put(u)
	})
	return &AdminDisableUserResponse{}, err
}

// AdminUserGlobalSignOut ends all sign-ins of a user.
func (s *Service) AdminUserGlobalSignOut(
	ctx context.Context, c awsapi.Caller, in *AdminUserGlobalSignOutRequest,
) (*AdminUserGlobalSignOutResponse, error) {
	err := s.endSignIns(ctx, c, *in.UserPoolId, *in.Username, (*Pool).put)
	return &AdminUserGlobalSignOutResponse{}, err
}

// AdminDeleteUser removes a user.
func (s *Service) AdminDeleteUser(
	ctx context.Context, c awsapi.Caller, in *AdminDeleteUserRequest,
) (*awsapi.NoOutput, error) {
	return nil, s.endSignIns(ctx, c, *in.UserPoolId, *in.Username, (*Pool).remove)
}

// endSignIns ends all sign-ins of a user. keep stores the user with that.
func (s *Service) endSignIns(
	ctx context.Context, c awsapi.Caller, pool, username string, keep func(*Pool, User),
) error {
	return s.changeCallerPool(ctx, c, pool, func(p *Pool) error {
		u, exists := p.user(username)
		if !exists {
			return userMissing()
		}
		p.signOut(&u, s.Now())
		u.Modified = s.Now()
		keep(p, u)

		return nil
	})
}

// AdminResetUserPassword makes a user's password unusable, and gives a code for a new one.
func (s *Service) AdminResetUserPassword(
	ctx context.Context, c awsapi.Caller, in *AdminResetUserPasswordRequest,
) (*AdminResetUserPasswordResponse, error) {
	var sent SentCode
	err := s.changeCallerUser(ctx, c, *in.UserPoolId, *in.Username, func(p *Pool, u *User) error {
		if u.Status != statusConfirmed && u.Status != statusResetRequired {
			return awsapi.Refused(notAuthorized, userStatus.With("status", u.Status),
				"User password cannot be reset in the current state.")
		}
		attribute := p.recovery(*u)
		if attribute == "" {
			return awsapi.Refused(invalidParameter, noAddress.With(), "Cannot reset password for the user as there is "+
				"no registered/verified email or phone_number")
		}
		u.Status = statusResetRequired
		sent = s.addCode(p, u, purposePassword, attribute)

		return nil
	})
	if err != nil {
		return nil, err
	}
	s.show(ctx, sent)

	return &AdminResetUserPasswordResponse{}, nil
}
