package cognitoidentity_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Each identity is asked about by itself: what the caller may not delete, and
// what the database could not, is named and stays.
func TestDeleteIdentitiesOneByOne(t *testing.T) {
	p := wiretest.StartProduction(t)
	pool := func() string {
		id := *wiretest.Must(p.Root.CreateIdentityPool(t.Context(),
			&ci.CreateIdentityPoolInput{IdentityPoolName: new("p"),
				AllowUnauthenticatedIdentities: true}))(t).IdentityPoolId
		return id
	}

	mine, others := pool(), pool()
	key, secret, err := p.Keys.Create(t.Context(),
		iam.NewAccessKey{Account: identitypool.AccountID(p.Account()), Policy: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"cognito-identity:DeleteIdentities","Resource":"*",
			"Condition":{"StringEquals":{"cognito-identity:IdentityPoolArn":"` +
			identitypool.PoolARN(wiretest.Region, identitypool.AccountID(p.Account()),
				identitypool.PoolID(mine)) + `"}}}]}`})
	if err != nil {
		t.Fatal(err)
	}
	limited := p.SignedBy(wiretest.Region, key.ID, secret, "")
	const unknown = "us-east-1:00000000-0000-4000-8000-000000000000"
	remove := func(c *ci.Client, ids ...string) (string, error) {
		out, err := c.DeleteIdentities(t.Context(), &ci.DeleteIdentitiesInput{IdentityIdsToDelete: ids})
		if err != nil {
			return "", err
		}

		var b strings.Builder
		for _, u := range out.UnprocessedIdentityIds {
			fmt.Fprintf(&b, "%s %s,", *u.IdentityId, u.ErrorCode)
		}

		return b.String(), nil
	}

	there := func(id string) bool {
		_, err := p.Root.DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &id})
		return err == nil
	}

	ours, theirs := p.GetID(t, mine, nil), p.GetID(t, others, nil)
	wiretest.Equal(t, "unprocessed", wiretest.Must(remove(limited, theirs, unknown, ours))(t), theirs+" AccessDenied,")
	wiretest.Equal(t, "another pool's identity is there", there(theirs), true)
	wiretest.Equal(t, "the pool's own is there", there(ours), false)

	for name, ids := range map[string][]string{"none that it may": {theirs, unknown}, "none that exists": {unknown}} {
		_, err = remove(limited, ids...)
		t.Run(name, func(t *testing.T) { wiretest.WantError(t, err, "AccessDeniedException", "") })
	}
	wiretest.Equal(t, "unknown ones of who may delete all", wiretest.Must(remove(p.Root, unknown))(t), "")
	broken, sound := p.GetID(t, mine, nil), p.GetID(t, mine, nil)

	db := wiretest.Must(sql.Open("sqlite", filepath.Join(p.Dir, poolhouse.DatabaseFile)))(t)
	defer db.Close()

	if _, err := db.ExecContext(t.Context(),
		`CREATE TRIGGER broken BEFORE DELETE ON identities WHEN OLD.identity_id = '`+broken+
			`' BEGIN SELECT RAISE(ABORT, 'broken'); END`); err != nil {
		t.Fatal(err)
	}
	wiretest.Equal(t, "unprocessed with a broken database", wiretest.Must(remove(p.Root, broken, sound))(t),
		broken+" InternalServerError,")
	wiretest.Equal(t, "what could not be deleted is there", there(broken), true)
	wiretest.Equal(t, "what could is there", there(sound), false)
}
