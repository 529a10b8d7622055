package cognitoidentity_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// In development the tag _custom_id_ is a new pool's ID, whole or without the region, and stays a
// tag of the pool.
func TestPinnedIDs(t *testing.T) {
	const guid = "11111111-2222-4333-8444-555555555555"
	var traces wiretest.TraceList
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.OnTrace = traces.Add })
	create := func(region, value string) (*ci.CreateIdentityPoolOutput, error) {
		return s.SignedBy(region, "test", "test", "").CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName:               aws.String("pinned"),
			AllowUnauthenticatedIdentities: true,
			IdentityPoolTags:               map[string]string{"_custom_id_": value, "team": "a"},
		})
	}

	for _, test := range []struct{ region, value, id string }{
		{"us-east-1", "us-east-1:" + guid, "us-east-1:" + guid},
		{"eu-west-1", guid, "eu-west-1:" + guid},
	} {
		pool := wiretest.Must(create(test.region, test.value))(t)
		wiretest.Equal(t, "ID of "+test.value, *pool.IdentityPoolId, test.id)
		wiretest.Equal(t, "the tag of "+test.id, pool.IdentityPoolTags["_custom_id_"], test.value)
		wiretest.Equal(t, "another tag of "+test.id, pool.IdentityPoolTags["team"], "a")

		described := wiretest.Must(s.SignedBy(test.region, "test", "test", "").DescribeIdentityPool(t.Context(),
			&ci.DescribeIdentityPoolInput{IdentityPoolId: &test.id}))(t)
		wiretest.Equal(t, "the tag at the next look", described.IdentityPoolTags["_custom_id_"], test.value)
	}

	for _, taken := range []string{guid, "us-east-1:" + guid} {
		_, err := create("us-east-1", taken)
		wiretest.WantError(t, err, "ResourceConflictException", "IdentityPool 'us-east-1:"+guid+"' already exists.")
		wiretest.Equal(t, "reason for "+taken, string(traces.Last().Reason), "pool-id-taken")
	}

	for name, value := range map[string]string{
		"empty":          "",
		"text":           "my-pool",
		"upper case":     strings.ToUpper("us-east-1:aaaaaaaa-2222-4333-8444-555555555555"),
		"upper GUID":     "AAAAAAAA-2222-4333-8444-555555555555",
		"no hyphens":     strings.ReplaceAll(guid, "-", ""),
		"another region": "eu-west-1:22222222-2222-4333-8444-555555555555",
		"no region":      ":22222222-2222-4333-8444-555555555555",
		"no GUID":        "us-east-1:",
		"two regions":    "us-east-1:us-east-1:22222222-2222-4333-8444-555555555555",
		"blank":          " 22222222-2222-4333-8444-555555555555",
		"user pool":      "us-east-1_abcdefghi",
	} {
		_, err := create("us-east-1", value)
		wiretest.WantError(t, err, "InvalidParameterException", "The tag _custom_id_ must hold a pool ID of this "+
			"region, us-east-1:<lower-case GUID>, or its GUID alone.")
		wiretest.Equal(t, "reason for "+name, string(traces.Last().Reason), "pool-id-form-of-the-tag")
	}

	// Nothing was made, and a tag that comes later moves no pool.
	list := wiretest.Must(s.Admin().ListIdentityPools(t.Context(),
		&ci.ListIdentityPoolsInput{MaxResults: aws.Int32(60)}))(t)
	wiretest.Equal(t, "pools", len(list.IdentityPools), 1)
	wiretest.Must(s.Admin().TagResource(t.Context(), &ci.TagResourceInput{
		ResourceArn: aws.String("arn:aws:cognito-identity:us-east-1:000000000000:identitypool/us-east-1:" + guid),
		Tags:        map[string]string{"_custom_id_": "22222222-2222-4333-8444-555555555555"},
	}))(t)
	wiretest.Must(s.Admin().DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: aws.String("us-east-1:" + guid)}))(t)
}
