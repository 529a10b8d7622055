package poolhouse_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A production server does not know the development key, not even when somebody
// adds it to the database while it serves.
func TestDevelopmentKeyAddedLater(t *testing.T) {
	p := wiretest.StartProduction(t)
	wiretest.Must(p.Keys.Import(t.Context(), poolhouse.DevAccessKeyID, poolhouse.DevSecretAccessKey,
		iam.NewAccessKey{Account: identitypool.AccountID(p.Account())}))(t)
	_, err := p.Admin().ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
	wiretest.WantError(t, err, "UnrecognizedClientException", "")
	wiretest.Must(p.Root.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}))(t)
}

// What is for development only is not there in production.
func TestNothingOfDevelopmentInProduction(t *testing.T) {
	p := wiretest.StartProduction(t)
	for _, path := range []string{poolhouse.DevInfoPath, poolhouse.DevTokenPath,
		issuer.DevPath + "/.well-known/openid-configuration"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			request, err := http.NewRequestWithContext(t.Context(), method, p.URL+path,
				strings.NewReader(`{"sub":"alice"}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := wiretest.Do(t, request); got.Status == http.StatusOK || strings.Contains(got.Body, "eyJ") ||
				strings.Contains(got.Body, poolhouse.DevAudience) {
				t.Errorf("%s %s = %d %s", method, path, got.Status, got.Body)
			}
		}
	}

	if info, there := p.DevInfo(); there {
		t.Errorf("DevInfo = %+v", info)
	}
	const pinned = "us-east-1:11111111-2222-3333-4444-555555555555"
	pool := wiretest.Must(
		p.Root.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName: aws.String("p"),
			IdentityPoolTags: map[string]string{"_custom_id_": pinned},
		}),
	)(t)
	if *pool.IdentityPoolId == pinned || pool.IdentityPoolTags["_custom_id_"] != pinned {
		t.Errorf("the pinned ID is no ordinary tag: pool %s, tags %v", *pool.IdentityPoolId, pool.IdentityPoolTags)
	}

	_, err := poolhouse.New(t.Context(),
		poolhouse.Config{DataDir: t.TempDir(), IssuerURL: "https://id.example", AcceptUnknownRoles: true})
	if err == nil || !strings.Contains(err.Error(), "accepting unknown roles is for development only") {
		t.Errorf("AcceptUnknownRoles without Dev: %v", err)
	}
}
