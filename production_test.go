package poolhouse_test

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// production is a server without Config.Dev, with a client of its root key.
type production struct {
	*testServer
	root *ci.Client
	dir  string
	keys *iam.AccessKeys // of another process on the same data
}

var productionMaster = bytes.Repeat([]byte{9}, 32)

func startProduction(t *testing.T, change ...func(*poolhouse.Config)) *production {
	t.Helper()
	p := &production{dir: t.TempDir()}
	p.testServer = start(t, append([]func(*poolhouse.Config){func(c *poolhouse.Config) {
		c.Dev, c.AcceptUnknownRoles, c.DataDir, c.MasterKey, c.TokenAlgorithm = false, false, p.dir, productionMaster, "ES256"
	}}, change...)...)
	key, made, err := p.FirstKey(t.Context())
	if err != nil || !made {
		t.Fatalf("FirstKey = %t, %v", made, err)
	}
	p.root = p.signedBy(region, key.AccessKeyID, key.SecretAccessKey, "")
	db := must(store.Open(t.Context(), store.Options{Path: filepath.Join(p.dir, poolhouse.DatabaseFile)}))(t)
	t.Cleanup(func() { _ = db.Close() })
	p.keys = must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db, Sealer: must(envelope.New(productionMaster))(t)}))(t)
	return p
}

// A production server does not know the development key, not even when somebody
// adds it to the database while it serves.
func TestDevelopmentKeyAddedLater(t *testing.T) {
	p := startProduction(t)
	must(p.keys.Import(t.Context(), poolhouse.DevAccessKeyID, poolhouse.DevSecretAccessKey, iam.NewAccessKey{Account: identitypool.AccountID(p.Account())}))(t)
	_, err := p.admin().ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
	wantError(t, err, "UnrecognizedClientException", "")
	must(p.root.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}))(t)
}

// What is for development only is not there in production.
func TestNothingOfDevelopmentInProduction(t *testing.T) {
	p := startProduction(t)
	for _, path := range []string{poolhouse.DevInfoPath, poolhouse.DevTokenPath, issuer.DevPath + "/.well-known/openid-configuration"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			request, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, strings.NewReader(`{"sub":"alice"}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := do(t, request); got.status == http.StatusOK || strings.Contains(got.body, "eyJ") || strings.Contains(got.body, poolhouse.DevAudience) {
				t.Errorf("%s %s = %d %s", method, path, got.status, got.body)
			}
		}
	}
	if info, there := p.DevInfo(); there {
		t.Errorf("DevInfo = %+v", info)
	}
	const pinned = "us-east-1:11111111-2222-3333-4444-555555555555"
	pool := must(p.root.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), IdentityPoolTags: map[string]string{"_custom_id_": pinned}}))(t)
	if *pool.IdentityPoolId == pinned || pool.IdentityPoolTags["_custom_id_"] != pinned {
		t.Errorf("the pinned ID is no ordinary tag: pool %s, tags %v", *pool.IdentityPoolId, pool.IdentityPoolTags)
	}
	_, err := poolhouse.New(t.Context(), poolhouse.Config{DataDir: t.TempDir(), IssuerURL: "https://id.example", AcceptUnknownRoles: true})
	if err == nil || !strings.Contains(err.Error(), "accepting unknown roles is for development only") {
		t.Errorf("AcceptUnknownRoles without Dev: %v", err)
	}
}
