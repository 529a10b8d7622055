package devuserpool

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Defaults of a new client, and bounds of its tokens (API reference).
const (
	defaultRefreshDays    = 30
	defaultSessionMinutes = 3

	shortestToken   = 5 * time.Minute
	longestToken    = 24 * time.Hour
	shortestRefresh = time.Hour
	longestRefresh  = 10 * 365 * 24 * time.Hour
)

// newClientRequest is the input of CreateUserPoolClient, with a member that AWS does not have: the ID of the
// client, which seeds choose.
type newClientRequest struct {
	CreateUserPoolClientRequest

	PoolhouseID *string `json:"PoolhouseId,omitzero"`
}

// Validate returns what the model forbids about in.
func (in *newClientRequest) Validate() []awsapi.Violation {
	var v awsapi.Validator
	in.validate(&v)
	v.String("poolhouseId", in.PoolhouseID, &shapeClientIdType, false)

	return v.Violations()
}

// CreateUserPoolClient makes an app client, with a secret if the input asks for one.
func (s *Service) CreateUserPoolClient(
	ctx context.Context, c awsapi.Caller, in *newClientRequest,
) (*CreateUserPoolClientResponse, error) {
	id := randomText(26, lowercase+digits)
	if in.PoolhouseID != nil {
		if err := s.mayChooseIDs(c); err != nil {
			return nil, err
		}
		id = *in.PoolhouseID
	}

	var made Client
	err := s.changeCallerPool(ctx, c, *in.UserPoolId, func(p *Pool) (err error) {
		if _, taken := p.Clients[id]; taken {
			return errClientTaken
		}
		made, err = s.newClient(p, id, &in.CreateUserPoolClientRequest)
		return err
	})
	if err != nil {
		return nil, err
	}

	return &CreateUserPoolClientResponse{UserPoolClient: made.described()}, nil
}

// newClient makes a client of a pool with an ID.
func (s *Service) newClient(p *Pool, id string, in *CreateUserPoolClientRequest) (Client, error) {
	if len(p.Clients) >= maxClients {
		return Client{}, tooMany("app clients of a user pool", maxClients)
	}

	settings, err := clientSettings(p, &UpdateUserPoolClientRequest{
		ClientName:                               in.ClientName,
		RefreshTokenValidity:                     in.RefreshTokenValidity,
		AccessTokenValidity:                      in.AccessTokenValidity,
		IdTokenValidity:                          in.IdTokenValidity,
		TokenValidityUnits:                       in.TokenValidityUnits,
		ReadAttributes:                           in.ReadAttributes,
		WriteAttributes:                          in.WriteAttributes,
		ExplicitAuthFlows:                        in.ExplicitAuthFlows,
		SupportedIdentityProviders:               in.SupportedIdentityProviders,
		CallbackURLs:                             in.CallbackURLs,
		LogoutURLs:                               in.LogoutURLs,
		DefaultRedirectURI:                       in.DefaultRedirectURI,
		AllowedOAuthFlows:                        in.AllowedOAuthFlows,
		AllowedOAuthScopes:                       in.AllowedOAuthScopes,
		AllowedOAuthFlowsUserPoolClient:          in.AllowedOAuthFlowsUserPoolClient,
		AnalyticsConfiguration:                   in.AnalyticsConfiguration,
		PreventUserExistenceErrors:               in.PreventUserExistenceErrors,
		EnableTokenRevocation:                    in.EnableTokenRevocation,
		EnablePropagateAdditionalUserContextData: in.EnablePropagateAdditionalUserContextData,
		AuthSessionValidity:                      in.AuthSessionValidity,
		RefreshTokenRotation:                     in.RefreshTokenRotation,
		PublishSecretsInAWSSecretsManager:        in.PublishSecretsInAWSSecretsManager,
	}, "creating")
	if err != nil {
		return Client{}, err
	}

	settings.ClientSecret = in.ClientSecret
	if isTrue(in.GenerateSecret) {
		if in.ClientSecret != nil {
			return Client{}, clientFault("GenerateSecret", "ClientSecret cannot be given with GenerateSecret.")
		}
		settings.ClientSecret = new(randomText(52, lowercase+digits))
	}

	now := s.Now()
	settings.UserPoolId, settings.ClientId = new(p.ID), new(id)
	made := Client{ID: id, Created: now, Modified: now, Settings: settings}
	p.Clients[id] = made

	return made, nil
}

// described returns the client as answers show it.
func (c Client) described() *UserPoolClientType {
	d := c.Settings
	d.CreationDate, d.LastModifiedDate = awsapi.At(c.Created), awsapi.At(c.Modified)

	return &d
}

// DescribeUserPoolClient returns a client, with its secret.
func (s *Service) DescribeUserPoolClient(
	ctx context.Context, c awsapi.Caller, in *DescribeUserPoolClientRequest,
) (*DescribeUserPoolClientResponse, error) {
	p, err := s.callerPool(ctx, c, *in.UserPoolId)
	if err != nil {
		return nil, err
	}
	client, found := p.Clients[*in.ClientId]
	if !found {
		return nil, clientMissing(*in.ClientId)
	}

	return &DescribeUserPoolClientResponse{UserPoolClient: client.described()}, nil
}

// ListUserPoolClients returns the clients of a pool, in the order of their IDs.
func (s *Service) ListUserPoolClients(
	ctx context.Context, c awsapi.Caller, in *ListUserPoolClientsRequest,
) (*ListUserPoolClientsResponse, error) {
	p, err := s.callerPool(ctx, c, *in.UserPoolId)
	if err != nil {
		return nil, err
	}

	key := func(c Client) string { return c.ID }
	clients := sorted(p.Clients)
	if isValue(in.ClientType, "DCR") { // clients that registered themselves: there are none
		clients = nil
	}
	page, next, err := pageOf(clients, key, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}

	out := &ListUserPoolClientsResponse{UserPoolClients: []UserPoolClientDescription{}, NextToken: next}
	for _, client := range page {
		out.UserPoolClients = append(out.UserPoolClients, UserPoolClientDescription{
			ClientId:   new(client.ID),
			UserPoolId: new(p.ID),
			ClientName: client.Settings.ClientName,
		})
	}

	return out, nil
}

// UpdateUserPoolClient replaces the settings of a client. Those that the input lacks get their defaults
// again (API reference); the name and the secret stay.
func (s *Service) UpdateUserPoolClient(
	ctx context.Context, c awsapi.Caller, in *UpdateUserPoolClientRequest,
) (*UpdateUserPoolClientResponse, error) {
	var client Client
	err := s.changeCallerPool(ctx, c, *in.UserPoolId, func(p *Pool) error {
		var found bool
		if client, found = p.Clients[*in.ClientId]; !found {
			return clientMissing(*in.ClientId)
		}
		settings, err := clientSettings(p, in, "updating")
		if err != nil {
			return err
		}

		settings.UserPoolId, settings.ClientId = new(p.ID), new(client.ID)
		settings.ClientSecret = client.Settings.ClientSecret
		settings.ClientName = cmp.Or(in.ClientName, client.Settings.ClientName)
		client.Settings, client.Modified = settings, s.Now()
		p.Clients[client.ID] = client

		return nil
	})
	if err != nil {
		return nil, err
	}

	return &UpdateUserPoolClientResponse{UserPoolClient: client.described()}, nil
}

// DeleteUserPoolClient removes a client with its refresh tokens: its tokens stop working, also if a client gets the ID
// again.
func (s *Service) DeleteUserPoolClient(
	ctx context.Context, c awsapi.Caller, in *DeleteUserPoolClientRequest,
) (*awsapi.NoOutput, error) {
	return nil, s.changeCallerPool(ctx, c, *in.UserPoolId, func(p *Pool) error {
		if _, found := p.Clients[*in.ClientId]; !found {
			return clientMissing(*in.ClientId)
		}
		delete(p.Clients, *in.ClientId)

		for key, u := range p.Users {
			u.RefreshTokens = slices.DeleteFunc(u.RefreshTokens, func(t RefreshToken) bool {
				return t.Client == *in.ClientId
			})
			p.Users[key] = u
		}

		return nil
	})
}

// clientSettings returns the settings of a client, with the defaults filled in. doing is a word of AWS's
// messages. The members about the hosted pages are kept and shown: templates set them without using them.
func clientSettings(p *Pool, in *UpdateUserPoolClientRequest, doing string) (UserPoolClientType, error) {
	if err := checkClient(p, in, doing); err != nil {
		return UserPoolClientType{}, err
	}

	settings := UserPoolClientType{
		ClientName:                      in.ClientName,
		RefreshTokenValidity:            in.RefreshTokenValidity,
		AccessTokenValidity:             in.AccessTokenValidity,
		IdTokenValidity:                 in.IdTokenValidity,
		TokenValidityUnits:              cmp.Or(in.TokenValidityUnits, &TokenValidityUnitsType{}),
		ReadAttributes:                  orNil(in.ReadAttributes),
		WriteAttributes:                 orNil(in.WriteAttributes),
		ExplicitAuthFlows:               orNil(in.ExplicitAuthFlows),
		SupportedIdentityProviders:      orNil(in.SupportedIdentityProviders),
		CallbackURLs:                    orNil(in.CallbackURLs),
		LogoutURLs:                      orNil(in.LogoutURLs),
		DefaultRedirectURI:              in.DefaultRedirectURI,
		AllowedOAuthFlows:               orNil(in.AllowedOAuthFlows),
		AllowedOAuthScopes:              orNil(in.AllowedOAuthScopes),
		AllowedOAuthFlowsUserPoolClient: new(isTrue(in.AllowedOAuthFlowsUserPoolClient)),
		AnalyticsConfiguration:          in.AnalyticsConfiguration,
		PreventUserExistenceErrors:      in.PreventUserExistenceErrors,
		EnableTokenRevocation:           cmp.Or(in.EnableTokenRevocation, new(true)),
		AuthSessionValidity:             cmp.Or(in.AuthSessionValidity, new(defaultSessionMinutes)),
		RefreshTokenRotation:            in.RefreshTokenRotation,

		EnablePropagateAdditionalUserContextData: new(isTrue(in.EnablePropagateAdditionalUserContextData)),
	}
	if n := settings.RefreshTokenValidity; n == nil || *n == 0 {
		unit := cmp.Or(settings.TokenValidityUnits.RefreshToken, new("days"))
		settings.RefreshTokenValidity = new(int(days(defaultRefreshDays) / units[*unit]))
	}

	return settings, nil
}

// checkClient refuses settings that contradict each other or the pool, and those that are not simulated.
func checkClient(p *Pool, in *UpdateUserPoolClientRequest, doing string) error {
	if isTrue(in.PublishSecretsInAWSSecretsManager) {
		return refusedPart("secrets in AWS Secrets Manager (PublishSecretsInAWSSecretsManager)")
	}

	for _, flow := range in.ExplicitAuthFlows {
		if strings.HasPrefix(flow, "ALLOW_TOKEN_EXCHANGE") {
			return refusedPart("the exchange of tokens (ExplicitAuthFlows " + flow + ")")
		}
	}
	if err := checkFlows(in.ExplicitAuthFlows); err != nil {
		return err
	}

	for _, provider := range in.SupportedIdentityProviders {
		if provider != "COGNITO" {
			return clientFault("SupportedIdentityProviders",
				"The provider "+explain.ShownText(provider)+" does not exist for User Pool "+p.ID+".")
		}
	}

	for list, names := range map[string][]string{"read": in.ReadAttributes, "write": in.WriteAttributes} {
		if slices.ContainsFunc(names, func(name string) bool { _, known := p.attribute(name); return !known }) {
			return clientFault("attributes", "Invalid "+list+" attributes specified while "+doing+" a client")
		}
	}

	if !p.areWritable(in.WriteAttributes) {
		return clientFault("attributes", "Invalid write attributes specified while "+doing+" a client")
	}

	return checkValidity(in)
}

// areWritable reports whether a client's users may write these attributes and no others: none that only the
// pool sets, and all that it requires of new users. No names stand for all that may be written.
func (p *Pool) areWritable(names []string) bool {
	for _, own := range []string{"sub", "email" + verifiedSuffix, "phone_number" + verifiedSuffix} {
		if slices.Contains(names, own) {
			return false
		}
	}

	return len(names) == 0 || !slices.ContainsFunc(p.Settings.SchemaAttributes, func(a SchemaAttributeType) bool {
		return isTrue(a.Required) && *a.Name != "sub" && !slices.Contains(names, *a.Name)
	})
}

// checkFlows refuses new names of flows beside old ones.
func checkFlows(flows []string) error {
	allowed := 0
	for _, flow := range flows {
		if strings.HasPrefix(flow, "ALLOW_") {
			allowed++
		}
	}
	if allowed > 0 && allowed < len(flows) {
		return clientFault("ExplicitAuthFlows",
			"ExplicitAuthFlows has values with the prefix ALLOW_ and values without it.")
	}

	return nil
}

// checkValidity refuses lifetimes of tokens outside of AWS's bounds.
func checkValidity(in *UpdateUserPoolClientRequest) error {
	named := cmp.Or(in.TokenValidityUnits, &TokenValidityUnitsType{})

	access := validity(in.AccessTokenValidity, named.AccessToken, time.Hour)
	id := validity(in.IdTokenValidity, named.IdToken, time.Hour)
	for _, d := range []time.Duration{access, id} {
		if d != 0 && (d < shortestToken || d > longestToken) {
			return clientFault("validity", "Invalid range for token validity.")
		}
	}

	refresh := validity(in.RefreshTokenValidity, named.RefreshToken, days(1))
	if refresh != 0 && (refresh < shortestRefresh || refresh > longestRefresh) {
		return clientFault("RefreshTokenValidity", "Invalid range for token validity.")
	}
	if refresh != 0 && refresh < max(access, id) {
		return clientFault("RefreshTokenValidity",
			"Invalid range for token validity. Refresh tokens must be valid at least as long as the other tokens.")
	}

	return nil
}

// validity returns a number of units, or without a unit of the usual ones, as a duration; 0 if the number
// is absent.
func validity(n *int, unit *string, usual time.Duration) time.Duration {
	if n == nil {
		return 0
	}
	if unit != nil && *unit != "" {
		usual = units[*unit]
	}
	if time.Duration(*n) > longestRefresh/usual { // a product would overflow
		return longestRefresh + 1
	}

	return time.Duration(*n) * usual
}

func clientFault(member, message string) *awsapi.Error {
	return awsapi.Refused(invalidParameter, clientSetting.With().Of(member), "%s", message)
}
