package wiretest

import (
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

// SAML providers, their roles and the pool of their users.
const (
	SAMLARN   = "arn:aws:iam::000000000000:saml-provider/Corp"
	OtherSAML = "arn:aws:iam::000000000000:saml-provider/Other"
	OpsRole   = "arn:aws:iam::000000000000:role/Ops"
	AuditRole = "arn:aws:iam::000000000000:role/Audit"
	TaggedARN = "arn:aws:iam::000000000000:role/Tagged"
	SAMLPool  = "us-east-1:5a313000-0000-4000-8000-000000000001"
)

// Pairs returns the attribute of an assertion that offers roles of SAMLARN.
func Pairs(roles ...string) samltest.Attribute {
	for i := range roles {
		roles[i] += "," + SAMLARN
	}
	return samltest.Roles(roles...)
}
