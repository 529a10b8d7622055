package explain

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Code names a check, or one way in which a check refuses. Documents, metrics and
// programs use it, so it never changes. It has lower-case words joined by dashes.
type Code string

// CodeOf returns the code of a check that passed: its name with dashes.
func CodeOf(check string) Code {
	return Code(strings.ReplaceAll(strings.ToLower(check), " ", "-"))
}

// Reason is one way in which a check refuses calls: a row of a package's Catalogue. In its
// texts, {name} stands for a value from With.
type Reason struct {
	Code  Code   // unique in the server; CodeOf(Check), or that with a dash and more words
	Check string // the name of the check, without values: "token audience"

	Expected string // what would have passed
	Got      string // the value checked
	Fix      string // what to change, in plain words
	// Message is the text on the wire, if the check and not the operation sets it.
	Message string
}

// Catalogue lists a package's reasons. docs/errors.md is generated from all of them.
type Catalogue []*Reason

// Add adds r to the catalogue and returns it, for the package's checks.
func (c *Catalogue) Add(r Reason) *Reason {
	*c = append(*c, &r)
	return &r
}

// Hidden stands in the place of a secret in texts that people see, for example in an exported pool.
const Hidden = "(hidden)"

// placeholder matches a placeholder in the texts of a Reason.
var placeholder = regexp.MustCompile(`\{[a-zA-Z]+\}`)

// Placeholders returns the names of the values that With needs, each once, in the order
// of the texts.
func (r *Reason) Placeholders() []string {
	var names []string
	for _, text := range []string{r.Expected, r.Got, r.Fix, r.Message} {
		for _, found := range placeholder.FindAllString(text, -1) {
			if name := found[1 : len(found)-1]; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}

	return names
}

// With returns a refusal for this reason. values are pairs of name and text, one pair for
// each placeholder: With("limit", "2048"). The caller masks the values: no token, secret
// or assertion may enter a refusal.
func (r *Reason) With(values ...string) *Refusal {
	return &Refusal{
		Reason:   r,
		Message:  fill(r.Message, values),
		Expected: fill(r.Expected, values),
		Got:      fill(r.Got, values),
		Fix:      fill(r.Fix, values),
	}
}

// fill replaces a text's placeholders in one pass; braces in a value stay as they are. It
// is cheap, because a flood of bad tokens pays for nothing else.
func fill(text string, values []string) string {
	if !strings.Contains(text, "{") {
		return text
	}

	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}

		name, after, closed := strings.Cut(rest, "}")
		value, given := valueOf(name, values)
		if !closed || !given {
			b.WriteByte('{')
			text = rest
			continue
		}

		b.WriteString(value)
		text = after
	}
}

// valueOf finds a value by name in pairs of name and text.
func valueOf(name string, values []string) (string, bool) {
	for i := 0; i+1 < len(values); i += 2 {
		if values[i] == name {
			return values[i+1], true
		}
	}
	return "", false
}

// Refusal is a failed check: an error for the code that decides, and a step of the trace
// for people who ask why. It belongs to one call.
type Refusal struct {
	Reason *Reason
	// Subject is the one of several that was checked, such as the ARN of a role.
	Subject string

	Message, Expected, Got, Fix string
	Link                        *Link  // nil = not one thing
	Detail                      string // Got in several lines; "" = Got is enough
	Client                      string // Step.Client

	recorded bool // in a Trace
}

// Link is the thing that the fix changes, so that a page can link to it. What the settings
// file defines is a LinkSetting, whatever it is: no API changes it.
type Link struct {
	Kind string `json:"kind"` // LinkPool, …
	// ID is its ID or ARN; for a setting its path, such as roles[3].trust_policy; "" for a
	// pool that is not there yet.
	ID string `json:"id,omitempty"`
	// Field is the field to change there, in the API's words; "" for a setting, and for a
	// thing that is missing or must be replaced. Add is the value to add to it, from Adding.
	Field string `json:"field,omitempty"`
	Add   string `json:"add,omitempty"`
	// Source is where the thing can be changed: SourceFile for settings, else SourceAPI.
	Source string `json:"source,omitempty"`
}

// Setting returns a link to the setting with a path in the settings file; none if the
// path is "".
func Setting(path string) Link {
	if path == "" {
		return Link{}
	}
	return Link{Kind: LinkSetting, ID: path, Source: SourceFile}
}

// In returns the link to a member of a setting, such as trust_policy in roles[3].
func (l Link) In(member string) Link {
	l.ID += "." + member
	return l
}

// maxAdded bounds what a link proposes, in bytes: the bound of IAM for a client ID and for an issuer's URL.
const maxAdded = 255

// Adding returns the link with a value to add. A value that people could not read or the field
// could not take is left out: a shortened or escaped form of it would be another value.
func (l Link) Adding(value string) Link {
	if len(value) > maxAdded || !Printable(value) {
		value = ""
	}

	return Link{Kind: l.Kind, ID: l.ID, Field: l.Field, Add: value, Source: l.Source}
}

// Kinds and sources of a Link.
const (
	LinkPool         = "identity-pool"
	LinkIdentity     = "identity"
	LinkRole         = "role"
	LinkOIDCProvider = "oidc-provider"
	LinkSAMLProvider = "saml-provider"
	LinkAccessKey    = "access-key"
	LinkSetting      = "setting"

	SourceAPI  = "api"
	SourceFile = "file"
)

// Of sets the subject of the check, and returns r.
func (r *Refusal) Of(subject string) *Refusal {
	r.Subject = subject
	return r
}

// At sets the thing that the fix changes, and returns r. A link without a kind is none.
func (r *Refusal) At(l Link) *Refusal {
	if l.Kind != "" {
		r.Link = &l
	}

	return r
}

// Showing sets the detail, and returns r.
func (r *Refusal) Showing(detail string) *Refusal {
	r.Detail = detail
	return r
}

// Error returns one line for the log.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: expected %s, got %s", r.Step().Title(), r.Expected, r.Got)
}

// Step returns r as a step of a trace.
func (r *Refusal) Step() Step {
	return Step{
		Code:     r.Reason.Code,
		Check:    r.Reason.Check,
		Subject:  r.Subject,
		Expected: r.Expected,
		Got:      r.Got,
		Fix:      r.Fix,
		Link:     r.Link,
		Detail:   r.Detail,
		Client:   r.Client,
	}
}

// Count returns a number with its noun, for people: "1 part", "3 parts".
func Count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}
