package stsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// Bounds on the claims that become condition keys.
const (
	maxClaimBytes  = 1024
	maxClaimValues = 100
)

var claimName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)

// tokenConditions returns a token's condition keys: every claim of plain strings,
// numbers and truth values under the provider's name. A null claim counts as absent.
// aud is azp if the token has one; oaud is then the original aud (IAM User Guide, "AWS
// OIDC federation").
func tokenConditions(provider string, proved login.Claims) policy.Keys {
	c := policy.Keys{}
	spellings := map[string]int{}
	for name, value := range proved.All {
		if !claimName.MatchString(name) || value == nil {
			continue
		}

		spellings[policy.FoldKey(name)]++
		if values := conditionValues(value); len(values) > 0 {
			c.Set(provider+":"+name, values...)
		}
	}

	for name, count := range spellings {
		if count > 1 { // a policy means neither
			delete(c, policy.FoldKey(provider+":"+name))
		}
	}

	if original, ok := stringList(proved.All["aud"]); ok && proved.All["azp"] != nil {
		c.Set(provider+":oaud", original...)
	}
	c.Set(provider+":aud", proved.Audience)
	c.Set(provider+":sub", proved.Subject)

	return c
}

// claimedClient returns the client that a token names: azp, else the only aud; "" if it
// names none.
func claimedClient(claims map[string]any) string {
	if azp := claims["azp"]; azp != nil {
		text, _ := azp.(string)
		return text
	}
	if list, ok := stringList(claims["aud"]); ok && len(list) == 1 {
		return list[0]
	}
	return ""
}

func conditionValues(value any) []string {
	switch x := value.(type) {
	case json.Number:
		return []string{x.String()}
	case bool:
		return []string{fmt.Sprint(x)}
	}

	list, ok := stringList(value)
	if !ok || len(list) > maxClaimValues {
		return nil
	}

	total := 0
	for _, v := range list {
		total += len(v)
	}
	if total > maxClaimBytes {
		return nil
	}

	return list
}

// carried picks the condition keys of provider that its sessions keep.
func carried(c policy.Keys, provider string, names ...string) map[string][]string {
	kept := policy.Keys{}
	for _, name := range names {
		key := strings.ToLower(provider + ":" + name)
		if values := c[key]; len(values) > 0 {
			kept.Set(key, values...)
		}
	}
	return kept
}

// tokenTags reads the session tags of a token: nested, each value a list of one, or
// flattened, one claim for each tag.
func tokenTags(claims map[string]any) (tags map[string]string, transitive []string, err error) {
	t := tokenTagReader{tags: map[string]string{}}
	if err := t.nested(claims[tagsClaim]); err != nil {
		return nil, nil, err
	}

	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if key, isTag := strings.CutPrefix(name, principalTagClaim); isTag {
			err = t.add(key, claims[name])
		} else if name == transitiveTagsClaim {
			err = t.addKeys(claims[name])
		}
		if err != nil {
			return nil, nil, err
		}
	}

	return t.tags, t.transitive, nil
}

type tokenTagReader struct {
	tags       map[string]string
	transitive []string
}

// nested reads a claim that has all tags; nil = the token has none.
func (t *tokenTagReader) nested(claim any) error {
	if claim == nil {
		return nil
	}

	object, ok := claim.(map[string]any)
	principal, isObject := object["principal_tags"].(map[string]any)
	if !ok || object["principal_tags"] != nil && !isObject {
		return errors.New("the tags are no object of principal tags")
	}

	for _, key := range slices.Sorted(maps.Keys(principal)) {
		list, ok := stringList(principal[key])
		if err := t.addOne(key, list, ok); err != nil {
			return err
		}
	}

	return t.addKeys(object["transitive_tag_keys"])
}

// add reads the claim of one tag; nil = the token has none.
func (t *tokenTagReader) add(key string, value any) error {
	if value == nil {
		return nil
	}
	list, ok := stringList(value)
	return t.addOne(key, list, ok)
}

func (t *tokenTagReader) addOne(key string, list []string, ok bool) error {
	if _, twice := t.tags[key]; !ok || len(list) != 1 || twice {
		return fmt.Errorf("the principal tag %.64q does not have one value", key)
	}
	t.tags[key] = list[0]
	return nil
}

// addKeys reads transitive tag keys; nil = the token has none.
func (t *tokenTagReader) addKeys(value any) error {
	if value == nil {
		return nil
	}
	list, ok := stringList(value)
	if !ok {
		return errors.New("the transitive tag keys are no list of texts")
	}

	for _, key := range list {
		if !slices.Contains(t.transitive, key) {
			t.transitive = append(t.transitive, key)
		}
	}

	return nil
}

func tokenSourceIdentity(claims map[string]any) (string, error) {
	value := claims[sourceIdentityClaim]
	if value == nil {
		return "", nil
	}
	name, _ := value.(string)
	// A session name has no colon, so none begins with "aws:".
	if !iam.IsSessionName(name) {
		return "", fmt.Errorf("%s", messageSourceIdentity)
	}

	return name, nil
}

// tokenClaims returns which condition keys a provider's token lacks. A key is unknown if
// the token has the claim but tokenConditions makes no key of it: the claim is no string,
// number, truth value or short list of strings, or two names differ only by case.
func tokenClaims(provider string, all map[string]any) policy.Claims {
	lacks := func(name string) bool {
		for claim, value := range all {
			list, isList := value.([]any)
			empty := value == nil || isList && len(list) == 0
			if !empty && policy.FoldKey(claim) == name {
				return false
			}
		}

		return true
	}

	return policy.Claims{Prefix: policy.FoldKey(provider), Lacks: lacks}
}

// onlyClaims is tokenClaims for a provider whose tokens have no other claims.
func onlyClaims(provider string, names ...string) policy.Claims {
	return policy.Claims{
		Prefix: policy.FoldKey(provider),
		Lacks:  func(name string) bool { return slices.Contains(names, name) },
	}
}
