package apply

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// terraform returns the pool in HCL.
func (p *exportedPool) terraform() string {
	create, roles, tags := p.inputs()
	label := p.hclLabel()
	id := hclWord("aws_cognito_identity_pool." + label + ".id")

	b := &hclBlock{}
	b.nested(`resource "aws_cognito_identity_pool" "`+label+`"`, func(b *hclBlock) {
		b.set("identity_pool_name", create["IdentityPoolName"])
		b.set("allow_unauthenticated_identities", create["AllowUnauthenticatedIdentities"])
		b.set("allow_classic_flow", create["AllowClassicFlow"])
		b.set("developer_provider_name", create["DeveloperProviderName"])
		b.set("supported_login_providers", create[loginProviders])
		b.set("openid_connect_provider_arns", create["OpenIdConnectProviderARNs"])
		b.set("saml_provider_arns", create["SamlProviderARNs"])
		b.set("tags", create["IdentityPoolTags"])

		for _, u := range p.pool.CognitoIdentityProviders {
			b.nested("cognito_identity_providers", func(b *hclBlock) {
				b.set("provider_name", u.ProviderName)
				b.set("client_id", u.ClientId)
				b.set("server_side_token_check", u.ServerSideTokenCheck)
			})
		}
	})

	if roles != nil {
		b.text.WriteByte('\n')
		b.nested(`resource "aws_cognito_identity_pool_roles_attachment" "`+label+`"`, func(b *hclBlock) {
			b.set("identity_pool_id", id)
			b.set("roles", roles["Roles"])

			for name, m := range sorted(p.roles.RoleMappings) {
				b.nested("role_mapping", func(b *hclBlock) { b.roleMapping(name, m) })
			}
		})
	}

	for i, one := range tags {
		b.text.WriteByte('\n')
		b.nested(fmt.Sprintf(`resource "aws_cognito_identity_pool_provider_principal_tag" "%s_%d"`, label, i+1),
			func(b *hclBlock) {
				b.set("identity_pool_id", id)
				b.set("identity_provider_name", one["IdentityProviderName"])
				b.set("use_defaults", one["UseDefaults"])
				b.set("principal_tags", one["PrincipalTags"])
			})
	}

	return b.text.String()
}

func (b *hclBlock) roleMapping(name string, m roleMapping) {
	b.set("identity_provider", name)
	b.set("type", m.Type)
	if m.AmbiguousRoleResolution != "" {
		b.set("ambiguous_role_resolution", m.AmbiguousRoleResolution)
	}
	if m.RulesConfiguration == nil {
		return
	}

	for _, rule := range m.RulesConfiguration.Rules {
		b.nested("mapping_rule", func(b *hclBlock) {
			b.set("claim", rule.Claim)
			b.set("match_type", rule.MatchType)
			b.set("value", rule.Value)
			b.set("role_arn", rule.RoleARN)
		})
	}
}

// hclBlock is the text of a block, or of a file.
type hclBlock struct {
	text   strings.Builder
	indent int
}

// hclWord is text of HCL that stands without quotes.
type hclWord string

// nested adds a block. The header is HCL.
func (b *hclBlock) nested(header string, fill func(*hclBlock)) {
	margin := strings.Repeat(" ", b.indent)
	inner := &hclBlock{indent: b.indent + 2}
	fill(inner)
	fmt.Fprintf(&b.text, "%s%s {\n%s%s}\n", margin, header, inner.text.String(), margin)
}

// set adds an argument, unless the value is nil.
func (b *hclBlock) set(name string, v any) {
	if v != nil {
		fmt.Fprintf(&b.text, "%s%s = %s\n", strings.Repeat(" ", b.indent), name, hclValue(v, b.indent))
	}
}

// hclValue returns a value as an expression of HCL.
func hclValue(v any, indent int) string {
	margin := strings.Repeat(" ", indent)

	switch v := v.(type) {
	case hclWord:
		return string(v)
	case string:
		return hclQuoted(v)
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case []any:
		var b strings.Builder
		for _, one := range v {
			b.WriteString(margin + "  " + hclValue(one, indent+2) + ",\n")
		}
		return "[\n" + b.String() + margin + "]"
	case map[string]any:
		var b strings.Builder
		for key, one := range sorted(v) {
			b.WriteString(margin + "  " + hclQuoted(key) + " = " + hclValue(one, indent+2) + "\n")
		}
		return "{\n" + b.String() + margin + "}"
	default:
		return "null"
	}
}

// hclQuoted returns text as a string of HCL in which nothing is a template (HCL native syntax
// specification, "Template Expressions").
func hclQuoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')

	runes := []rune(text)
	for i, r := range runes {
		next, before := rune(0), rune(0)
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		if i > 0 {
			before = runes[i-1]
		}

		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case (r == '$' || r == '%') && next == '{' && before == r:
			fmt.Fprintf(&b, `\u%04x`, r) // $${ would be an escape, not the end of a run
		case (r == '$' || r == '%') && next == '{':
			b.WriteString(string(r) + string(r))
		case !unicode.IsPrint(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')

	return b.String()
}

// writeUTF16 writes a rune as JSON escapes it.
func writeUTF16(b *strings.Builder, r rune) {
	for _, unit := range utf16.Encode([]rune{r}) {
		fmt.Fprintf(b, `\u%04x`, unit)
	}
}
