package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Fault is the reason for which IAM refuses a document, with the place and the fix.
type Fault struct {
	Where    string // e.g. Statement[1]
	Text     string // IAM's text; if IAM has none, ours, which contains Where
	Expected string
	Got      string
	Fix      string
}

// Error returns Text, after Where unless Text contains it.
func (f *Fault) Error() string {
	if strings.Contains(f.Text, f.Where) {
		return f.Text
	}
	return f.Where + ": " + f.Text
}

// bounded returns a text of a document for a message: shortened, and without control
// characters.
func bounded(text string) string {
	const longest = 1024 // bytes
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)

	if text == "" {
		return "an empty text"
	}
	if len(text) <= longest {
		return text
	}

	return strings.ToValidUTF8(text[:longest], "") + "…"
}

// where names the statement in errors.
func (s *Statement) where() string { return fmt.Sprintf("Statement[%d]", s.Index) }

// CheckTrust refuses a document that may not be a role's trust policy, because it has
// the wrong form, or lets in more than it names. Nobody can assume a role whose stored
// trust policy it refuses. The error is a *Fault.
func (d *Document) CheckTrust() error {
	checks := []func(*Document) error{
		trustForm,
		trustActions,
		cognitoTrustLocal,
		cognitoTrustScoped,
		sharedIssuersScoped,
	}
	for _, check := range checks {
		if err := check(d); err != nil {
			return err
		}
	}

	return nil
}

// trustForm refuses a statement without a Principal, or with a Resource, because the
// resource is the role. It also refuses Allow with NotPrincipal, which would let in
// everybody else, including pools and customers of shared issuers.
func trustForm(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		f := &Fault{Where: s.where()}

		switch {
		case s.principals == nil:
			f.Text, f.Expected, f.Got = f.Where+": a trust policy needs a Principal", "a Principal", "none"
			f.Fix = "name who may assume the role"
		case s.resources != nil:
			f.Text, f.Expected, f.Got = f.Where+": a trust policy has no Resource", "no Resource", "one"
			f.Fix = "leave it out: the resource is the role"
		case s.notPrincipal && s.Effect == Allow:
			f.Text, f.Expected, f.Got = "Allow with NotPrincipal is not allowed.", "a Principal", "NotPrincipal"
			f.Fix = "name who may assume the role; keep others out by a Deny statement"
		default:
			continue
		}

		return f
	}

	return nil
}

// assumeActions are the actions that a trust policy may have, in lower case (IAM User
// Guide, "Trust policies"; STS's actions with the resource type role).
var assumeActions = []string{
	"sts:assumerole",
	"sts:assumerolewithsaml",
	assumeWithWebIdentity,
	"sts:tagsession",
	"sts:setsourceidentity",
	"sts:setcontext",
}

// trustActions refuses an Action or NotAction that is not one of assumeActions, nor a
// pattern that matches one.
func trustActions(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		if !slices.ContainsFunc(s.actions, assumesNothing) {
			continue
		}

		return &Fault{
			Where: s.where(),
			Text:  "AssumeRole policy may only specify STS AssumeRole actions.",
			Expected: "sts:AssumeRole, sts:AssumeRoleWithSAML, sts:AssumeRoleWithWebIdentity, sts:TagSession, " +
				"sts:SetSourceIdentity, sts:SetContext",
			Got: "another action in " + elementName("Action", s.notAction),
			Fix: "leave other actions out of the trust policy; what the role may do belongs in its permission policies",
		}
	}

	return nil
}

// assumesNothing reports whether an Action matches none of assumeActions.
func assumesNothing(p pattern) bool {
	return !slices.ContainsFunc(assumeActions, p.matchFixed) // actions have no variables
}

// PrincipalARNs returns the ARNs of the document's principals: callers, accounts and
// providers, each once.
func (d *Document) PrincipalARNs() []string {
	var list []string
	for i := range d.statements {
		set := d.statements[i].principals
		if set == nil {
			continue
		}

		for _, name := range slices.Concat(set.aws, set.roots, set.federated) {
			if strings.HasPrefix(name, "arn:") {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)

	return slices.Compact(list)
}

// AWSPrincipals returns the AWS principals that the document names, each once: ARNs,
// unique IDs, and account numbers.
func (d *Document) AWSPrincipals() []string {
	var list []string
	for i := range d.statements {
		if set := d.statements[i].principals; set != nil {
			list = append(list, set.aws...)
			list = append(list, set.accounts...)
		}
	}
	slices.Sort(list)

	return slices.Compact(list)
}
