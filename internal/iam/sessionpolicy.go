package iam

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// BuiltinPrefix begins the names of session policies that are part of the program. A
// session has only the name, not the text.
const BuiltinPrefix = "builtin:"

// GuestPolicy names the session policies of guests in the enhanced flow: the union of
// an inline policy and a managed one (Cognito developer guide, "IAM roles", "Access
// policies for unauthenticated identities").
const GuestPolicy = BuiltinPrefix + "guest"

// guestInline is AWS's inline session policy of guests, but it allows only the public
// operations of cognito-identity. The signed ones manage pools and identities, or
// vouch for a developer's users; a guest could call them if the role is as generous
// as AWS's old default roles.
const guestInline = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[
"cloudwatch:*","logs:*","dynamodb:*","kinesis:*","mobileanalytics:*","s3:*","ses:*","sns:*","sqs:*","lambda:*",
"machinelearning:*","execute-api:*","iot:*","gamelift:*","cognito-identity:GetId",
"cognito-identity:GetOpenIdToken","cognito-identity:GetCredentialsForIdentity","cognito-identity:UnlinkIdentity",
"cognito-idp:*","lex:*","polly:*",
"comprehend:*","translate:*","transcribe:*","rekognition:*","mobiletargeting:*","firehose:*","appsync:*",
"personalize:*","sagemaker:InvokeEndpoint","cognito-sync:*","codewhisperer:*","textract:DetectDocumentText",
"textract:AnalyzeDocument","sdb:*"],"Resource":"*"}]}`

// guestManaged is AmazonCognitoUnAuthedIdentitiesSessionPolicy, version 4.
const guestManaged = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[
"rum:PutRumEvents","sagemaker:InvokeEndpoint","polly:*","comprehend:*","translate:*","transcribe:*","rekognition:*",
"mobiletargeting:*","firehose:*","personalize:*","geo:GetMap*","geo:ListMaps","geo:SearchPlaceIndex*","geo:GetPlace",
"geo:CalculateRoute*","geo:*Geofence","geo:*Geofences","geo:*DevicePosition*","kms:Encrypt","kms:Decrypt",
"kms:ReEncryptTo","kms:ReEncryptFrom","kms:GenerateDataKey","kms:GenerateDataKeyPair",
"kms:GenerateDataKeyPairWithoutPlaintext","kms:GenerateDataKeyWithoutPlaintext"],"Resource":"*"}]}`

// builtinPolicies are parsed once, at start.
var builtinPolicies = map[string][]*policy.Document{
	GuestPolicy: {mustParse(guestInline), mustParse(guestManaged)},
}

func mustParse(text string) *policy.Document {
	d, err := policy.ParseIdentity(text)
	if err != nil {
		panic("iam: built-in policy: " + err.Error())
	}
	return d
}

// SessionPolicies parses the session policies of a session: built-in names and JSON
// documents, whose union bounds the session. An unknown or unreadable one is an
// error: without it, the session could do more.
func SessionPolicies(list []string) ([]*policy.Document, error) {
	var documents []*policy.Document
	for _, text := range list {
		if strings.HasPrefix(text, BuiltinPrefix) {
			builtin, ok := builtinPolicies[text]
			if !ok {
				return nil, fmt.Errorf("session policy %q is unknown", text)
			}
			documents = append(documents, builtin...)
			continue
		}

		d, err := policy.ParseIdentity(text)
		if err != nil {
			return nil, fmt.Errorf("session policy: %w", err)
		}
		documents = append(documents, d)
	}

	return documents, nil
}

// Values of the setting for the policy of guests, besides a document.
const (
	guestAWS = "aws" // AWS's policy; the default
	guestOff = "off" // no policy: only their role bounds them
)

// maxGuestPolicy bounds a guest policy, in characters (STS API reference, Policy).
const maxGuestPolicy = 2048

// GuestPolicies returns the session policies of a guest for a setting: guestAWS or "",
// guestOff, or a policy document. A session keeps the document: a change of the
// setting does not change the session.
func GuestPolicies(setting string) ([]string, error) {
	switch setting {
	case "", guestAWS:
		return []string{GuestPolicy}, nil
	case guestOff:
		return nil, nil
	}

	if n := utf8.RuneCountInString(setting); n > maxGuestPolicy {
		return nil, fmt.Errorf("it has %d characters; the limit is %d", n, maxGuestPolicy)
	}
	if strings.HasPrefix(setting, BuiltinPrefix) {
		return nil, fmt.Errorf("use %s, %s or a policy document", guestAWS, guestOff)
	}

	list := []string{setting}
	if _, err := SessionPolicies(list); err != nil {
		return nil, fmt.Errorf("use %s, %s or a policy document: %w", guestAWS, guestOff, err)
	}

	return list, nil
}

// GuestInline returns the inline part of GuestPolicy, for an STS outside.
func GuestInline() string { return strings.ReplaceAll(guestInline, "\n", "") }
