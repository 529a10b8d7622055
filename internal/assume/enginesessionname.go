package assume

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// claimPrefix begins the variable of a claim: ${claim:email}.
const claimPrefix = "claim:"

// nameVariables are the placeholders of a session's name besides tags and claims, with the
// length of their shortest value. A session's name may have no colon, so IDs have a dot in
// its place. No ID has another dot, so no two IDs become equal.
var nameVariables = map[string]int{
	"identity_id":   len("x:") + uuidLength,
	"identity_uuid": uuidLength,
	"pool_id":       len("x:") + uuidLength,
	"account":       12,
	"region":        1,
	"role_name":     1,
	"state":         len(identitypool.Authenticated),
}

const uuidLength = 36

var (
	nameText    = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	otherInName = regexp.MustCompile(`[^\w+=,.@-]`)
	wholeNumber = regexp.MustCompile(`^-?\d+$`)
)

// checkSessionName refuses a role_session_name that could never be a name, or with which
// two people could share one: with two claims, "ab" and "c" read as "a" and "bc".
func checkSessionName(template string) error {
	shortest, free := 0, 0
	for _, match := range placeholder.FindAllStringSubmatch(template, -1) {
		name := match[1]
		length, known := nameVariables[name]
		if !known {
			if !isFree(name) {
				return unknownName(name)
			}
			length = 1
			free++
		}
		shortest += length
	}

	text := placeholder.ReplaceAllString(template, "")
	shortest += len(text)
	variables := text != template
	switch {
	case strings.Contains(text, "${"):
		return fmt.Errorf("%q has ${ without }", template)
	case otherInName.MatchString(text), shortest < 2 && !variables:
		return fmt.Errorf(
			"use 2 to %d letters, digits and +=,.@_-, and variables such as ${identity_id}", maxSessionName,
		)
	case shortest > maxSessionName:
		return fmt.Errorf("the name would have %d characters or more; STS takes %d", shortest, maxSessionName)
	case free > 1:
		return errors.New("use one claim or tag only: with several, two people could share a name")
	}

	return nil
}

// isFree reports whether a variable is a claim or a tag, which can have any value.
func isFree(variable string) bool {
	kind, key, _ := strings.Cut(variable, ":")
	return key != "" && (kind+":" == claimPrefix || kind+":" == tagPrefix)
}

// unknownName refuses a variable that a session's name cannot have.
func unknownName(name string) error {
	known := slices.Sorted(maps.Keys(nameVariables))
	guess := explain.Nearest(name, slices.Clone(known))
	if kind, key, ok := strings.Cut(name, ":"); ok && key != "" {
		if guess = explain.Nearest(kind, []string{"claim", "tag"}); guess != "" {
			guess += ":" + key
		}
	} else if guess == "" && name != "" && !ok {
		guess = claimPrefix + name
	}

	return fmt.Errorf("there is no ${%s}%s there are ${%s}, ${tag:KEY} and ${claim:NAME}",
		name, meant(guess), strings.Join(known, "}, ${"))
}

// sessionName returns the name of r's session at the engine. It refuses a name that STS
// would refuse: a name that was cut or changed could be another person's.
func (e *RemoteEngine) sessionName(r *Request) (string, *explain.Refusal) {
	var refused *explain.Refusal
	name := placeholder.ReplaceAllStringFunc(e.config.SessionName, func(match string) string {
		value, why := nameValue(match[2:len(match)-1], r)
		if refused == nil {
			refused = why
		}
		return value
	})
	if refused == nil {
		refused = checkName(name)
	}
	if refused != nil {
		return "", refused.Of(e.name).At(e.setting("role_session_name"))
	}

	return name, nil
}

// nameValue returns the value of a variable in a session's name.
func nameValue(variable string, r *Request) (string, *explain.Refusal) {
	if claim, ok := strings.CutPrefix(variable, claimPrefix); ok {
		return claimValue(claim, r)
	}
	if tag, ok := strings.CutPrefix(variable, tagPrefix); ok {
		switch {
		case r.Guest:
			return "", nameOfGuest.With("variable", variable)
		case r.Tags[tag] == "":
			return "", nameWithoutTag.With("tag", tag)
		}
		return r.Tags[tag], nil
	}

	return strings.ReplaceAll(placeholders[variable](r), ":", "."), nil
}

// claimValue returns a claim of the logins that this call proved.
func claimValue(claim string, r *Request) (string, *explain.Refusal) {
	switch {
	case r.Guest:
		return "", nameOfGuest.With("variable", claimPrefix+claim)
	case len(r.Logins) == 0:
		return "", nameOfDeveloperUser.With("claim", claim)
	}

	var providers, with []string
	value := ""
	for _, l := range r.Logins {
		providers = append(providers, l.Provider)
		text, ok := claimText(l.Claims[claim])
		switch {
		case l.Claims[claim] == nil, ok && text == "":
			continue
		case !ok:
			return "", nameOfOtherForm.With("claim", claim, "providers", l.Provider)
		case len(with) > 0 && text != value:
			return "", nameOfSeveralLogins.With(
				"claim", claim, "providers", strings.Join(append(with, l.Provider), ", "),
			)
		}

		value, with = text, append(with, l.Provider)
	}
	if len(with) == 0 {
		return "", nameWithoutClaim.With("claim", claim, "providers", strings.Join(providers, ", "))
	}

	return value, nil
}

// claimText returns a claim that can name somebody: one string or whole number, or a list of
// only one, as SAML attributes are.
func claimText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), wholeNumber.MatchString(v.String())
	case []string:
		if len(v) == 1 {
			return v[0], true
		}
	case []any:
		if len(v) == 1 {
			if _, list := v[0].([]any); !list {
				return claimText(v[0])
			}
		}
	}

	return "", false
}

// checkName refuses a name that STS would refuse, without showing a person's claim.
func checkName(name string) *explain.Refusal {
	length := utf8.RuneCountInString(name)
	others := len(otherInName.FindAllString(name, -1))
	switch {
	case others > 0:
		return nameCharacters.With("length", strconv.Itoa(length), "others", strconv.Itoa(others))
	case !nameText.MatchString(name):
		return nameLength.With("length", strconv.Itoa(length))
	}

	return nil
}

// withoutName hides a session's name in an engine's message if the name shows who the user is.
func (c *EngineConfig) withoutName(words, name string) string {
	names := placeholder.FindAllStringSubmatch(c.SessionName, -1)
	if !slices.ContainsFunc(names, func(match []string) bool { return isFree(match[1]) }) {
		return words
	}
	return strings.ReplaceAll(words, name, "[session name]")
}
