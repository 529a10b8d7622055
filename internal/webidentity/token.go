package webidentity

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// MaxToken is the most characters of a token: AssumeRoleWithWebIdentity, which may read it again, takes no
// more. AWS's limit is not published.
const MaxToken = 20000

// Token describes a token to sign.
type Token struct {
	Account   identitypool.AccountID // whose issuer signs
	Algorithm string                 // one of Algorithms
	Audience  []string               // one at least
	Subject   string                 // ARN of the caller's role or user
	Caller    Caller
	Issued    time.Time // in whole seconds, like Expires
	Expires   time.Time
}

// Caller has the facts about the caller, in a claim of their own. The names of the first
// eight are AWS's (IAM User Guide, "Understanding token claims"; observed). Empty ones are left out.
type Caller struct {
	Account           string            `json:"aws_account"`
	Region            string            `json:"source_region"`
	Principal         string            `json:"principal_id"` // ARN
	SessionExpires    string            `json:"original_session_exp,omitempty"`
	PrincipalTags     map[string]string `json:"principal_tags,omitempty"`
	RequestTags       map[string]string `json:"request_tags,omitempty"`
	SourceIdentity    string            `json:"source_identity,omitempty"`
	FederatedProvider string            `json:"federated_provider,omitempty"`

	// The rest is about the identity of a pool, and has the names that API Gateway gives these facts,
	// as claims are written. AWS's tokens do not have them.
	Identity           string `json:"cognito_identity_id,omitempty"`
	Pool               string `json:"cognito_identity_pool_id,omitempty"`
	AuthenticationType string `json:"cognito_authentication_type,omitempty"` // authenticated or unauthenticated
	LoginProvider      string `json:"cognito_authentication_provider,omitempty"`
}

// payload has the claims of a token in the order of AWS's.
type payload struct {
	Audience any    `json:"aud"` // a string, or a list of several
	Subject  string `json:"sub"`
	Caller   Caller `json:"https://sts.amazonaws.com/"`
	Issuer   string `json:"iss"`
	Expires  int64  `json:"exp"`
	Issued   int64  `json:"iat"`
	ID       string `json:"jti"`
}

// Sign returns a token of the account's issuer. Errors: ErrDisabled, ErrTooLarge.
func (s *Issuers) Sign(ctx context.Context, t Token) (string, error) {
	id, err := s.enabled(ctx, t.Account)
	if err != nil {
		return "", err
	}
	text, err := s.payload(id, t)
	if err != nil {
		return "", err
	}

	i, err := s.open(ctx, id)
	if err != nil {
		return "", err
	}
	token, err := i.SignPayload(ctx, t.Algorithm, text, t.Issued, t.Expires)
	if err == nil && len(token) > MaxToken {
		return "", fmt.Errorf("%w: it has %d characters", ErrTooLarge, len(token))
	}

	return token, err
}

// payload writes the claims. It refuses those that make a token too large before anything is signed.
func (s *Issuers) payload(id string, t Token) ([]byte, error) {
	jti, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	p := payload{
		Audience: t.Audience,
		Subject:  t.Subject,
		Caller:   t.Caller,
		Issuer:   s.url(id),
		Expires:  t.Expires.Unix(),
		Issued:   t.Issued.Unix(),
		ID:       jti.String(),
	}
	if len(t.Audience) == 1 {
		p.Audience = t.Audience[0]
	}

	text, err := json.Marshal(p, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("a claim is no JSON: %w", err)
	}
	if encoded := len(text) / 3 * 4; encoded > MaxToken {
		return nil, fmt.Errorf("%w: its claims alone have %d characters", ErrTooLarge, encoded)
	}

	return text, nil
}
