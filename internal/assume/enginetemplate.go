package assume

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

var placeholder = regexp.MustCompile(`\$\{([^{}]*)\}`)

// tagPrefix begins the placeholder of a principal tag: ${tag:team}.
const tagPrefix = "tag:"

// placeholders are filled in from facts of the request. Users can choose only the values of
// tags.
var placeholders = map[string]func(r *Request) string{
	"identity_id": func(r *Request) string { return string(r.IdentityID) },
	// Without the region and its colon, which some engines do not accept in policies.
	"identity_uuid": func(r *Request) string {
		_, id, _ := strings.Cut(string(r.IdentityID), ":")
		return id
	},
	"pool_id":   func(r *Request) string { return string(r.PoolID) },
	"account":   func(r *Request) string { return string(r.Account) },
	"region":    func(r *Request) string { return r.Region },
	"role_arn":  func(r *Request) string { return r.Role.text },
	"role_name": func(r *Request) string { return r.Role.ARN.Name },
	"state": func(r *Request) string {
		if r.Guest {
			return identitypool.Unauthenticated
		}
		return identitypool.Authenticated
	},
}

// tagText is the form of a tag that may be written into a claim. Engines split claims at
// commas and blanks; a user who chooses the attribute must not gain a second policy, or a
// pattern.
var tagText = regexp.MustCompile(`^[\p{L}\p{N}_.:/=+@-]{1,256}$`)

// checkTemplate refuses placeholders that do not exist, at any depth.
func checkTemplate(value any) error {
	switch v := value.(type) {
	case string:
		for _, match := range placeholder.FindAllStringSubmatch(v, -1) {
			if name := match[1]; placeholders[name] == nil &&
				(!strings.HasPrefix(name, tagPrefix) || name == tagPrefix) {
				return fmt.Errorf("there is no ${%s}%s there are ${identity_id}, ${identity_uuid}, ${pool_id}, "+
					"${account}, ${region}, ${role_arn}, ${role_name}, ${state} and ${tag:KEY}",
					name, meant(explain.Nearest(name, slices.Collect(maps.Keys(placeholders)))))
			}
		}
		if strings.Contains(placeholder.ReplaceAllString(v, ""), "${") {
			return fmt.Errorf("%q has ${ without }", v)
		}
	case []any:
		for _, element := range v {
			if err := checkTemplate(element); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, element := range v {
			if err := checkTemplate(element); err != nil {
				return err
			}
		}
	}

	return nil
}

// meant suggests the variable guess in place of one that does not exist; "" = none is near.
func meant(guess string) string {
	if guess == "" {
		return ";"
	}
	return ", did you mean ${" + guess + "}?"
}

// fill returns a claim with its placeholders filled in. missing names a tag that the
// identity lacks, or whose value may not be in a claim.
func fill(value any, r *Request) (filled any, missing string) {
	switch v := value.(type) {
	case string:
		return placeholder.ReplaceAllStringFunc(v, func(match string) string {
			name := match[2 : len(match)-1]
			if fact := placeholders[name]; fact != nil {
				return fact(r)
			}
			key, isTag := strings.CutPrefix(name, tagPrefix)
			if !isTag { // a policy variable of the engine
				return match
			}

			if !tagText.MatchString(r.Tags[key]) {
				missing = key
			}

			return r.Tags[key]
		}), missing
	case []any:
		list := make([]any, len(v))
		for n := range v {
			if list[n], missing = fill(v[n], r); missing != "" {
				return nil, missing
			}
		}
		return list, ""
	case map[string]any:
		object := make(map[string]any, len(v))
		for name := range v {
			if object[name], missing = fill(v[name], r); missing != "" {
				return nil, missing
			}
		}
		return object, ""
	}

	return value, ""
}
