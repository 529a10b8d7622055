package devuserpool

import (
	"context"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// GetUser returns the user of an access token, with the attributes that the client may read.
func (s *Service) GetUser(ctx context.Context, in *GetUserRequest) (*GetUserResponse, error) {
	b, err := s.bearer(ctx, *in.AccessToken)
	if err != nil {
		return nil, err
	}
	shown := slices.DeleteFunc(b.user.attributeList(), func(a AttributeType) bool { return !b.client.mayRead(*a.Name) })

	return &GetUserResponse{Username: &b.user.Username, UserAttributes: shown}, nil
}

// DeleteUser deletes the user of an access token.
func (s *Service) DeleteUser(ctx context.Context, in *DeleteUserRequest) (*awsapi.NoOutput, error) {
	b, err := s.bearer(ctx, *in.AccessToken)
	if err != nil {
		return nil, err
	}
	err = s.State.change(b.pool.ID, func(p *Pool) error {
		u, err := s.holder(b, p)
		if err != nil {
			return err
		}
		p.remove(u)

		return nil
	})

	return nil, stateError(err, b.pool.ID)
}

// GlobalSignOut ends all tokens of the user of an access token.
func (s *Service) GlobalSignOut(ctx context.Context, in *GlobalSignOutRequest) (*GlobalSignOutResponse, error) {
	b, err := s.bearer(ctx, *in.AccessToken)
	if err != nil {
		return nil, err
	}
	err = s.changeBearer(b, func(p *Pool, u *User) error {
		p.signOut(u, s.Now())
		return nil
	})

	return &GlobalSignOutResponse{}, err
}

// UpdateUserAttributes changes attributes of the user of an access token. A changed address gets a code if
// the pool verifies such addresses. Where the pool asks for it, the address changes only with the code.
func (s *Service) UpdateUserAttributes(
	ctx context.Context, in *UpdateUserAttributesRequest,
) (*UpdateUserAttributesResponse, error) {
	b, err := s.bearer(ctx, *in.AccessToken)
	if err != nil {
		return nil, err
	}

	for _, a := range in.UserAttributes {
		if err := b.client.mayWrite(*a.Name); err != nil {
			return nil, err
		}
	}

	out := &UpdateUserAttributesResponse{}
	var sent []SentCode
	err = s.changeBearer(b, func(p *Pool, u *User) error {
		now, later, err := p.splitChanges(*u, in.UserAttributes)
		if err != nil {
			return err
		}
		unverified, err := p.changeAttributes(u, now)
		if err != nil {
			return err
		}

		for _, attribute := range unverified {
			later = append(later, AttributeType{Name: &attribute, Value: new(u.Attributes[attribute])})
		}
		u.Modified = s.Now()

		for _, a := range later {
			if !slices.Contains(p.Settings.AutoVerifiedAttributes, *a.Name) {
				continue
			}
			sent = append(sent, s.addCodeFor(p, u, purposeAttribute, *a.Name, *a.Value))
			out.CodeDeliveryDetailsList = append(out.CodeDeliveryDetailsList, *delivery(*a.Name, *a.Value))
		}

		return nil
	})
	if err != nil {
		return nil, err
	}
	s.show(ctx, sent...)

	return out, nil
}

// splitChanges separates the addresses that change only once they are verified. Those are refused now if the
// change would be.
func (p *Pool) splitChanges(u User, given []AttributeType) (now, later []AttributeType, err error) {
	told := func(attribute string) bool { // as verified, which only administrators may
		return slices.ContainsFunc(given, func(a AttributeType) bool {
			return *a.Name == attribute+verifiedSuffix && text(a.Value) == "true"
		})
	}

	for _, a := range given {
		value := text(a.Value)
		former := u.Attributes[*a.Name]
		if value != "" && former != "" && former != value && p.changesByCode(*a.Name) && !told(*a.Name) {
			later = append(later, AttributeType{Name: a.Name, Value: &value})
			continue
		}
		now = append(now, a)
	}

	if len(later) > 0 {
		tried := u.clone()
		_, err = p.changeAttributes(&tried, later)
	}

	return now, later, err
}

// DeleteUserAttributes removes attributes of the user of an access token.
func (s *Service) DeleteUserAttributes(
	ctx context.Context, in *DeleteUserAttributesRequest,
) (*DeleteUserAttributesResponse, error) {
	b, err := s.bearer(ctx, *in.AccessToken)
	if err != nil {
		return nil, err
	}

	for _, name := range in.UserAttributeNames {
		if err := b.client.mayWrite(name); err != nil {
			return nil, err
		}
	}

	err = s.changeBearer(b, func(p *Pool, u *User) error {
		u.Modified = s.Now()
		return p.deleteAttributes(u, in.UserAttributeNames)
	})
	if err != nil {
		return nil, err
	}

	return &DeleteUserAttributesResponse{}, nil
}

// GetUserAttributeVerificationCode sends a code to an address of the user of an access token.
func (s *Service) GetUserAttributeVerificationCode(
	ctx context.Context, in *GetUserAttributeVerificationCodeRequest,
) (*GetUserAttributeVerificationCodeResponse, error) {
	b, err := s.bearer(ctx, *in.AccessToken)
	if err != nil {
		return nil, err
	}
	if err := isAddress(*in.AttributeName); err != nil {
		return nil, err
	}

	var sent SentCode
	err = s.changeBearer(b, func(p *Pool, u *User) error {
		address := u.Attributes[*in.AttributeName]
		if address == "" {
			return awsapi.Refused(invalidParameter, codeAddress.With(),
				"User does not have a value for the attribute %s.", *in.AttributeName)
		}
		sent = s.addCode(p, u, purposeAttribute, *in.AttributeName)

		return nil
	})
	if err != nil {
		return nil, err
	}
	s.show(ctx, sent)

	return &GetUserAttributeVerificationCodeResponse{
		CodeDeliveryDetails: delivery(*in.AttributeName, sent.Destination),
	}, nil
}

// isAddress refuses attributes that no code can be sent to.
func isAddress(attribute string) error {
	if attribute == "email" || attribute == "phone_number" {
		return nil
	}
	return awsapi.Refused(invalidParameter, addressAttribute.With("name", attribute),
		"Invalid attribute %s: only email and phone_number can be verified.", attribute)
}

// VerifyUserAttribute verifies an address of the user of an access token by a code.
func (s *Service) VerifyUserAttribute(
	ctx context.Context, in *VerifyUserAttributeRequest,
) (*VerifyUserAttributeResponse, error) {
	b, err := s.bearer(ctx, *in.AccessToken)
	if err != nil {
		return nil, err
	}
	if err := isAddress(*in.AttributeName); err != nil {
		return nil, err
	}

	err = s.changeBearer(b, func(p *Pool, u *User) error {
		code, err := s.checkCode(p, u, purposeAttribute, *in.AttributeName, *in.Code, false)
		if err != nil {
			return err
		}
		u.Modified = s.Now()

		// The code was sent to a new address that the user did not have yet.
		if u.Attributes[code.Attribute] != code.Destination && p.changesByCode(code.Attribute) {
			change := []AttributeType{{Name: &code.Attribute, Value: &code.Destination}}
			if _, err := p.changeAttributes(u, change); err != nil {
				return err
			}
		}

		return s.verifyAddress(p, u, code, false)
	})
	if err != nil {
		return nil, err
	}

	return &VerifyUserAttributeResponse{}, nil
}

// changesByCode reports whether an address changes only when its code comes back.
func (p *Pool) changesByCode(attribute string) bool {
	settings := p.Settings.UserAttributeUpdateSettings
	return settings != nil && slices.Contains(settings.AttributesRequireVerificationBeforeUpdate, attribute) &&
		slices.Contains(p.Settings.AutoVerifiedAttributes, attribute)
}

// ChangePassword changes the password of the user of an access token, who must know the present one.
func (s *Service) ChangePassword(ctx context.Context, in *ChangePasswordRequest) (*ChangePasswordResponse, error) {
	b, err := s.bearer(ctx, *in.AccessToken)
	if err != nil {
		return nil, err
	}
	key := attempt{pool: b.pool}.lockKey(b.user, true)
	if s.lockouts.locked(key) {
		return nil, awsapi.Refused(limitExceeded, passwordAttempts.With(),
			"Attempt limit exceeded, please try after some time.")
	}

	if !s.verifierOf(b.pool, b.user).Matches(b.pool.ID, b.user.Username, text(in.PreviousPassword)) {
		s.lockouts.failed(key)
		return nil, incorrect()
	}
	s.lockouts.succeeded(key)
	if err := b.pool.checkPassword(*in.ProposedPassword); err != nil {
		return nil, err
	}

	err = s.changeBearer(b, func(p *Pool, u *User) error {
		if u.Verifier != b.user.Verifier {
			return incorrect().Because(errChanged)
		}
		u.Modified = s.Now()

		return s.setPassword(p, u, *in.ProposedPassword)
	})
	if err != nil {
		return nil, err
	}

	return &ChangePasswordResponse{}, nil
}

// ListDevices returns no devices, because none are remembered.
func (s *Service) ListDevices(ctx context.Context, in *ListDevicesRequest) (*ListDevicesResponse, error) {
	if _, err := s.bearer(ctx, *in.AccessToken); err != nil {
		return nil, err
	}
	return &ListDevicesResponse{Devices: []DeviceType{}}, nil
}
