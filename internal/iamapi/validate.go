package iamapi

import (
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// Constraints of the API model.
var (
	roleName   = awsapi.String{Min: 1, Max: 64, Pattern: awsapi.NewPattern(`[\w+=,.@-]+`)}
	policyName = awsapi.String{Min: 1, Max: 128, Pattern: awsapi.NewPattern(`[\w+=,.@-]+`)}
	rolePath   = awsapi.String{
		Min: 1, Max: 512, Pattern: awsapi.NewPattern(`(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`),
	}
	policyPath      = awsapi.String{Min: 1, Max: 512, Pattern: awsapi.NewPattern(`((/[A-Za-z0-9\.,\+@=_-]+)*)/`)}
	pathPrefix      = awsapi.String{Min: 1, Max: 512, Pattern: awsapi.NewPattern(`\u002F[\u0021-\u007F]*`)}
	roleDescription = awsapi.String{
		Max: 1000, Pattern: awsapi.NewPattern(`[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`),
	}
	description  = awsapi.String{Max: 1000}
	document     = awsapi.String{Min: 1, Max: 131072, Pattern: awsapi.NewPattern(`[\u0009\u000A\u000D\u0020-\u00FF]+`)}
	arn          = awsapi.String{Min: 20, Max: 2048}
	tagKey       = awsapi.String{Min: 1, Max: 128, Pattern: awsapi.NewPattern(`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`)}
	tagValue     = awsapi.String{Max: 256, Pattern: awsapi.NewPattern(`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`)}
	providerURL  = awsapi.String{Min: 1, Max: 255}
	clientID     = awsapi.String{Min: 1, Max: 255}
	thumbprint   = awsapi.String{Min: 40, Max: 40}
	samlName     = awsapi.String{Min: 1, Max: 128, Pattern: awsapi.NewPattern(`[\w._-]+`)}
	samlMetadata = awsapi.String{Min: 1000, Max: 10_000_000}
	versionID    = awsapi.String{Pattern: awsapi.NewPattern(`v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`)}
	markerText   = awsapi.String{
		Min:     1,
		Max:     2800, // ours are longer than AWS's
		Pattern: awsapi.NewPattern(`[\u0020-\u00FF]+`),
	}
	profileName = awsapi.String{Min: 1, Max: 128, Pattern: awsapi.NewPattern(`[\w+=,.@-]+`)}
	userName    = awsapi.String{Min: 1, Max: 128, Pattern: awsapi.NewPattern(`[\w+=,.@-]+`)}
	policyScope = awsapi.String{Enum: []string{"All", "AWS", "Local"}}
	policyUsage = awsapi.String{Enum: []string{"PermissionsPolicy", "PermissionsBoundary"}}
	entityType  = awsapi.String{Enum: []string{"User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"}}

	assignmentStatus = awsapi.String{Enum: []string{"Assigned", "Unassigned", "Any"}}

	maxSession = awsapi.Integer{Min: 3600, Max: 43200}
	maxItems   = awsapi.Integer{Min: 1, Max: 1000}
)

// field is one member with its constraints.
type field struct {
	name     string
	value    *string
	demand   *awsapi.String
	required bool
}

// checked collects the violations of fields.
func checked(fields ...field) *awsapi.Validator {
	v := &awsapi.Validator{}
	for _, f := range fields {
		v.String(f.name, f.value, f.demand, f.required)
	}
	return v
}

func required(name string, value *string, demand *awsapi.String) field {
	return field{name: name, value: value, demand: demand, required: true}
}

func optional(name string, value *string, demand *awsapi.String) field {
	return field{name: name, value: value, demand: demand}
}

// listed collects the violations of a listing's input.
func listed(p paging, fields ...field) []awsapi.Violation {
	v := checked(fields...)
	v.String("marker", p.Marker, &markerText, false)
	v.Integer("maxItems", p.MaxItems, &maxItems, false)
	return v.Violations()
}

func checkTags(v *awsapi.Validator, tags []tag, required bool) []awsapi.Violation {
	awsapi.Structures(v, "tags", tags, &awsapi.List{Max: maxTags}, required, func(t *tag, v *awsapi.Validator) {
		v.String("key", t.Key, &tagKey, true)
		v.String("value", t.Value, &tagValue, true)
	})
	return v.Violations()
}

func checkTagKeys(v *awsapi.Validator, keys []string) []awsapi.Violation {
	v.List("tagKeys", keys, &awsapi.List{Max: maxTags, Element: &tagKey}, true)
	return v.Violations()
}

// nameOfARN returns the last part of an ARN's resource.
func nameOfARN(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
