package policy_test

import (
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// An explicit Deny wins over any Allow.
func ExampleDocument_Evaluate() {
	document, err := policy.Parse([]byte(`{
		"Version": "2012-10-17",
		"Statement": [
			{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::photos/*"},
			{"Sid": "KeepOriginals", "Effect": "Deny",
			 "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::photos/originals/*"}
		]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, object := range []string{"thumbnails/cat.jpg", "originals/cat.jpg"} {
		effect, statement := document.Evaluate(policy.Request{
			Action:   "s3:DeleteObject",
			Resource: "arn:aws:s3:::photos/" + object,
		})
		fmt.Printf("%s: %s, %s\n", object, effect, statement)
	}

	// Output:
	// thumbnails/cat.jpg: Allow, statement 0
	// originals/cat.jpg: Deny, statement "KeepOriginals"
}
