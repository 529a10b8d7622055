package devuserpool

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// issuerTag is the tag that chooses the issuer of a pool's tokens: aws for the name that AWS would give it,
// local for this server's, which is the default. No name serves all verifiers.
const issuerTag = "_issuer_"

// CreateUserPool makes a pool, with a key that signs its tokens.
func (s *Service) CreateUserPool(
	ctx context.Context, c awsapi.Caller, in *CreateUserPoolRequest,
) (*CreateUserPoolResponse, error) {
	settings, err := settingsOf(in)
	if err != nil {
		return nil, err
	}
	id, err := s.newPoolID(c, in.UserPoolTags)
	if err != nil {
		return nil, err
	}

	now := s.Now()
	p := &Pool{
		ID:       id,
		Account:  c.Account,
		Region:   c.Region,
		Created:  now,
		Modified: now,
		Settings: settings,
		Clients:  map[string]Client{},
		Groups:   map[string]Group{},
		Users:    map[string]User{},
	}

	if err := p.followTags(); err != nil {
		return nil, err
	}
	key, err := newKey(now, s.Keys)
	if err != nil {
		return nil, err
	}
	p.Keys = []Key{key}
	if err := s.State.create(p); err != nil {
		return nil, stateError(err, id)
	}
	note(ctx, p)

	return &CreateUserPoolResponse{UserPool: p.described()}, nil
}

// followTags sets what tags of a pool choose. Those of AWS cannot be set, and the ID is chosen only when the
// pool is made.
func (p *Pool) followTags() error {
	for key := range p.Settings.UserPoolTags {
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return awsapi.Refused(invalidParameter, tagFault.With("key", explain.ShownText(key)),
				"Tag keys cannot begin with aws:, which is reserved for system use.")
		}
	}
	id, chosen := p.Settings.UserPoolTags[identitypool.CustomIDTag]
	if chosen && id != p.ID && p.Region+"_"+id != p.ID {
		return awsapi.Refused(invalidParameter, tagFault.With("key", identitypool.CustomIDTag),
			"The tag _custom_id_ chooses the ID of a new pool only.")
	}

	switch issuer := p.Settings.UserPoolTags[issuerTag]; issuer {
	case "", "local":
		p.AWSIssuer = false
	case "aws":
		p.AWSIssuer = true
	default:
		return awsapi.Refused(invalidParameter, issuerFault.With("issuer", explain.ShownText(issuer)),
			"The tag _issuer_ is aws or local.")
	}

	return nil
}

// newPoolID returns the ID of a new pool: the one that a tag chooses, or a random one.
func (s *Service) newPoolID(c awsapi.Caller, tags map[string]string) (string, error) {
	region := c.Region
	chosen, isChosen := tags[identitypool.CustomIDTag]
	if !isChosen {
		return region + "_" + randomText(9, lowercase+uppercase+digits), nil
	}

	if err := s.mayChooseIDs(c); err != nil {
		return "", err
	}
	if !strings.Contains(chosen, "_") {
		chosen = region + "_" + chosen
	}
	if !identitypool.ValidUserPoolID(chosen) || !strings.HasPrefix(chosen, region+"_") {
		return "", awsapi.Refused(invalidParameter, poolIDFault.With("region", region),
			"The tag _custom_id_ is not the ID of a user pool in %s.", region)
	}

	return chosen, nil
}

// mayChooseIDs refuses callers whose account may not choose IDs.
func (s *Service) mayChooseIDs(c awsapi.Caller) error {
	if s.MayChooseIDs != nil && s.MayChooseIDs(c.Account) {
		return nil
	}

	setting := explain.Setting("chosen_ids")

	return awsapi.RefusedAs(awsapi.AccessDenied, idChoice.With("account", c.Account).At(setting),
		"IDs are chosen by the home account of this server only; "+
			"for other accounts its operator can set chosen_ids to all.")
}

// randomText returns n characters of an alphabet of at most 128.
func randomText(n int, alphabet string) string {
	var text []byte
	buffer := make([]byte, 2*n)
	for len(text) < n {
		_, _ = rand.Read(buffer) // never fails

		for _, b := range buffer {
			// A remainder alone would prefer the alphabet's first characters.
			if most := 256 / len(alphabet) * len(alphabet); int(b) < most && len(text) < n {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}

	return string(text)
}

// DescribeUserPool returns a pool.
func (s *Service) DescribeUserPool(
	ctx context.Context, c awsapi.Caller, in *DescribeUserPoolRequest,
) (*DescribeUserPoolResponse, error) {
	p, err := s.callerPool(ctx, c, *in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return &DescribeUserPoolResponse{UserPool: p.described()}, nil
}

// described returns the pool as answers show it.
func (p *Pool) described() *UserPoolType {
	d := p.Settings
	d.Id, d.Arn = new(p.ID), new(p.ARN())
	d.CreationDate, d.LastModifiedDate = awsapi.At(p.Created), awsapi.At(p.Modified)
	d.EstimatedNumberOfUsers = new(len(p.Users))
	if d.UserPoolTags == nil {
		d.UserPoolTags = map[string]string{}
	}

	return &d
}

// ListUserPools returns the pools of the caller's account and region, in the order of their IDs.
func (s *Service) ListUserPools(
	_ context.Context, c awsapi.Caller, in *ListUserPoolsRequest,
) (*ListUserPoolsResponse, error) {
	isForeign := func(p *Pool) bool { return p.Account != c.Account || p.Region != c.Region }
	own := slices.DeleteFunc(s.State.all(), isForeign)
	page, next, err := pageOf(own, func(p *Pool) string { return p.ID }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}

	out := &ListUserPoolsResponse{UserPools: []UserPoolDescriptionType{}, NextToken: next}
	for _, p := range page {
		out.UserPools = append(out.UserPools, UserPoolDescriptionType{
			Id:               new(p.ID),
			Name:             p.Settings.Name,
			LambdaConfig:     &LambdaConfigType{},
			LastModifiedDate: awsapi.At(p.Modified),
			CreationDate:     awsapi.At(p.Created),
		})
	}

	return out, nil
}

// UpdateUserPool replaces the settings of a pool that can change. Those that the input lacks get their
// defaults again (API reference); tags and the name stay.
func (s *Service) UpdateUserPool(
	ctx context.Context, c awsapi.Caller, in *UpdateUserPoolRequest,
) (*UpdateUserPoolResponse, error) {
	settings, err := updatedSettings(in)
	if err != nil {
		return nil, err
	}

	err = s.changeCallerPool(ctx, c, *in.UserPoolId, func(p *Pool) error {
		before := p.Settings
		p.Settings = settings
		p.Settings.keepFixed(before)
		p.Modified = s.Now()

		if in.UserPoolTags != nil {
			p.Settings.UserPoolTags = maps.Clone(in.UserPoolTags)
		}
		if in.PoolName != nil {
			p.Settings.Name = in.PoolName
		}

		return p.followTags()
	})

	return &UpdateUserPoolResponse{}, err
}

// DeleteUserPool removes a pool with everything in it, unless its deletion protection is active.
func (s *Service) DeleteUserPool(
	ctx context.Context, c awsapi.Caller, in *DeleteUserPoolRequest,
) (*awsapi.NoOutput, error) {
	if _, err := s.callerPool(ctx, c, *in.UserPoolId); err != nil {
		return nil, err
	}

	err := s.State.remove(*in.UserPoolId, func(p *Pool) error {
		if *p.Settings.DeletionProtection == "ACTIVE" {
			return awsapi.Refused(invalidParameter, deletionProtected.With(),
				"The user pool cannot be deleted because deletion protection is activated. "+
					"Deletion protection must be inactivated first.")
		}
		return nil
	})

	return nil, stateError(err, *in.UserPoolId)
}

// GetUserPoolMfaConfig returns that the pool has no multi-factor authentication.
func (s *Service) GetUserPoolMfaConfig(
	ctx context.Context, c awsapi.Caller, in *GetUserPoolMfaConfigRequest,
) (*GetUserPoolMfaConfigResponse, error) {
	if _, err := s.callerPool(ctx, c, *in.UserPoolId); err != nil {
		return nil, err
	}
	return &GetUserPoolMfaConfigResponse{MfaConfiguration: new(mfaOff)}, nil
}

// SetUserPoolMfaConfig takes only settings without multi-factor authentication.
func (s *Service) SetUserPoolMfaConfig(
	ctx context.Context, c awsapi.Caller, in *SetUserPoolMfaConfigRequest,
) (*SetUserPoolMfaConfigResponse, error) {
	if _, err := s.callerPool(ctx, c, *in.UserPoolId); err != nil {
		return nil, err
	}

	token := cmp.Or(in.SoftwareTokenMfaConfiguration, &SoftwareTokenMfaConfigType{})
	messages := cmp.Or(in.SmsMfaConfiguration, &SmsMfaConfigType{})
	if err := refuseParts(
		part{"multi-factor authentication (MfaConfiguration)", asksForMFA(in.MfaConfiguration)},
		part{"multi-factor authentication (SoftwareTokenMfaConfiguration)", isTrue(token.Enabled)},
		part{"multi-factor authentication (EmailMfaConfiguration)", isGiven(in.EmailMfaConfiguration)},
		part{"multi-factor authentication (SmsMfaConfiguration)", messages.SmsConfiguration != nil},
		part{"passkeys (WebAuthnConfiguration)", isGiven(in.WebAuthnConfiguration)},
	); err != nil {
		return nil, err
	}

	return &SetUserPoolMfaConfigResponse{MfaConfiguration: new(mfaOff)}, nil
}

// days returns n days.
func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
