package wiretest

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

// Served returns the settings of a server that requires an initialised database.
func Served(c poolhouse.Config) poolhouse.Config {
	c.RequireInitialised, c.IssuerURL, c.TokenAlgorithm = true, "https://id.example", "ES256"
	return c
}

// Production is a server without Config.Dev, and a client with its root key.
type Production struct {
	*Server
	Root *ci.Client
	Dir  string
	Keys *iam.AccessKeys // as another process on the same data has them
}

// ProductionMaster is the master key of StartProduction.
var ProductionMaster = bytes.Repeat([]byte{9}, 32)

// StartProduction runs a server without Config.Dev.
func StartProduction(t *testing.T, change ...func(*poolhouse.Config)) *Production {
	t.Helper()
	p := &Production{Dir: t.TempDir()}
	p.Server = Start(t, append([]func(*poolhouse.Config){func(c *poolhouse.Config) {
		c.Dev, c.AcceptUnknownRoles, c.DataDir, c.MasterKey, c.TokenAlgorithm =
			false, false, p.Dir, ProductionMaster, "ES256"
	}}, change...)...)

	key, made, err := p.FirstKey(t.Context())
	if err != nil || !made {
		t.Fatalf("FirstKey = %t, %v", made, err)
	}
	p.Root = p.SignedBy(Region, key.AccessKeyID, key.SecretAccessKey, "")

	db := Must(store.Open(t.Context(), store.Options{Path: filepath.Join(p.Dir, poolhouse.DatabaseFile)}))(t)
	t.Cleanup(func() { _ = db.Close() })
	p.Keys = Must(iam.NewAccessKeys(iam.AccessKeyOptions{
		Store:  db,
		Sealer: Must(envelope.New(ProductionMaster))(t),
	}))(t)

	return p
}
