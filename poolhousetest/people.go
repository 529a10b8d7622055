package poolhousetest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// PutUser adds a user of the server's own provider, or replaces the user of that name. The claims are those of
// the user's tokens; the subject is the claim sub or, without it, the name.
func (s *Server) PutUser(t testing.TB, name string, claims map[string]any) {
	t.Helper()
	users := s.DevUsers()
	if users == nil {
		t.Fatal("poolhousetest: only a development server has users")
	}

	user, err := devuser.New(name, claims)
	if err == nil {
		err = users.Put(user)
	}
	if err != nil {
		t.Fatalf("poolhousetest: PutUser: %v", err)
	}
}

// Token returns an ID token of the server's own provider for a user. It is valid for an hour. If the server has no
// users at all, who may be anybody: it is the subject. claims are added to the user's, or take their places.
func (s *Server) Token(t testing.TB, who string, claims ...map[string]any) string {
	t.Helper()
	request := poolhouse.DevTokenRequest{User: who, Claims: map[string]any{}}
	if s.hasNoUsers() {
		request.User, request.Subject = "", who
	}
	for _, some := range claims {
		maps.Copy(request.Claims, some)
	}

	return s.TokenOf(t, request)
}

func (s *Server) hasNoUsers() bool {
	users := s.DevUsers()
	return users != nil && len(users.List()) == 0
}

// TokenOf returns an ID token of the server's own provider as the request describes it: for anybody, for another
// audience, or expired.
func (s *Server) TokenOf(t testing.TB, request poolhouse.DevTokenRequest) string {
	t.Helper()
	token, err := s.DevToken(lasting(t), request)
	if err != nil {
		t.Fatalf("poolhousetest: no token: %v", err)
	}
	return token
}

// Logins returns a Logins map that signs a user in by the server's own provider. See Token.
func (s *Server) Logins(t testing.TB, who string, claims ...map[string]any) map[string]string {
	t.Helper()
	info, _ := s.DevInfo()
	return map[string]string{info.LoginKey: s.Token(t, who, claims...)}
}

// SAMLResponse returns a response of the server's own SAML provider for a user, in base64, as it is in a Logins map
// and in the parameter SAMLAssertion of AssumeRoleWithSAML. The user's claims that are texts become attributes;
// the others are added to them. If the server has no users at all, who may be anybody: it is the NameID.
func (s *Server) SAMLResponse(t testing.TB, who string, attributes map[string][]string) string {
	t.Helper()
	return s.saml(t, who, attributes).Response
}

// SAMLLogins returns a Logins map that signs a user in by the server's own SAML provider, whose ARN is its key: a
// pool has it in SamlProviderARNs. See SAMLResponse.
func (s *Server) SAMLLogins(t testing.TB, who string, attributes map[string][]string) map[string]string {
	t.Helper()
	response := s.saml(t, who, attributes)

	return map[string]string{response.LoginKey: response.Response}
}

func (s *Server) saml(t testing.TB, who string, attributes map[string][]string) poolhouse.DevSAMLResponse {
	t.Helper()
	request := poolhouse.DevSAMLRequest{User: who, Attributes: attributes}
	if s.hasNoUsers() {
		request.User, request.NameID = "", who
	}

	response, err := s.DevSAML(request)
	if err != nil {
		t.Fatalf("poolhousetest: no SAML response: %v", err)
	}

	return response
}

// Identity is an identity of an identity pool with credentials for its role.
type Identity struct {
	ID          string
	Credentials aws.Credentials

	server *Server
}

// AWSConfig returns a configuration for clients of AWS SDK v2 for Go whose calls are signed with the
// identity's credentials.
func (i Identity) AWSConfig() aws.Config {
	return i.server.configWith(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return i.Credentials, nil
	}))
}

// SignIn signs a user of the server's own provider in to an identity pool: GetId, then
// GetCredentialsForIdentity. pool is the pool's ID or name; "" = the only one. See Token for who.
func (s *Server) SignIn(t testing.TB, pool, who string) Identity {
	t.Helper()
	return s.SignInWith(t, pool, s.Logins(t, who))
}

// Guest makes a guest of an identity pool. pool is the pool's ID or name; "" = the only one.
func (s *Server) Guest(t testing.TB, pool string) Identity {
	t.Helper()
	return s.SignInWith(t, pool, nil)
}

// SignInWith is SignIn with the logins of any provider. The logins of a DeveloperToken are for CredentialsFor.
func (s *Server) SignInWith(t testing.TB, pool string, logins map[string]string) Identity {
	t.Helper()
	var id struct {
		IdentityID string `json:"IdentityId"`
	}
	s.pools(t, "GetId", map[string]any{"IdentityPoolId": s.PoolID(t, pool), "Logins": logins}, &id)

	return s.CredentialsFor(t, id.IdentityID, logins)
}

// CredentialsFor gets credentials of an identity that exists: GetCredentialsForIdentity alone.
func (s *Server) CredentialsFor(t testing.TB, id string, logins map[string]string) Identity {
	t.Helper()
	var out struct {
		IdentityID  string `json:"IdentityId"`
		Credentials struct {
			AccessKeyID  string `json:"AccessKeyId"`
			SecretKey    string
			SessionToken string
			Expiration   json.Number // seconds since 1970
		}
	}
	s.pools(t, "GetCredentialsForIdentity", map[string]any{"IdentityId": id, "Logins": logins}, &out)

	seconds, err := out.Credentials.Expiration.Float64()
	if err != nil {
		t.Fatalf("poolhousetest: GetCredentialsForIdentity: Expiration: %v", err)
	}

	return Identity{
		ID: out.IdentityID,
		Credentials: aws.Credentials{
			AccessKeyID:     out.Credentials.AccessKeyID,
			SecretAccessKey: out.Credentials.SecretKey,
			SessionToken:    out.Credentials.SessionToken,
			CanExpire:       true,
			Expires:         time.UnixMilli(int64(seconds * 1000)),
			Source:          source,
		},
		server: s,
	}
}

// DeveloperToken is what a backend gives to a user whom it has signed in itself (developer
// authenticated identities).
type DeveloperToken struct {
	IdentityID string
	Token      string
}

// Logins returns the Logins map for GetCredentialsForIdentity with the token, and for CredentialsFor.
func (d DeveloperToken) Logins() map[string]string {
	return map[string]string{"cognito-identity.amazonaws.com": d.Token}
}

// DeveloperToken calls GetOpenIdTokenForDeveloperIdentity for a user of the pool's developer provider. pool is
// the pool's ID or name; "" = the only one.
func (s *Server) DeveloperToken(t testing.TB, pool, user string) DeveloperToken {
	t.Helper()
	id := s.PoolID(t, pool)
	var described struct{ DeveloperProviderName string }
	s.pools(t, "DescribeIdentityPool", map[string]any{"IdentityPoolId": id}, &described)
	if described.DeveloperProviderName == "" {
		t.Fatalf("poolhousetest: DeveloperToken: the pool %s has no DeveloperProviderName", id)
	}

	var out struct {
		IdentityID string `json:"IdentityId"`
		Token      string
	}
	in := map[string]any{"IdentityPoolId": id, "Logins": map[string]string{described.DeveloperProviderName: user}}
	s.pools(t, "GetOpenIdTokenForDeveloperIdentity", in, &out)

	return DeveloperToken{IdentityID: out.IdentityID, Token: out.Token}
}

const maxPools = 1000 // that a name is looked for among

// PoolID returns the ID of an identity pool, of which name is the name or the ID; "" = the only pool.
func (s *Server) PoolID(t testing.TB, name string) string {
	t.Helper()
	pools, err := s.DevPools(lasting(t), maxPools)
	if err != nil {
		t.Fatalf("poolhousetest: the pools cannot be read: %v", err)
	}

	var names, found []string
	for _, p := range pools {
		names = append(names, p.Name)
		if name == "" || name == p.Name || name == p.ID {
			found = append(found, p.ID)
		}
	}
	slices.Sort(names)

	switch {
	case len(found) == 1:
		return found[0]
	case len(pools) == 0:
		t.Fatal("poolhousetest: the server has no identity pool: start it with Demo, or with Seed and a pool")
	case len(found) == 0:
		t.Fatalf("poolhousetest: no identity pool %q%s: there are %s", name, proposal(name, names),
			strings.Join(names, ", "))
	default:
		t.Fatalf("poolhousetest: %d identity pools fit %q: name one of %s", len(found), name, strings.Join(found, ", "))
	}

	return ""
}

func proposal(name string, names []string) string {
	if near := explain.Nearest(name, names); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ""
}

// pools calls an operation of the identity pools without HTTP. Such calls are no calls of the program under test.
func (s *Server) pools(t testing.TB, operation string, in, out any) {
	t.Helper()
	seeder := s.DevSeeder()
	if seeder == nil {
		t.Fatalf("poolhousetest: %s: only a development server can be called so", operation)
	}
	err := seeder.Client.JSON(lasting(t), identityPools, identityPoolsTarget, operation, in, out)
	if err != nil {
		t.Fatalf("poolhousetest: %v%s", err, s.whyRefused(err))
	}
}

// whyRefused returns the explanation of a call that was refused; "" = there is none.
func (s *Server) whyRefused(err error) string {
	call, ok := s.DevCalls().Own(apply.RequestID(err))
	if !ok {
		return ""
	}
	return "\n" + explain.Text(call.Steps, call.Planned, nil)
}

const (
	identityPools       = "cognito-identity"
	identityPoolsTarget = "AWSCognitoIdentityService"
)
