//go:build extended

package iamsimulate

import (
	"encoding/json"
	"strings"
)

// part is one element of a statement in a case, with its values.
type part struct {
	old      bool // the document has no variables: its version is not 2012-10-17
	name     string
	operator string // of a condition
	key      string // of a condition
	values   []string
}

// parts returns the elements of all statements of a case that can have variables.
func (c *simulatedCase) parts() []part {
	var list []part
	for _, text := range append([]json.RawMessage{c.Boundary, c.ResourcePolicy}, c.Identity...) {
		if text == nil {
			continue
		}

		var document struct {
			Version   string
			Statement []struct {
				Resource, NotResource []string
				Condition             map[string]map[string]any
			}
		}
		if err := json.Unmarshal(text, &document); err != nil {
			panic(err)
		}

		old := document.Version != "2012-10-17"
		for _, s := range document.Statement {
			list = append(list, part{old: old, name: "Resource", values: s.Resource},
				part{old: old, name: "NotResource", values: s.NotResource})
			for operator, keys := range s.Condition {
				for key, compared := range keys {
					p := part{old: old, name: "Condition", operator: operator, key: strings.ToLower(key)}
					values, _ := compared.([]any)
					for _, value := range values {
						p.values = append(p.values, value.(string))
					}
					list = append(list, p)
				}
			}
		}
	}

	return list
}

// has reports whether a value contains one of several texts.
func (p *part) has(texts ...string) bool {
	for _, value := range p.values {
		for _, text := range texts {
			if strings.Contains(value, text) {
				return true
			}
		}
	}
	return false
}

func (p *part) negated() bool {
	return p.name == "NotResource" || strings.Contains(p.operator, "Not")
}

// hasNoValue reports whether a variable of the part has neither a value in the request nor a default.
func (p *part) hasNoValue(c *simulatedCase) bool {
	return p.has("${my:none}") || p.has("${aws:PrincipalTag/team}") && c.keys["aws:principaltag/team"] == nil ||
		p.has("${my:list}") && c.keys["my:list"] == nil
}

const guide = "IAM User Guide, "

// rules explain differences. A rule is about the smallest case that still differs: what it looks for is
// needed for the difference.
var rules = []struct {
	why     string
	applies func(c *simulatedCase, p *part) bool
}{
	{
		why: "this server: ${…} is text in documents of older versions (" + guide + `"Policy variables": variables ` +
			"need Version 2012-10-17); iam-simulate replaces it in all",
		applies: func(_ *simulatedCase, p *part) bool { return p.old && p.has("${") },
	},
	{
		why: "this server: nothing equals a variable without a value, so that negated comparisons hold (" + guide +
			`"Policy variables with no value"); for iam-simulate they do not hold`,
		applies: func(c *simulatedCase, p *part) bool { return !p.old && p.negated() && p.hasNoValue(c) },
	},
	{
		why: "this server: a key with one value is a variable, whatever its type; with several it is not known, so " +
			"that Deny applies and Allow does not (" + guide + `"Policy variables": only keys with one value can be ` +
			"variables); for iam-simulate nothing with it holds",
		applies: func(c *simulatedCase, p *part) bool {
			return !p.old && p.has("${my:list}") && c.keys["my:list"] != nil
		},
	},
	{
		why: "this server: dates may be seconds since 1970 (" + guide + `"Date condition operators"); iam-simulate ` +
			"does not read these",
		applies: func(c *simulatedCase, p *part) bool {
			return strings.Contains(p.operator, "Date") &&
				(p.has("1795392000") || len(c.keys[p.key]) == 1 && c.keys[p.key][0] == "1795392000")
		},
	},
	{
		why: "this server: 0.0.0.0/0 has every IPv4 address (RFC 4632); iam-simulate finds none in it",
		applies: func(_ *simulatedCase, p *part) bool {
			return strings.Contains(p.operator, "IpAddress") && p.has("0.0.0.0/0")
		},
	},
	{
		why: "this server: an address is not in a block of the other kind, so that NotIpAddress holds (" + guide +
			`"IP address condition operators"); for iam-simulate it does not hold`,
		applies: func(c *simulatedCase, p *part) bool {
			address := c.keys[p.key]
			return strings.Contains(p.operator, "NotIpAddress") && len(address) == 1 &&
				strings.Contains(address[0], ":") != p.has(":")
		},
	},
}

// explained returns the explanation of the difference on a case; "" if there is none.
func explained(c *simulatedCase) string {
	parts := c.parts()
	for _, rule := range rules {
		for i := range parts {
			if rule.applies(c, &parts[i]) {
				return rule.why
			}
		}
	}
	return ""
}
