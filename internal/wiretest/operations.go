package wiretest

// Operations has the operations of the API: whether each needs a signature, and the smallest
// input that passes validation.
var Operations = map[string]struct {
	Signed bool
	Input  string
}{
	"CreateIdentityPool":                 {true, `{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true}`},
	"DeleteIdentities":                   {true, `{"IdentityIdsToDelete":["IDENTITY"]}`},
	"DeleteIdentityPool":                 {true, `{"IdentityPoolId":"POOL"}`},
	"DescribeIdentity":                   {true, `{"IdentityId":"IDENTITY"}`},
	"DescribeIdentityPool":               {true, `{"IdentityPoolId":"POOL"}`},
	"GetCredentialsForIdentity":          {false, `{"IdentityId":"IDENTITY"}`},
	"GetId":                              {false, `{"IdentityPoolId":"POOL"}`},
	"GetIdentityPoolRoles":               {true, `{"IdentityPoolId":"POOL"}`},
	"GetOpenIdToken":                     {false, `{"IdentityId":"IDENTITY"}`},
	"GetOpenIdTokenForDeveloperIdentity": {true, `{"IdentityPoolId":"POOL","Logins":{"login.my.app":"bob"}}`},
	"GetPrincipalTagAttributeMap": {
		true,
		`{"IdentityPoolId":"POOL","IdentityProviderName":"accounts.google.com"}`,
	},
	"ListIdentities":    {true, `{"IdentityPoolId":"POOL","MaxResults":1}`},
	"ListIdentityPools": {true, `{"MaxResults":1}`},
	"ListTagsForResource": {
		true,
		`{"ResourceArn":"arn:aws:cognito-identity:us-east-1:000000000000:identitypool/POOL"}`,
	},
	"LookupDeveloperIdentity": {true, `{"IdentityPoolId":"POOL","IdentityId":"IDENTITY"}`},
	"MergeDeveloperIdentities": {
		true,
		`{"IdentityPoolId":"POOL","DeveloperProviderName":"login.my.app","SourceUserIdentifier":"a",` +
			`"DestinationUserIdentifier":"b"}`,
	},
	"SetIdentityPoolRoles": {true, `{"IdentityPoolId":"POOL","Roles":{}}`},
	"SetPrincipalTagAttributeMap": {
		true,
		`{"IdentityPoolId":"POOL","IdentityProviderName":"accounts.google.com","UseDefaults":true}`,
	},
	"TagResource": {
		true,
		`{"ResourceArn":"arn:aws:cognito-identity:us-east-1:000000000000:identitypool/POOL","Tags":{"a":"b"}}`,
	},
	"UnlinkDeveloperIdentity": {
		true,
		`{"IdentityPoolId":"POOL","IdentityId":"IDENTITY","DeveloperProviderName":"login.my.app",` +
			`"DeveloperUserIdentifier":"a"}`,
	},
	"UnlinkIdentity": {false, `{"IdentityId":"IDENTITY","Logins":{},"LoginsToRemove":[]}`},
	"UntagResource": {
		true,
		`{"ResourceArn":"arn:aws:cognito-identity:us-east-1:000000000000:identitypool/POOL","TagKeys":["a"]}`,
	},
	"UpdateIdentityPool": {
		true,
		`{"IdentityPoolId":"POOL","IdentityPoolName":"p","AllowUnauthenticatedIdentities":true}`,
	},
}

// StrictRole is a role that exists on a strict server.
const StrictRole = "arn:aws:iam::000000000000:role/Strict"
