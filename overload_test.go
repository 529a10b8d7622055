package poolhouse_test

import (
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/sts"
)

// Each operation is in the class of what it waits for: a new one that is public, or
// that signs tokens, has its row here.
func TestOperationClasses(t *testing.T) {
	classes := map[string]overload.Class{ // of all others: overload.Administration
		"GetId":                              overload.Writes,
		"UnlinkIdentity":                     overload.Writes,
		"GetOpenIdToken":                     overload.Signing,
		"GetOpenIdTokenForDeveloperIdentity": overload.Signing,
		"GetCredentialsForIdentity":          overload.Reads,
		"AssumeRoleWithWebIdentity":          overload.Reads,
		"AssumeRoleWithSAML":                 overload.Reads,
	}
	check := func(operations []awsapi.Operation) {
		t.Helper()
		for _, op := range operations {
			want, named := classes[op.Name()]
			if !named {
				want = overload.Administration
			}
			if op.Class() != want {
				t.Errorf("%s is in class %s, want %s", op.Name(), op.Class(), want)
			}
			if !op.Signed() && op.Class() == overload.Administration {
				t.Errorf("%s is public and in the class of administration", op.Name())
			}
		}
	}
	query := append(sts.NewAPI(sts.APIOptions{}).Operations(), iamapi.New(iamapi.Options{}).Operations()...)
	check(cognitoidentity.New(cognitoidentity.Options{}).Operations())
	check(query)

	// The headers of AWS Query do not name the operation, only whether it is signed.
	for _, op := range query {
		want := overload.Reads
		if op.Signed() {
			want = overload.Administration
		}
		if op.Class() != want {
			t.Errorf("%s is in class %s; its headers say %s", op.Name(), op.Class(), want)
		}
	}

	// Where another STS gives the credentials, it reads a token of ours.
	classes["GetCredentialsForIdentity"] = overload.Signing
	check(cognitoidentity.New(cognitoidentity.Options{CredentialsByToken: true}).Operations())
}
