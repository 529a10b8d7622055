package adminapi

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

type explainTokenOutput struct {
	Kind      string
	Issuer    string            `json:",omitzero"`
	Subject   string            `json:",omitzero"` // masked
	Expires   *awsapi.Timestamp `json:",omitzero"`
	Results   []explainTokenResult
	NextToken *string `json:",omitzero"`
}

// explainTokenResult tells what a credential would pass at one pool.
type explainTokenResult struct {
	IdentityPoolId string
	Name           string
	tried
}

// tried tells whether a sign-in would be accepted, and which role and tags it would lead to.
type tried struct {
	ProviderName string `json:",omitzero"`
	Accepted     bool
	Reason       explain.Code      `json:",omitzero"` // of the first refusal
	Error        string            `json:",omitzero"` // type and message that the app would get
	Message      string            `json:",omitzero"`
	RoleArn      string            `json:",omitzero"`
	Trust        *triedTrust       `json:",omitzero"`
	Tags         map[string]string `json:",omitzero"`
	Steps        []explainStep
}

type triedTrust struct {
	Allowed   bool
	Statement string `json:",omitzero"`
}

type tryRolesOutput struct {
	tried
	Rules []triedRule
}

type triedRule struct {
	Matched  bool
	LookedAt bool
	Why      string
}

// explainToken makes every check of a sign-in with a credential without signing anybody in.
func (s *Service) explainToken(
	ctx context.Context, c awsapi.Caller, in *cognitoidentity.ExplainTokenInput,
) (*explainTokenOutput, error) {
	if (in.Token == nil) == (in.SamlResponse == nil) {
		return nil, missing("either Token or SamlResponse")
	}
	webIssuer, err := s.options.WebIssuer(ctx, identitypool.AccountID(c.Account))
	if err != nil {
		return nil, err
	}

	e, err := s.options.Pools.ExplainToken(ctx, c, in, webIssuer)
	if err != nil {
		return nil, err
	}

	out := &explainTokenOutput{
		Kind:      e.Kind,
		Issuer:    explain.OneLine(e.Issuer, 512),
		Subject:   e.Subject,
		Results:   []explainTokenResult{},
		NextToken: e.Next,
	}
	if !e.Expires.IsZero() {
		out.Expires = new(awsapi.Timestamp(e.Expires))
	}

	for i := range e.Results {
		out.Results = append(out.Results, explainTokenResult{
			IdentityPoolId: string(e.Results[i].Pool.ID),
			Name:           e.Results[i].Pool.Name,
			tried:          shownTrial(&e.Results[i]),
		})
	}

	return out, nil
}

// explainTokenNeeds asks for the operation's action. The tags of a pool count if the call names
// only one.
func (s *Service) explainTokenNeeds(
	_ context.Context, c awsapi.Caller, in *cognitoidentity.ExplainTokenInput,
) ([]awsapi.Access, error) {
	var pool *string
	if len(in.IdentityPoolIds) == 1 {
		pool = &in.IdentityPoolIds[0]
	}
	return s.about(c, pool, nil, nil), nil
}

// tryRoles returns the role that a user would get, with drafts of the pool's rules.
func (s *Service) tryRoles(
	ctx context.Context, c awsapi.Caller, in *cognitoidentity.TryRolesInput,
) (*tryRolesOutput, error) {
	t, err := s.options.Pools.TryRoles(ctx, c, in)
	if err != nil {
		return nil, err
	}

	out := &tryRolesOutput{tried: shownTrial(&t), Rules: []triedRule{}}
	for _, r := range t.Rules {
		out.Rules = append(out.Rules, triedRule(r))
	}

	return out, nil
}

// tryRolesNeeds asks for the operation's action, and for that of ExplainToken where the call does
// what ExplainToken does.
func (s *Service) tryRolesNeeds(
	_ context.Context, c awsapi.Caller, in *cognitoidentity.TryRolesInput,
) ([]awsapi.Access, error) {
	needed := s.about(c, in.IdentityPoolId, nil, nil)
	if in.Token != nil {
		explaining := needed[0]
		explaining.Action = "poolhouse:ExplainToken"
		needed = append(needed, explaining)
	}

	return needed, nil
}

func shownTrial(t *cognitoidentity.Trial) tried {
	out := tried{
		ProviderName: t.ProviderName,
		Accepted:     t.Accepted(),
		Reason:       t.Reason,
		RoleArn:      t.RoleARN,
		Tags:         t.Tags,
		Steps:        shownSteps(t.Steps),
	}
	if t.Refused != nil {
		out.Error, out.Message = t.Refused.Code, t.Refused.Message
	}
	if t.Trust != nil {
		out.Trust = &triedTrust{Allowed: t.Trust.Allowed, Statement: t.Trust.Statement}
	}

	return out
}
