package apply

import (
	"encoding/json"
	"testing"
)

// Trust policies that were written when all regions had one partition are read with
// the principals that may be written today.
func TestPrincipalsOf(t *testing.T) {
	var document any
	const text = `{"Statement":[{"Principal":{"AWS":["arn:aws:iam::1:root","1"],"Federated":"arn:aws:iam::1:saml-provider/S"},` +
		`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::1:role/*"}}},{"NotPrincipal":{"AWS":"arn:aws:iam::1:role/R"}},{"Principal":"*"}]}`
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal((&server{partition: "aws-cn"}).principalsOf(document))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Statement":[{"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::1:role/*"}},` +
		`"Principal":{"AWS":["arn:aws-cn:iam::1:root","1"],"Federated":"arn:aws-cn:iam::1:saml-provider/S"}},` +
		`{"NotPrincipal":{"AWS":"arn:aws-cn:iam::1:role/R"}},{"Principal":"*"}]}`
	if string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for _, odd := range []any{"text", nil, map[string]any{"Statement": "x"}} {
		(&server{partition: "aws-cn"}).principalsOf(odd)
	}
}
