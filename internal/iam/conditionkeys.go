package iam

import (
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Place is where a permission is asked for: one of this server's APIs, by its
// signing name, or the endpoint for forward auth. Each knows other condition keys. A
// key that a place does not know cannot be evaluated there: a Deny that depends on it
// applies, an Allow does not.
type Place string

// The places.
const (
	CognitoIdentityAPI Place = "cognito-identity"
	STSAPI             Place = "sts"
	IAMAPI             Place = "iam"
	AdminAPI           Place = "poolhouse"
	CheckEndpoint      Place = "check"
)

// ownPlaces are the APIs of this server.
var ownPlaces = []Place{CognitoIdentityAPI, STSAPI, IAMAPI, AdminAPI}

// KeySet is a set of condition keys. A name that ends in /* stands for all keys that
// begin with the part before the star.
type KeySet struct {
	names    []string
	exact    map[string]bool // in lower case
	prefixes []string        // in lower case
}

func newKeySet(names ...string) KeySet {
	s := KeySet{names: names, exact: map[string]bool{}}
	for _, name := range names {
		if prefix, all := strings.CutSuffix(policy.FoldKey(name), "*"); all {
			s.prefixes = append(s.prefixes, prefix)
		} else {
			s.exact[prefix] = true
		}
	}

	return s
}

// Names returns the keys of the set as policies write them.
func (s KeySet) Names() []string { return slices.Clone(s.names) }

// Has reports whether the set has a key, in lower case.
func (s KeySet) Has(key string) bool {
	return s.exact[key] || slices.ContainsFunc(s.prefixes, func(prefix string) bool {
		return len(key) > len(prefix) && strings.HasPrefix(key, prefix)
	})
}

// callerKeys are known everywhere: the caller's, the clock's, and those that are
// false in every request that no service of AWS makes.
var callerKeys = newKeySet(
	"aws:CurrentTime", "aws:EpochTime", "aws:FederatedProvider", "aws:PrincipalAccount", "aws:PrincipalArn",
	"aws:PrincipalIsAWSService", "aws:PrincipalTag/*", "aws:PrincipalType", "aws:SourceIdentity",
	"aws:TokenIssueTime", "aws:userid", "aws:username", "aws:ViaAWSService",
)

// absentKeys are known to be absent everywhere: this server has no private networks,
// no organisations, no second factors, no services that call for somebody else, and
// no sessions of machines.
var absentKeys = newKeySet(
	"aws:AssumedRoot", "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:ChatbotSourceArn",
	"aws:Ec2InstanceSourcePrivateIPv4", "aws:Ec2InstanceSourceVpc", "aws:MultiFactorAuthAge",
	"aws:MultiFactorAuthPresent", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalServiceName",
	"aws:PrincipalServiceNamesList", "aws:ResourceOrgID", "aws:ResourceOrgPaths", "aws:SourceAccount",
	"aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceVpc", "aws:SourceVpcArn", "aws:SourceVpce",
	"aws:VpcSourceIp", "aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths", "ec2:RoleDelivery",
	"ec2:SourceInstanceArn", "glue:CredentialIssuingService", "glue:RoleAssumedBy", "identitystore:UserId",
	"lambda:SourceFunctionArn", "ssm:SourceInstanceArn",
)

// requestKeys are known in every request to an API of this server. aws:SourceIp is
// not among them: a request has it if the client's address is known, and otherwise
// it is unknown, not absent.
var requestKeys = newKeySet(
	"aws:Referer", "aws:RequestTag/*", "aws:RequestedRegion", "aws:ResourceAccount", "aws:ResourceTag/*",
	"aws:SecureTransport", "aws:TagKeys", "aws:UserAgent",
)

// serviceKeys are known in requests to one API.
var serviceKeys = map[Place]KeySet{
	CognitoIdentityAPI: newKeySet("cognito-identity:IdentityPoolArn"),
	STSAPI: newKeySet(
		"iam:ResourceTag/*", "sts:AWSServiceName", "sts:DurationSeconds", "sts:ExternalId",
		"sts:IdentityTokenAudience", "sts:IdentityTokenScope", "sts:RequestContext/*", "sts:RequestContextProviders",
		"sts:RoleSessionName", "sts:SigningAlgorithm", "sts:SourceIdentity", "sts:SubjectMode", "sts:TaskPolicyArn",
		"sts:TransitiveTagKeys",
	),
	IAMAPI: newKeySet(
		"iam:AWSServiceName", "iam:AssociatedResourceArn", "iam:OrganizationsPolicyId", "iam:PassedToService",
		"iam:PermissionsBoundary", "iam:PolicyARN", "iam:ResourceTag/*",
	),
	AdminAPI:      newKeySet(),
	CheckEndpoint: newKeySet("aws:Referer", "aws:RequestedRegion", "aws:UserAgent"),
}

// S3Keys are known at the endpoint for forward auth if a route's action is one of
// S3's: they come from the request's query, headers and signature.
var S3Keys = newKeySet(
	"s3:authType", "s3:delimiter", "s3:if-match", "s3:if-none-match", "s3:max-keys", "s3:object-lock-legal-hold",
	"s3:object-lock-mode", "s3:object-lock-retain-until-date", "s3:prefix", "s3:signatureAge", "s3:signatureversion",
	"s3:VersionId", "s3:x-amz-acl", "s3:x-amz-content-sha256", "s3:x-amz-copy-source", "s3:x-amz-grant-full-control",
	"s3:x-amz-grant-read", "s3:x-amz-grant-read-acp", "s3:x-amz-grant-write", "s3:x-amz-grant-write-acp",
	"s3:x-amz-metadata-directive", "s3:x-amz-object-ownership", "s3:x-amz-server-side-encryption",
	"s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption-customer-algorithm",
	"s3:x-amz-storage-class", "s3:x-amz-website-redirect-location",
)

// Knows reports whether a place knows a key, in lower case, in requests for action: if
// the place has no value for it, the request does not have the key. Requests to this
// server's APIs never have keys of other services, and requests to others never have
// the keys of this server's APIs. A name with an API's prefix that is no key of the
// API is unknown.
func (p Place) Knows(key, action string) bool {
	service, _, _ := strings.Cut(action, ":")
	service = strings.ToLower(service)
	if p == CheckEndpoint {
		return serviceKeys[p].Has(key) || service == "s3" && S3Keys.Has(key) || isKeyOfOther(key, service)
	}

	prefix := prefixOf(key)

	return requestKeys.Has(key) || serviceKeys[p].Has(key) || isKeyOfOther(key, service) ||
		prefix != service && slices.Contains(awsServices, prefix)
}

// isKeyOfOther reports whether a key belongs to an API of this server other than
// asked.
func isKeyOfOther(key, asked string) bool {
	prefix := prefixOf(key)
	return prefix != asked && serviceKeys[Place(prefix)].Has(key)
}

func prefixOf(key string) string {
	prefix, _, _ := strings.Cut(key, ":")
	return prefix
}

// awsServices are the services that have their own condition keys (Service
// Authorization Reference). Requests to other services never have these.
var awsServices = []string{
	"acm", "acm-pca", "airflow", "amplify", "aoss", "apigateway", "app-integrations", "appconfig", "appflow",
	"appmesh", "apprunner", "appstream", "appsync", "aps", "artifact", "athena", "autoscaling", "backup",
	"backup-gateway", "batch", "bedrock", "bedrock-agentcore", "braket", "cassandra", "cleanrooms", "cloud9",
	"cloudformation", "cloudfront", "cloudhsm", "cloudshell", "cloudtrail", "cloudwatch", "codeartifact", "codebuild",
	"codecatalyst", "codecommit", "codeconnections", "codepipeline", "codestar-connections", "codestar-notifications",
	"codewhisperer", "cognito-idp", "cognito-identity-unauth", "cognito-sync", "comprehend", "config", "connect",
	"controltower", "databrew", "datazone", "dax", "detective", "devicefarm", "dms", "ds", "dynamodb", "ebs", "ec2",
	"ecr", "ecr-public", "ecs", "eks", "elasticache", "elasticbeanstalk", "elasticfilesystem", "elasticloadbalancing",
	"elasticmapreduce", "emr-containers", "emr-serverless", "es", "events", "execute-api", "finspace", "firehose",
	"fis", "forecast", "frauddetector", "fsx", "gamelift", "geo", "glacier", "glue", "grafana", "greengrass",
	"guardduty", "health", "identitystore", "imagebuilder", "inspector2", "iot", "iotanalytics", "iotevents",
	"iotsitewise", "ivs", "kafka", "kafka-cluster", "kendra", "kinesis", "kinesisanalytics", "kinesisvideo", "kms",
	"lakeformation", "lambda", "lex", "license-manager", "lightsail", "logs", "machinelearning", "macie2",
	"mediaconvert", "mobiletargeting", "mq", "neptune-db", "network-firewall", "oidc-provider", "omics", "opensearch",
	"organizations", "personalize", "pipes", "polly", "qbusiness", "quicksight", "ram", "rds", "rds-db", "redshift",
	"redshift-data", "redshift-serverless", "rekognition", "resource-groups", "rolesanywhere", "route53",
	"route53domains", "rum", "s3", "s3-object-lambda", "s3-outposts", "s3express", "s3tables", "sagemaker",
	"savingsplans", "scheduler", "sdb", "secretsmanager", "securityhub", "serverlessrepo", "servicecatalog",
	"servicediscovery", "servicequotas", "ses", "shield", "signer", "sms-voice", "sns", "sqs", "ssm", "ssmmessages",
	"sso", "states", "storagegateway", "support", "swf", "synthetics", "tag", "textract", "timestream", "transcribe",
	"transfer", "translate", "trustedadvisor", "verifiedpermissions", "vpc-lattice", "waf", "waf-regional", "wafv2",
	"workspaces", "xray",
}

// Names of the claims that sessions keep: of OpenID Connect providers, of identity
// pools, and of SAML providers (IAM User Guide, "Available keys for AWS OIDC
// federation" and "for SAML-based AWS STS federation").
var (
	sessionClaims = []string{"amr", "app_id", "aud", "id", "oaud", "sub", "user_id"}
	cognitoClaims = []string{"amr", "aud", "sub"}
	sessionSAML   = []string{"aud", "doc", "iss", "namequalifier", "sub", "sub_type"}
)

// SAMLAttributes maps the attributes of an assertion that have condition keys to the
// part of the key after saml: (IAM User Guide, "Available keys for SAML-based AWS STS
// federation").
var SAMLAttributes = map[string]string{
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.1":  "edupersonaffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.2":  "edupersonnickname",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.3":  "edupersonorgdn",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.4":  "edupersonorgunitdn",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.5":  "edupersonprimaryaffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.6":  "edupersonprincipalname",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.7":  "edupersonentitlement",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.8":  "edupersonprimaryorgunitdn",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.9":  "edupersonscopedaffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.10": "edupersontargetedid",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.11": "edupersonassurance",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.2":  "eduorghomepageuri",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.3":  "eduorgidentityauthnpolicyuri",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.4":  "eduorglegalname",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.5":  "eduorgsuperioruri",
	"urn:oid:1.3.6.1.4.1.5923.1.2.1.6":  "eduorgwhitepagesuri",
	"urn:oid:2.5.4.3":                   "cn",
	"urn:oid:2.5.4.4":                   "surname",
	"urn:oid:2.5.4.42":                  "givenname",
	"urn:oid:2.5.4.45":                  "x500uniqueidentifier",
	"urn:oid:0.9.2342.19200300.100.1.1": "uid",
	"urn:oid:0.9.2342.19200300.100.1.3": "mail",
}

// isHost reports whether a condition key's prefix is the host of a provider.
func isHost(prefix string) bool { return strings.Contains(prefix, ".") || prefix == "localhost" }

const samlPrefix = "saml"

// Knows reports whether a key, in lower case, is the caller's or the clock's: if this
// server has no value for it, then c has none.
func (c Caller) Knows(key string) bool {
	if callerKeys.Has(key) || absentKeys.Has(key) {
		return true
	}

	// A session has only the keys of the provider that vouched for it.
	own, prefix := federatedPrefix(c.conditions), prefixOf(key)
	name := key[strings.LastIndexByte(key, ':')+1:]
	switch {
	case prefix == policy.CognitoPrincipal, prefix == own && identitypool.IsServiceName(prefix):
		return slices.Contains(cognitoClaims, name)
	case prefix == samlPrefix:
		return slices.Contains(sessionSAML, name)
	case own != "" && strings.HasPrefix(key, own+":"):
		return slices.Contains(sessionClaims, key[len(own)+1:])
	default:
		return isHost(prefix) // of another provider
	}
}

// federatedPrefix returns the prefix, in lower case, of the condition keys of the
// provider that vouched for the session; "" if none did.
func federatedPrefix(brought policy.Keys) string {
	values := brought["aws:federatedprovider"]
	if len(values) != 1 {
		return ""
	}

	if _, host, ok := strings.Cut(values[0], ":oidc-provider/"); ok {
		return strings.ToLower(host)
	}
	if strings.Contains(values[0], ":saml-provider/") {
		return samlPrefix
	}

	return strings.ToLower(values[0])
}
