package devuserpool

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// maxCustom bounds the custom attributes of a pool (developer guide, "Quotas in Amazon Cognito").
const maxCustom = 50

// Data types of attributes, in the API's words.
const (
	typeString   = "String"
	typeNumber   = "Number"
	typeBoolean  = "Boolean"
	typeDateTime = "DateTime"
)

// standardAttributes returns the attributes that every pool has, as DescribeUserPool shows them
// (developer guide, "Working with user attributes").
func standardAttributes() []SchemaAttributeType {
	var list []SchemaAttributeType
	for _, name := range []string{
		"profile", "address", "birthdate", "gender", "preferred_username", "updated_at", "website", "picture",
		"sub", "phone_number", "phone_number_verified", "zoneinfo", "locale", "email", "email_verified",
		"given_name", "family_name", "middle_name", "name", "nickname",
	} {
		a := SchemaAttributeType{
			Name:                   new(name),
			AttributeDataType:      new(typeString),
			DeveloperOnlyAttribute: new(false),
			Mutable:                new(name != "sub"),
			Required:               new(name == "sub"),
		}

		least, most := "0", "2048"
		switch name {
		case "birthdate":
			least, most = "10", "10"
		case "sub":
			least = "1"
		case "updated_at":
			a.AttributeDataType = new(typeNumber)
			a.NumberAttributeConstraints = &NumberAttributeConstraintsType{MinValue: new("0")}
		case "email_verified", "phone_number_verified":
			a.AttributeDataType = new(typeBoolean)
		}
		if *a.AttributeDataType == typeString {
			a.StringAttributeConstraints = &StringAttributeConstraintsType{MinLength: &least, MaxLength: &most}
		}

		list = append(list, a)
	}

	return list
}

// schema returns the attributes of a new pool: the standard ones, changed by those of the request, and the
// request's custom ones.
func schema(given []SchemaAttributeType) ([]SchemaAttributeType, error) {
	list := standardAttributes()
	for i := range given {
		a := given[i]
		if a.Name == nil {
			return nil, schemaFault("(none)", "Schema attributes need a name.")
		}

		at := slices.IndexFunc(list, func(s SchemaAttributeType) bool { return *s.Name == *a.Name })
		if at < 0 {
			var err error
			if list, err = addCustom(list, a); err != nil {
				return nil, err
			}
			continue
		}
		changed, err := changeStandard(list[at], a)
		if err != nil {
			return nil, err
		}
		list[at] = changed
	}

	return list, nil
}

// changeStandard returns a standard attribute with the settings that a request may change.
func changeStandard(standard, given SchemaAttributeType) (SchemaAttributeType, error) {
	if given.AttributeDataType != nil && *given.AttributeDataType != *standard.AttributeDataType {
		return standard, schemaFault(*standard.Name,
			"You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute "+
				*standard.Name)
	}
	if given.DeveloperOnlyAttribute != nil && *given.DeveloperOnlyAttribute {
		return standard, schemaFault(*standard.Name,
			"You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute "+
				*standard.Name)
	}
	if *standard.Name == "sub" {
		return standard, nil
	}

	standard.Required = cmp.Or(given.Required, standard.Required)
	standard.Mutable = cmp.Or(given.Mutable, standard.Mutable)
	if c := given.StringAttributeConstraints; c != nil && *standard.AttributeDataType == typeString {
		standard.StringAttributeConstraints = c
	}
	if c := given.NumberAttributeConstraints; c != nil && *standard.AttributeDataType == typeNumber {
		standard.NumberAttributeConstraints = c
	}

	return standard, constraintsFault(standard)
}

// addCustom returns the list with one custom attribute more.
func addCustom(list []SchemaAttributeType, given SchemaAttributeType) ([]SchemaAttributeType, error) {
	if given.DeveloperOnlyAttribute != nil && *given.DeveloperOnlyAttribute {
		return nil, refusedPart("developer-only attributes")
	}
	if given.Required != nil && *given.Required {
		return nil, schemaFault(*given.Name, "Required custom attributes are not supported currently.")
	}
	if strings.Contains(*given.Name, " ") || len(*given.Name) > 20 {
		return nil, schemaFault(*given.Name, "Custom attribute names have 1 to 20 characters and no blanks.")
	}

	a := SchemaAttributeType{
		Name:                   new("custom:" + *given.Name),
		AttributeDataType:      cmp.Or(given.AttributeDataType, new(typeString)),
		DeveloperOnlyAttribute: new(false),
		Mutable:                cmp.Or(given.Mutable, new(false)),
		Required:               new(false),
	}
	switch *a.AttributeDataType {
	case typeString:
		a.StringAttributeConstraints = cmp.Or(given.StringAttributeConstraints, &StringAttributeConstraintsType{})
	case typeNumber:
		a.NumberAttributeConstraints = cmp.Or(given.NumberAttributeConstraints, &NumberAttributeConstraintsType{})
	}
	if err := constraintsFault(a); err != nil {
		return nil, err
	}

	custom := 0
	for _, other := range list {
		if *other.Name == *a.Name {
			return nil, schemaFault(*a.Name,
				*a.Name+": Existing attribute already has name "+*a.Name+".")
		}
		if strings.HasPrefix(*other.Name, "custom:") {
			custom++
		}
	}
	if custom >= maxCustom {
		return nil, tooMany("custom attributes", maxCustom)
	}

	return append(slices.Clip(list), a), nil
}

// constraintsFault refuses bounds that are no numbers, or the wrong way round.
func constraintsFault(a SchemaAttributeType) error {
	var least, most *string
	if c := a.StringAttributeConstraints; c != nil {
		least, most = c.MinLength, c.MaxLength
	}
	if c := a.NumberAttributeConstraints; c != nil {
		least, most = c.MinValue, c.MaxValue
	}

	var bounds []int
	for _, text := range []*string{least, most} {
		if text == nil {
			continue
		}
		n, err := strconv.Atoi(*text)
		if err != nil {
			return schemaFault(*a.Name, "The bounds of attribute "+*a.Name+" must be whole numbers.")
		}
		bounds = append(bounds, n)
	}
	if len(bounds) == 2 && bounds[0] > bounds[1] {
		return schemaFault(*a.Name, "The lower bound of attribute "+*a.Name+" is above the upper one.")
	}

	return nil
}

func schemaFault(attribute, message string) *awsapi.Error {
	return awsapi.Refused(invalidParameter, schemaAttribute.With().Of(attribute), "%s", message)
}

// AddCustomAttributes adds attributes to the schema of a pool. They cannot be removed.
func (s *Service) AddCustomAttributes(
	ctx context.Context, c awsapi.Caller, in *AddCustomAttributesRequest,
) (*AddCustomAttributesResponse, error) {
	err := s.changeCallerPool(ctx, c, *in.UserPoolId, func(p *Pool) error {
		list := p.Settings.SchemaAttributes
		for _, a := range in.CustomAttributes {
			if a.Name == nil {
				return schemaFault("(none)", "Schema attributes need a name.")
			}

			var err error
			if list, err = addCustom(list, a); err != nil {
				return err
			}
		}
		p.Settings.SchemaAttributes = list
		p.Modified = s.Now()

		return nil
	})

	return &AddCustomAttributesResponse{}, err
}

// attribute finds an attribute of the schema.
func (p *Pool) attribute(name string) (SchemaAttributeType, bool) {
	for _, a := range p.Settings.SchemaAttributes {
		if *a.Name == name {
			return a, true
		}
	}
	return SchemaAttributeType{}, false
}

// faultOf tells what is wrong with a value of an attribute, in AWS's words; "" = nothing. Sizes are in
// characters.
func faultOf(a SchemaAttributeType, value string) string {
	switch *a.AttributeDataType {
	case typeBoolean:
		if value != "true" && value != "false" {
			return "Attribute value must be true or false."
		}
	case typeNumber:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "Attribute value must be a number."
		}
		if c := a.NumberAttributeConstraints; c != nil {
			if least, set := bound(c.MinValue); set && n < int64(least) {
				return "Attribute value must not be less than " + *c.MinValue + "."
			}
			if most, set := bound(c.MaxValue); set && n > int64(most) {
				return "Attribute value must not be greater than " + *c.MaxValue + "."
			}
		}
	case typeDateTime:
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return "Attribute value must be a date and a time (RFC 3339)."
		}
	case typeString:
		n := utf8.RuneCountInString(value)
		if c := a.StringAttributeConstraints; c != nil {
			if least, set := bound(c.MinLength); set && n < least {
				return "String must be longer than " + *c.MinLength + "."
			}
			if most, set := bound(c.MaxLength); set && n > most {
				return "String must be no longer than " + *c.MaxLength + "."
			}
		}
	}

	return ""
}

// bound reads a bound of the schema, which constraintsFault has checked.
func bound(text *string) (n int, set bool) {
	if text == nil {
		return 0, false
	}
	n, err := strconv.Atoi(*text)

	return n, err == nil
}
