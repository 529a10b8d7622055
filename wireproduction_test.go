package poolhouse_test

import (
	"bytes"
	"path/filepath"
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// served are the settings of a server that wants an initialised database.
func served(c poolhouse.Config) poolhouse.Config {
	c.RequireInitialised, c.IssuerURL, c.TokenAlgorithm = true, "https://id.example", "ES256"
	return c
}

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
