package explain

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Code names a check, or one way in which a check refuses. Pages, metrics and programs
// go by it, so it never changes: lower-case words joined by dashes.
type Code string

// CodeOf returns the code of a check that passed: its name with dashes.
func CodeOf(check string) Code {
	return Code(strings.ReplaceAll(strings.ToLower(check), " ", "-"))
}

// Reason is one way in which a check refuses calls: a row of a package's Catalogue.
// In its texts {name} stands for a value that With gives.
type Reason struct {
	Code  Code   // unique in the server; CodeOf(Check), or that with a dash and more words
	Check string // the name of the check, without values: "token audience"

	Expected string // what would have passed
	Got      string // what came
	Fix      string // what to change, in plain words
	// Message is the text on the wire, where the check and not the operation words it.
	Message string
}

// Catalogue is the list of a package's reasons. docs/refusals.md is made of all of them.
type Catalogue []*Reason

// Add puts r into the catalogue and returns it, for the package's checks to refuse with.
func (c *Catalogue) Add(r Reason) *Reason {
	*c = append(*c, &r)

	return &r
}

// placeholder stands for a value in the texts of a Reason.
var placeholder = regexp.MustCompile(`\{[a-zA-Z]+\}`)

// Placeholders returns the names of the values that With needs, each once, in the order
// in which the texts have them.
func (r *Reason) Placeholders() []string {
	var names []string
	seen := map[string]bool{}
	for _, text := range []string{r.Expected, r.Got, r.Fix, r.Message} {
		for _, found := range placeholder.FindAllString(text, -1) {
			if name := found[1 : len(found)-1]; !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}

	return names
}

// With returns a refusal for this reason. values are names and texts in turn, one pair for
// each placeholder: With("limit", "2048"). Values are masked by the caller: no token,
// secret or assertion may enter a refusal.
func (r *Reason) With(values ...string) *Refusal {
	return &Refusal{
		Reason:   r,
		Message:  fill(r.Message, values),
		Expected: fill(r.Expected, values),
		Got:      fill(r.Got, values),
		Fix:      fill(r.Fix, values),
	}
}

// fill puts values in place of a text's placeholders in one pass: braces in a value stay
// as they are. Whoever floods the server with bad tokens pays for no more than this.
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

// valueOf finds a value among names and values in turn.
func valueOf(name string, values []string) (string, bool) {
	for i := 0; i+1 < len(values); i += 2 {
		if values[i] == name {
			return values[i+1], true
		}
	}

	return "", false
}

// Refusal is a check that did not pass: an error for whoever decides, and a step of the
// trace for whoever asks why. It belongs to one call.
type Refusal struct {
	Reason *Reason
	// Subject is whose check it was where several can be, such as the ARN of a role.
	Subject string

	Message, Expected, Got, Fix string
	Link                        *Link  // nil = no one thing
	Detail                      string // what came, in several lines; "" = Got tells it all

	recorded bool // in a Trace
}

// Link is the thing that the fix changes, for a page that can lead there.
type Link struct {
	Kind string `json:"kind"`         // LinkPool, …
	ID   string `json:"id,omitempty"` // its ID, ARN or name; the setting's path
	// Field is the field to change there, in the API's words, and Add what it should
	// have besides.
	Field string `json:"field,omitempty"`
	Add   string `json:"add,omitempty"`
	// Source tells where the thing can be changed: SourceAPI or SourceFile.
	Source string `json:"source,omitempty"`
}

// Kinds of a Link, and where the thing comes from.
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

// Of sets whose check it was, and returns r.
func (r *Refusal) Of(subject string) *Refusal {
	r.Subject = subject

	return r
}

// At sets what the fix changes, and returns r.
func (r *Refusal) At(l Link) *Refusal {
	r.Link = &l

	return r
}

// Showing adds what came in several lines, and returns r.
func (r *Refusal) Showing(detail string) *Refusal {
	r.Detail = detail

	return r
}

// Error is one line for the log.
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
	}
}

// Count is a number of things for people: "1 part", "3 parts".
func Count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}
