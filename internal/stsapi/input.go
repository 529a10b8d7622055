package stsapi

import (
	"math"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// Constraints of the API's model on its input (STS API reference).
var (
	arnText = &awsapi.String{
		Min:     20,
		Max:     2048,
		Pattern: awsapi.NewPattern(`[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD]+`),
	}
	sessionNameText = &awsapi.String{Min: 2, Max: 64, Pattern: awsapi.NewPattern(`[\w+=,.@-]*`)}
	federatedText   = &awsapi.String{Min: 2, Max: 32, Pattern: awsapi.NewPattern(`[\w+=,.@-]*`)}
	webTokenText    = &awsapi.String{Min: 4, Max: maxWebToken, Sensitive: true}
	assertionText   = &awsapi.String{Min: 4, Max: 100000, Sensitive: true}
	providerIDText  = &awsapi.String{Min: 4, Max: 2048}
	policyText      = &awsapi.String{
		Min:     1,
		Max:     maxSessionPolicies,
		Pattern: awsapi.NewPattern(`[\u0009\u000A\u000D\u0020-\u00FF]+`),
	}
	tagKeyText = &awsapi.String{
		Min:     1,
		Max:     session.MaxTagKey,
		Pattern: awsapi.NewPattern(`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`),
	}
	tagValueText = &awsapi.String{
		Max:       session.MaxTagValue,
		Pattern:   awsapi.NewPattern(`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`),
		Sensitive: true,
	}
	externalIDText = &awsapi.String{Min: 2, Max: 1224, Pattern: awsapi.NewPattern(`[\w+=,.@:\/-]*`), Sensitive: true}
	serialText     = &awsapi.String{Min: 9, Max: 256, Pattern: awsapi.NewPattern(`[\w+=/:,.@-]*`)}
	tokenCodeText  = &awsapi.String{Min: 6, Max: 6, Pattern: awsapi.NewPattern(`[\d]*`), Sensitive: true}
	accessKeyText  = &awsapi.String{Min: 16, Max: 128, Pattern: awsapi.NewPattern(`[\w]*`)}

	roleSeconds    = &awsapi.Integer{Min: 900, Max: 43200}
	sessionSeconds = &awsapi.Integer{Min: 900, Max: 129600}
	tokenBytes     = &awsapi.Integer{Min: 0, Max: session.MaxTokenBytes}

	policyList     = &awsapi.List{Max: 10}
	tagList        = &awsapi.List{Max: session.MaxTags}
	transitiveList = &awsapi.List{Max: session.MaxTags, Element: tagKeyText}
	contextList    = &awsapi.List{Max: 5}
)

const (
	maxWebToken        = 20000 // characters
	maxSessionPolicies = 2048  // characters of the session policies together
)

type policyDescriptor struct {
	ARN *string `query:"arn"`
}

type tag struct{ Key, Value *string }

type providedContext struct{ ProviderArn, ContextAssertion *string }

// checkSession checks the common members in the model's order.
func checkSession(
	v *awsapi.Validator,
	role *string, policy *string, policies []policyDescriptor,
	seconds, minBytes *int,
) {
	v.String("roleArn", role, arnText, true)
	checkPolicies(v, policy, policies)
	v.Integer("durationSeconds", seconds, roleSeconds, false)
	v.Integer("minimumSessionTokenSize", minBytes, tokenBytes, false)
}

func checkPolicies(v *awsapi.Validator, policy *string, policies []policyDescriptor) {
	v.String("policy", policy, policyText, false)
	awsapi.Structures(v, "policyArns", policies, policyList, false, func(d *policyDescriptor, v *awsapi.Validator) {
		v.String("arn", d.ARN, arnText, true)
	})
}

func checkTags(v *awsapi.Validator, tags []tag) {
	awsapi.Structures(v, "tags", tags, tagList, false, func(t *tag, v *awsapi.Validator) {
		v.String("key", t.Key, tagKeyText, true)
		v.String("value", t.Value, tagValueText, true)
	})
}

// violations returns what v found, with absent members worded as by STS: without a value.
func violations(v *awsapi.Validator) []awsapi.Violation {
	found := v.Violations()
	for i := range found {
		if found[i].Value == "null " {
			found[i].Value = ""
		}
	}
	return found
}

type webIdentityInput struct {
	RoleArn                 *string
	RoleSessionName         *string
	WebIdentityToken        *string
	ProviderId              *string
	Policy                  *string
	PolicyArns              []policyDescriptor
	DurationSeconds         *int
	MinimumSessionTokenSize *int
}

// Validate checks the input against the model.
func (in *webIdentityInput) Validate() []awsapi.Violation {
	v := &awsapi.Validator{}
	checkSession(v, in.RoleArn, in.Policy, in.PolicyArns, in.DurationSeconds, in.MinimumSessionTokenSize)
	v.String("roleSessionName", in.RoleSessionName, sessionNameText, true)
	v.String("webIdentityToken", in.WebIdentityToken, webTokenText, true)
	v.String("providerId", in.ProviderId, providerIDText, false)
	return violations(v)
}

type samlInput struct {
	RoleArn                 *string
	PrincipalArn            *string
	SAMLAssertion           *string
	Policy                  *string
	PolicyArns              []policyDescriptor
	DurationSeconds         *int
	MinimumSessionTokenSize *int
}

// Validate checks the input against the model.
func (in *samlInput) Validate() []awsapi.Violation {
	v := &awsapi.Validator{}
	checkSession(v, in.RoleArn, in.Policy, in.PolicyArns, in.DurationSeconds, in.MinimumSessionTokenSize)
	v.String("principalArn", in.PrincipalArn, arnText, true)
	v.String("sAMLAssertion", in.SAMLAssertion, assertionText, true)
	return violations(v)
}

type assumeRoleInput struct {
	RoleArn                 *string
	RoleSessionName         *string
	Policy                  *string
	PolicyArns              []policyDescriptor
	DurationSeconds         *int
	MinimumSessionTokenSize *int
	Tags                    []tag
	TransitiveTagKeys       []string
	ExternalId              *string
	SerialNumber            *string
	TokenCode               *string
	SourceIdentity          *string
	ProvidedContexts        []providedContext
}

// Validate checks the input against the model.
func (in *assumeRoleInput) Validate() []awsapi.Violation {
	v := &awsapi.Validator{}
	checkSession(v, in.RoleArn, in.Policy, in.PolicyArns, in.DurationSeconds, in.MinimumSessionTokenSize)
	v.String("roleSessionName", in.RoleSessionName, sessionNameText, true)
	checkTags(v, in.Tags)
	v.List("transitiveTagKeys", in.TransitiveTagKeys, transitiveList, false)
	v.String("externalId", in.ExternalId, externalIDText, false)
	v.String("serialNumber", in.SerialNumber, serialText, false)
	v.String("tokenCode", in.TokenCode, tokenCodeText, false)
	v.String("sourceIdentity", in.SourceIdentity, sessionNameText, false)
	awsapi.Structures(
		v, "providedContexts", in.ProvidedContexts, contextList, false,
		func(*providedContext, *awsapi.Validator) {},
	)

	return violations(v)
}

type getSessionTokenInput struct {
	DurationSeconds         *int
	SerialNumber            *string
	TokenCode               *string
	MinimumSessionTokenSize *int
}

// Validate checks the input against the model.
func (in *getSessionTokenInput) Validate() []awsapi.Violation {
	v := &awsapi.Validator{}
	v.Integer("durationSeconds", in.DurationSeconds, sessionSeconds, false)
	v.String("serialNumber", in.SerialNumber, serialText, false)
	v.String("tokenCode", in.TokenCode, tokenCodeText, false)
	v.Integer("minimumSessionTokenSize", in.MinimumSessionTokenSize, tokenBytes, false)
	return violations(v)
}

type getFederationTokenInput struct {
	Name                    *string
	Policy                  *string
	PolicyArns              []policyDescriptor
	DurationSeconds         *int
	Tags                    []tag
	MinimumSessionTokenSize *int
}

// Validate checks the input against the model.
func (in *getFederationTokenInput) Validate() []awsapi.Violation {
	v := &awsapi.Validator{}
	v.String("name", in.Name, federatedText, true)
	checkPolicies(v, in.Policy, in.PolicyArns)
	v.Integer("durationSeconds", in.DurationSeconds, sessionSeconds, false)
	checkTags(v, in.Tags)
	v.Integer("minimumSessionTokenSize", in.MinimumSessionTokenSize, tokenBytes, false)
	return violations(v)
}

type getAccessKeyInfoInput struct{ AccessKeyId *string }

// Validate checks the input against the model.
func (in *getAccessKeyInfoInput) Validate() []awsapi.Violation {
	v := &awsapi.Validator{}
	v.String("accessKeyId", in.AccessKeyId, accessKeyText, true)
	return violations(v)
}

// seconds returns a duration member, or the default.
func seconds(n *int, standard time.Duration) time.Duration {
	if n == nil {
		return standard
	}
	return time.Duration(*n) * time.Second
}

func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// percent returns part of whole in percent, rounded up, so that only nothing is 0.
func percent(part, whole int) int {
	return int(math.Ceil(100 * float64(part) / float64(whole)))
}
