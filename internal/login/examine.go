package login

import (
	"context"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/saml"
)

// Examine judges a credential as Verify does, for people who ask what is wrong with it. The
// error is Verify's. Of an ID token it makes every check that has a meaning by itself, and
// returns the claims even if they are not proved (idtoken.Verifier.Examine). It keeps no
// answer about a user.
func (v *Verifier) Examine(ctx context.Context, trust Trust, credential string) (c Claims, proven bool, err error) {
	p, known := protocols[trust.Kind]
	if !known {
		return Claims{}, false, fmt.Errorf("login: provider %q has the unknown kind %q", trust.Provider, trust.Kind)
	}

	trace := explain.FromContext(ctx)
	trace.Plan(p.checks)
	ctx = explain.NewContext(ctx, trace.For(trust.Provider))
	if trust.Kind == OIDC {
		return v.tokens.Examine(ctx, &trust.Rule, credential)
	}

	forgetful := *v
	forgetful.answers = newAnswers(1)
	c, err = p.verify(&forgetful, ctx, trust, credential)

	return c, err == nil, err
}

// Stated returns the facts that an administrator states about a user of a provider, as Verify
// would return them after a login: claims, or for SAML the attributes, each a text or a list
// of texts. It proves nothing. It returns *Refused for attributes that Verify would refuse.
func Stated(ctx context.Context, trust Trust, claims map[string]any) (Claims, error) {
	if trust.Kind != SAML {
		return idtoken.Stated(claims), nil
	}

	attributes := map[string][]string{}
	for name, value := range claims {
		values, isList := value.([]any)
		if !isList {
			values = []any{value}
		}

		texts := make([]string, 0, len(values))
		for _, v := range values {
			if text, isText := v.(string); isText {
				texts = append(texts, text)
			}
		}
		attributes[name] = texts
	}

	a, refused := saml.OfAttributes(attributes)
	j := &judge{trust: &trust, trace: explain.FromContext(ctx)}
	if refused != nil {
		refused.Message = messageNotSAML
		return Claims{}, j.refuse(refused.Refusal)
	}
	if names := attributes[nameIdentifierClaim]; len(names) > 0 {
		a.NameID = names[0]
	}

	return Claims{
		Subject: a.NameID,
		All:     samlClaims(a),
		Roles:   j.samlRoles(a),
	}, nil
}
