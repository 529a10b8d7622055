package apply

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// Format is the form of an exported pool.
type Format string

// The formats of an exported pool.
const (
	YAML      Format = "yaml"      // a file for Apply
	Terraform Format = "terraform" // HCL, for the provider hashicorp/aws
	CLI       Format = "cli"       // commands of the AWS CLI, for a POSIX shell
)

// Formats has all formats.
var Formats = []Format{YAML, Terraform, CLI}

// draftUUID ends the ID of a pool that is not made yet, while its text is written.
const draftUUID = "00000000-0000-0000-0000-000000000000"

// PoolOrigin tells where a pool to export comes from.
type PoolOrigin struct {
	Caller          PoolsCaller
	Account, Region string
	ID              string // "" = a draft, which Caller has
}

// DraftID is the pool ID with which a draft is read from its caller.
func (o PoolOrigin) DraftID() string { return o.Region + ":" + draftUUID }

// ExportedPool is the text of one pool. Roles and providers are named by their ARNs.
type ExportedPool struct {
	Text  string   // with Notes as comments; without secrets
	Notes []string // what the text lacks
}

// exportedPool is a pool as it was read.
type exportedPool struct {
	*exporter
	pool  *pool
	roles *poolRoles // nil = none
	tags  []*principalTags
	all   []*state // each of these
}

// ExportPool writes a pool with its roles and principal tags. It returns nil if there is no such pool.
func ExportPool(ctx context.Context, o PoolOrigin, format Format) (*ExportedPool, error) {
	e := &exporter{
		server: &server{
			door:      o.Caller,
			account:   o.Account,
			partition: identitypool.Partition(o.Region),
			region:    o.Region,
		},
		draft: o.ID == "",
	}
	id := o.ID
	if e.draft {
		id = o.DraftID()
	}

	p, err := e.readPool(ctx, id)
	if p == nil || err != nil {
		return nil, err
	}
	p.hideSecrets()

	var text string
	switch format {
	case Terraform:
		text = p.terraform()
	case CLI:
		text = p.cli()
	default:
		text = string(e.write(p.all)) // adds notes
	}

	return &ExportedPool{Text: comments(e.notes) + text, Notes: e.notes}, nil
}

// readPool returns nil if there is no such pool.
func (e *exporter) readPool(ctx context.Context, id string) (*exportedPool, error) {
	st, err := e.server.pool(ctx, id)
	if st == nil || err != nil {
		return nil, err
	}

	p := &exportedPool{exporter: e, pool: st.properties.(*pool), all: []*state{st}}
	err = e.readParts(ctx, st, func(part *state) {
		switch properties := part.properties.(type) {
		case *poolRoles:
			p.roles = properties
		case *principalTags:
			if !properties.accept(e, id) {
				return
			}
			p.tags = append(p.tags, properties)
		}
		p.all = append(p.all, part)
	})
	for _, one := range p.all {
		e.judge(one)
	}

	return p, err
}

// hideSecrets puts a text that no server accepts in the place of each secret.
func (p *exportedPool) hideSecrets() {
	shown := map[string]string{}
	for name, app := range sorted(p.pool.SupportedLoginProviders) {
		shown[shownProvider(name)] = provider.Default().ShownApp(name, app)
		if !provider.Default().PublicApp(name, app) {
			p.note(loginProviders, "the secret of %s is left out: write it in the place of (hidden), "+
				"which no server accepts", shownProvider(name))
		}
	}
	p.pool.SupportedLoginProviders = shown
}

// hclLabel names the pool's resources in Terraform: a letter, then letters and digits.
func (p *exportedPool) hclLabel() string { return notInName.ReplaceAllString(p.pool.title(), "") }

// comments returns notes as comments, which YAML, HCL and shells begin alike.
func comments(notes []string) string {
	var b strings.Builder
	for _, note := range notes {
		b.WriteString("# " + printable(note) + "\n")
	}
	return b.String()
}

// printable returns text on one line: names and values may come from anybody who may change the server.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// inputs has the members of the calls that make the pool, without its ID.
func (p *exportedPool) inputs() (create, roles map[string]any, tags []map[string]any) {
	create = tree(p.pool)
	if p.roles != nil {
		roles = tree(p.roles)
		delete(roles, "IdentityPoolId")
		if roles["Roles"] == nil {
			roles["Roles"] = map[string]any{} // required
		}
	}

	for _, t := range p.tags {
		one := tree(t)
		delete(one, "IdentityPoolId")
		if t.empty() {
			one["PrincipalTags"] = map[string]any{}
		}
		tags = append(tags, one)
	}

	return create, roles, tags
}

// cli returns commands of the AWS CLI. They end at the first one that fails.
func (p *exportedPool) cli() string {
	const call = "aws cognito-identity "
	create, roles, tags := p.inputs()

	var b bytes.Buffer
	fmt.Fprintf(&b, "pool_id=$(%screate-identity-pool --query IdentityPoolId --output text --cli-input-json %s)",
		call, shellJSON(create))
	set := func(operation string, in map[string]any) {
		fmt.Fprintf(&b, " &&\n%s%s --identity-pool-id \"$pool_id\" --cli-input-json %s", call, operation, shellJSON(in))
	}

	if roles != nil {
		set("set-identity-pool-roles", roles)
	}

	for _, one := range tags {
		set("set-principal-tag-attribute-map", one)
		b.WriteString(" > /dev/null") // it prints the map: only the ID of the pool is to be printed
	}
	b.WriteString(" &&\necho \"$pool_id\"\n")

	return b.String()
}

// shellJSON returns a value as JSON in one word of a POSIX shell.
func shellJSON(v any) string {
	var b strings.Builder
	for _, r := range show(v) {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		writeUTF16(&b, r) // JSON has others than ASCII's only within its texts
	}

	return shellQuoted(b.String())
}

// shellQuoted returns text as one word of a POSIX shell. Between single quotes nothing has a meaning
// but a single quote (POSIX.1-2024, Shell Command Language, 2.2.2).
func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
