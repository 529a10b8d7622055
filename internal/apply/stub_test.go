package apply_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

const account = "000000000000"

// stub stands in for AWS: it answers operations with JSON, or with what is between
// the tags of the result. What it has no answer for does not exist.
type stub map[string]string

func (s stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	operation, _ := called(r, body)
	result, known := s[operation]
	if !known && operation == "GetCallerIdentity" {
		result, known = "<Arn>arn:aws:iam::"+account+":user/a</Arn><Account>"+account+"</Account>", true
	}

	isQuery := r.Header.Get("X-Amz-Target") == "" && r.Method == http.MethodPost
	switch {
	case !known && isQuery:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w,
			"<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>")
	case !known && strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AWSCognitoIdentityProviderService."):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"UnknownOperationException","message":"none"}`)
	case !known:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws#ResourceNotFoundException","message":"none"}`)
	case isQuery:
		fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", operation, result)
	default:
		_, _ = io.WriteString(w, result)
	}
}

// emptyServer has nothing.
type emptyServer struct{}

func (emptyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	stub{
		"ListIdentityPools":          `{"IdentityPools":[]}`,
		"ListRoles":                  "",
		"ListPolicies":               "",
		"ListOpenIDConnectProviders": "",
		"ListSAMLProviders":          "",
	}.ServeHTTP(w, r)
}

// with returns a copy with other answers.
func (s stub) with(more ...string) stub {
	out := stub{}
	for operation, result := range s {
		out[operation] = result
	}

	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}

	return out
}

func member(texts ...string) string {
	if len(texts) == 0 {
		return ""
	}
	return "<member>" + strings.Join(texts, "</member><member>") + "</member>"
}

// oneRole is a server with one role.
func oneRole(trust string) stub {
	arn := "arn:aws:iam::" + account + ":role/r"
	inner := "<RoleName>r</RoleName><Arn>" + arn + "</Arn><Path>/</Path><AssumeRolePolicyDocument>" + trust +
		"</AssumeRolePolicyDocument>"

	return stub{
		"ListIdentityPools":          `{"IdentityPools":[]}`,
		"ListRoles":                  "<Roles>" + member(inner) + "</Roles>",
		"GetRole":                    "<Role>" + inner + "</Role>",
		"ListRolePolicies":           "",
		"ListAttachedRolePolicies":   "",
		"ListPolicies":               "",
		"ListOpenIDConnectProviders": "",
		"ListSAMLProviders":          "",
		"ListProviderSettings":       "{}",
	}
}

// onePool is a server with one pool; its description begins with an ID.
func onePool(more string) stub {
	return oneRole("{}").with(
		"ListIdentityPools", `{"IdentityPools":[{"IdentityPoolId":"`+poolOne+`"}]}`,
		"DescribeIdentityPool", `{"IdentityPoolId":"`+poolOne+
			`","IdentityPoolName":"p","AllowUnauthenticatedIdentities":true`+more+`}`,
		"GetIdentityPoolRoles", `{}`,
		"ListRoles", "",
	)
}
