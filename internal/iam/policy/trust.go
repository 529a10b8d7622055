package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Fault tells why IAM would refuse a document, in which part, and how to fix it.
type Fault struct {
	Where    string // e.g. Statement[1]
	Text     string // IAM's text; if IAM has none, ours, with Where in it
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

// bounded shortens what a message repeats of a document, and replaces its control
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

// CheckTrust refuses a document that may not be a role's trust policy: one of the
// wrong form, and one that would let in more than it names. A stored document
// that it refuses opens nothing. The error is a *Fault.
func (d *Document) CheckTrust() error {
	checks := []func(*Document) error{
		trustForm,
		trustActions,
		CognitoTrustLocal,
		CognitoTrustScoped,
		SharedIssuersScoped,
	}
	for _, check := range checks {
		if err := check(d); err != nil {
			return err
		}
	}
	return nil
}

// trustForm demands a Principal of every statement, and no Resource, which is the
// role. Allow with NotPrincipal would let in everybody whom it does not name:
// pools, and customers of shared issuers, too.
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

// assumeActions are all that a trust policy may be about, in lower case (IAM User
// Guide, "Trust policies"; STS's actions with the resource type role).
var assumeActions = []string{
	"sts:assumerole",
	"sts:assumerolewithsaml",
	assumeWithWebIdentity,
	"sts:tagsession",
	"sts:setsourceidentity",
	"sts:setcontext",
}

// trustActions demands that every Action and NotAction is one of assumeActions, or
// a pattern that matches one.
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

// PrincipalARNs returns the principals that the document names by ARNs, of callers,
// accounts and providers, each once.
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

// AWSPrincipals returns the AWS principals that the document names, each once:
// ARNs, unique IDs, and numbers of accounts.
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
