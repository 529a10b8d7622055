package stsapi_test

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// registered is an account that registered an issuer of web identity tokens as a provider, with a role for one
// subject.
type registered struct {
	s    *wiretest.Accounts
	role string
}

// register has an account trust an issuer for one subject.
func register(t *testing.T, s *wiretest.Accounts, account, issuerURL, subject string) registered {
	t.Helper()
	roles := s.Roles(account)
	made := wiretest.Must(roles.CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url:          &issuerURL,
		ClientIDList: []string{outside},
	}))(t)
	provider := *made.OpenIDConnectProviderArn

	_, key, _ := strings.Cut(issuerURL, "://")
	trust := wiretest.PolicyOf(`{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` +
		key + `:sub":"` + subject + `","` + key + `:aud":"` + outside + `"}}}`)
	role := wiretest.Must(roles.CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName:                 aws.String("Federated"),
		AssumeRolePolicyDocument: &trust,
	}))(t).Role

	return registered{s: s, role: *role.Arn}
}

// assume takes the role with a token.
func (r registered) assume(t *testing.T, token string) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	t.Helper()
	return webTokens(r.s.Server, root).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          &r.role,
		RoleSessionName:  aws.String("me"),
		WebIdentityToken: &token,
	})
}

// webToken asks for a token with an account's key.
func webToken(
	t *testing.T, s *wiretest.Accounts, account string, change ...func(*sts.GetWebIdentityTokenInput),
) string {
	t.Helper()
	out := wiretest.Must(webTokens(s.Server, s.Keys[account]).GetWebIdentityToken(t.Context(), wanted(change...)))(t)
	return *out.WebIdentityToken
}

const (
	homeRoot     = "arn:aws:iam::" + wiretest.HomeAccount + ":root"
	strangerRoot = "arn:aws:iam::" + wiretest.Stranger + ":root"
)

// An account that registered an issuer of this server takes its tokens as any other provider's.
func TestOwnIssuerAsAProvider(t *testing.T) {
	s := wiretest.StartTenants(t, []string{wiretest.Stranger})
	home, stranger := enableWebTokens(t, s.IAM()), enableWebTokens(t, s.Roles(wiretest.Stranger))

	for name, r := range map[string]registered{
		"the same account": register(t, s, wiretest.HomeAccount, home, homeRoot),
		"another account":  register(t, s, wiretest.Stranger, home, homeRoot),
	} {
		for _, algorithm := range webidentity.Algorithms {
			out, err := r.assume(t, webToken(t, s, wiretest.HomeAccount, func(in *sts.GetWebIdentityTokenInput) {
				in.SigningAlgorithm = &algorithm
			}))
			if err != nil {
				t.Errorf("%s, %s: %v", name, algorithm, err)
			} else if *out.SubjectFromWebIdentityToken != homeRoot || *out.Audience != outside {
				t.Errorf("%s: subject %s, audience %s", name, *out.SubjectFromWebIdentityToken, *out.Audience)
			}
		}

		_, err := r.assume(t, webToken(t, s, wiretest.Stranger))
		wantRefusal(t, err, "InvalidIdentityToken", "No OpenIDConnect provider found")
		_, err = r.assume(t, webToken(t, s, wiretest.HomeAccount, func(in *sts.GetWebIdentityTokenInput) {
			in.Audience = []string{"https://other.example"}
		}))
		wantRefusal(t, err, "InvalidIdentityToken", "Incorrect token audience")
		_, err = r.assume(t, webToken(t, s, wiretest.HomeAccount, func(in *sts.GetWebIdentityTokenInput) {
			in.Audience = []string{outside, "https://other.example"}
		}))
		wantRefusal(t, err, "InvalidIdentityToken", "more than one audience while authorized party is not present")

		altered := webToken(t, s, wiretest.HomeAccount)
		_, err = r.assume(t, altered[:len(altered)-8]+wiretest.Flip(altered[len(altered)-8:]))
		wantRefusal(t, err, "InvalidIdentityToken", "")
	}

	// The stranger's own issuer does not help with a role that is for the home account's root.
	r := registered{s: s, role: "arn:aws:iam::" + wiretest.Stranger + ":role/Federated"}
	wiretest.Must(s.Roles(wiretest.Stranger).CreateOpenIDConnectProvider(t.Context(),
		&iamclient.CreateOpenIDConnectProviderInput{Url: &stranger, ClientIDList: []string{outside}}))(t)
	if _, err := r.assume(t, webToken(t, s, wiretest.Stranger)); err == nil {
		t.Errorf("%s passes for %s", strangerRoot, homeRoot)
	}
}

// Within ten seconds after a key was retired, the server's own STS takes no token of it any more.
func TestRetiredKeyOfAnOwnIssuer(t *testing.T) {
	var now atomic.Pointer[time.Time]
	set := func(at time.Time) { now.Store(&at) }
	set(time.Now().Truncate(time.Second))
	clock := func() time.Time { return *now.Load() }
	s := wiretest.StartTenants(t, nil, func(c *poolhouse.Config) { c.Now = clock })
	home := enableWebTokens(t, s.IAM())
	r := register(t, s, wiretest.HomeAccount, home, homeRoot)
	token := webToken(t, s, wiretest.HomeAccount)
	wiretest.Must(r.assume(t, token))(t) // the control, which also fills the caches

	profile := wiretest.Must(webidentity.Profile(home[strings.LastIndexByte(home, '/')+1:]))(t)
	sealer := wiretest.Must(envelope.New(bytes.Repeat([]byte{9}, 32)))(t)
	beside := wiretest.Must(issuer.New(t.Context(), issuer.Options{
		Store:   s.DB,
		Sealer:  sealer,
		URL:     home,
		Profile: &profile,
		Now:     clock,
	}))(t)
	if err := beside.RotateNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	wiretest.Must(profile.RetireIn(t.Context(), s.DB, sealer, clock, wiretest.KeyID(t, token)))(t)

	set(clock().Add(issuer.Lag))
	if _, err := r.assume(t, token); err == nil {
		t.Error("a token of a retired key is taken")
	}
	if _, err := r.assume(t, webToken(t, s, wiretest.HomeAccount)); err != nil {
		t.Errorf("a token of the new key: %v", err)
	}
}
