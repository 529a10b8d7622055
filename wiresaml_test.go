package poolhouse_test

import (
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

const (
	samlARN   = "arn:aws:iam::000000000000:saml-provider/Corp"
	otherSAML = "arn:aws:iam::000000000000:saml-provider/Other"
	opsRole   = "arn:aws:iam::000000000000:role/Ops"
	auditRole = "arn:aws:iam::000000000000:role/Audit"
	taggedARN = "arn:aws:iam::000000000000:role/Tagged"
	samlPool  = "us-east-1:5a313000-0000-4000-8000-000000000001"
)

func pairs(roles ...string) samltest.Attribute {
	for i := range roles {
		roles[i] += "," + samlARN
	}
	return samltest.Roles(roles...)
}
