package saml

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

const (
	methodBearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	// maxNameID is in bytes; SAML Core 8.3.7 allows 256 characters.
	maxNameID = 256
)

// assertion reads a signed assertion.
func (j *judge) assertion(e *etree.Element) *Refused {
	if version, _ := attribute(e, "Version"); version != "2.0" {
		return malformed("SAML version", "2.0", show(version), "Use SAML 2.0.")
	}
	j.a.ID, _ = attribute(e, "ID")
	issuer, n := one(e, assertionNamespace, "Issuer")
	if issuer == nil {
		return malformed("SAML issuer", "one Issuer in the assertion", fmt.Sprintf("%d", n), resend)
	}
	for _, step := range []func() *Refused{
		func() (refused *Refused) { j.a.IssueInstant, refused = j.issued(e); return },
		func() *Refused { return j.issuer(issuer) },
		func() *Refused { return j.subject(e) },
		func() *Refused { return j.conditions(e) },
		func() *Refused { return j.session(e) },
		func() *Refused { return j.attributes(e) },
	} {
		if refused := step(); refused != nil {
			return refused
		}
	}
	return nil
}

// issuer compares an Issuer with the entity ID byte for byte.
func (j *judge) issuer(e *etree.Element) *Refused {
	name, plain := text(e)
	if !plain || name != j.provider.EntityID {
		return &Refused{Reason: WrongIssuer, Check: "SAML issuer", Expected: j.provider.EntityID, Got: show(name),
			Fix: "Register the metadata of the identity provider that signs users in, or use the Logins key of its own registration."}
	}
	j.a.Issuer = name
	return nil
}

// subject reads who the assertion is about, and that it is for its bearer, here
// and now (SAML Profiles 4.1.4.2).
func (j *judge) subject(e *etree.Element) *Refused {
	subject, n := one(e, assertionNamespace, "Subject")
	if subject == nil {
		return malformed("SAML subject", "one Subject", fmt.Sprintf("%d", n), "Have the identity provider name the user in Subject.")
	}
	nameID, n := one(subject, assertionNamespace, "NameID")
	if nameID == nil || len(all(subject, assertionNamespace, "BaseID")) > 0 {
		return malformed("SAML NameID", "one NameID", fmt.Sprintf("%d", n), "Have the identity provider send one NameID, of the format persistent if it can.")
	}
	name, plain := text(nameID)
	if !plain || name == "" || len(name) > maxNameID || !printable(name) || strings.TrimSpace(name) != name {
		return malformed("SAML NameID", fmt.Sprintf("1 to %d bytes of text without control or invisible characters or blanks around", maxNameID),
			fmt.Sprintf("%d bytes that are not", len(name)), "Have the identity provider send a plain, stable user ID as NameID.")
	}
	j.a.NameID = name
	j.a.NameIDFormat, _ = attribute(nameID, "Format")
	j.a.NameQualifier, _ = attribute(nameID, "NameQualifier")
	j.a.SPNameQualifier, _ = attribute(nameID, "SPNameQualifier")
	for _, qualifier := range []string{j.a.NameQualifier, j.a.SPNameQualifier} {
		if qualifier != "" && !plainEntityID(qualifier) {
			return malformed("SAML NameID qualifier",
				fmt.Sprintf("up to %d bytes of text without control or invisible characters or blanks around", maxEntityID),
				fmt.Sprintf("%d bytes that are not", len(qualifier)),
				"Have the identity provider leave NameQualifier and SPNameQualifier out, or send entity IDs.")
		}
	}
	j.a.Scope = j.provider.scope(j.a.NameQualifier, j.a.SPNameQualifier)

	confirmation, n := one(subject, assertionNamespace, "SubjectConfirmation")
	if confirmation == nil {
		return malformed("SAML subject confirmation", "one SubjectConfirmation", fmt.Sprintf("%d", n), "Have the identity provider send one bearer confirmation.")
	}
	if method, _ := attribute(confirmation, "Method"); method != methodBearer {
		return malformed("SAML subject confirmation", methodBearer, show(method), "Have the identity provider confirm the subject as bearer.")
	}
	data, n := one(confirmation, assertionNamespace, "SubjectConfirmationData")
	if data == nil {
		return malformed("SAML subject confirmation", "one SubjectConfirmationData", fmt.Sprintf("%d", n), "Have the identity provider send Recipient and NotOnOrAfter.")
	}
	recipient, _ := attribute(data, "Recipient")
	if !j.provider.acceptsRecipient(recipient) {
		return j.wrongRecipient("SAML recipient", recipient)
	}
	j.a.Recipient = recipient
	if _, ok := attribute(data, "NotOnOrAfter"); !ok {
		return malformed("SAML subject confirmation", "NotOnOrAfter", "none", "Have the identity provider limit the confirmation in time.")
	}
	if answers := requestOf(data); answers != j.request {
		return j.otherRequest(answers)
	}
	return j.window("subject confirmation", data)
}

// otherRequest refuses an assertion of one sign-in in the Response of another.
// Both name the request that they answer, or neither does when the provider began
// the sign-in (SAML Core 3.2.2; SAML Profiles 4.1.4.3 and 4.1.5). Whether it is a
// request of the application's, only the application knows.
func (j *judge) otherRequest(got string) *Refused {
	shown := func(id string) string {
		if id == "" {
			return "none"
		}
		return show(id)
	}

	return &Refused{
		Reason:   Malformed,
		Check:    "SAML request",
		Expected: "the same InResponseTo in the response and in its subject confirmation, or in neither",
		Got:      shown(j.request) + " in the response, " + shown(got) + " in the subject confirmation",
		Fix:      resend,
	}
}

func (j *judge) wrongRecipient(check, got string) *Refused {
	return &Refused{Reason: WrongAudience, Check: check, Expected: strings.Join(append(slices.Clone(j.provider.Recipients), "https://signin.aws.amazon.com/saml"), " or "), Got: show(got),
		Fix: "Set the application's assertion consumer service URL at the identity provider to one of these, or add its present one to the provider's recipients here."}
}

// window checks NotBefore and NotOnOrAfter of an element.
func (j *judge) window(what string, e *etree.Element) *Refused {
	if value, ok := attribute(e, "NotBefore"); ok {
		at, valid := instant(value)
		if !valid {
			return j.noInstant("NotBefore of the "+what, value)
		}
		if at.After(j.now.Add(j.skew)) {
			return &Refused{Reason: Expired, Check: "SAML " + what, Expected: "valid by " + j.now.Add(j.skew).Format(time.RFC3339),
				Got: "not valid before " + at.Format(time.RFC3339), Fix: "Compare this server's clock with the identity provider's."}
		}
	}
	return j.until(what, e, "NotOnOrAfter", &j.a.NotOnOrAfter)
}

// until checks an end of validity and keeps the earliest in earliest.
func (j *judge) until(what string, e *etree.Element, name string, earliest *time.Time) *Refused {
	value, ok := attribute(e, name)
	if !ok {
		return nil
	}
	at, valid := instant(value)
	if !valid {
		return j.noInstant(name+" of the "+what, value)
	}
	if !j.now.Before(at.Add(j.skew)) {
		return &Refused{Reason: Expired, Check: "SAML " + what, Expected: "valid after " + j.now.Add(-j.skew).Format(time.RFC3339),
			Got: "valid until " + at.Format(time.RFC3339), NotOnOrAfter: at,
			Fix: "Sign in again; if the response is fresh, compare this server's clock with the identity provider's."}
	}
	if earliest.IsZero() || at.Before(*earliest) {
		*earliest = at
	}
	return nil
}

func (j *judge) noInstant(what, value string) *Refused {
	return malformed("SAML time", "a time like 2030-01-31T12:00:00Z, in UTC", what+" is "+show(value), "Have the identity provider write times in UTC, with Z.")
}

var dateTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$`)

// instant reads an xs:dateTime in UTC (SAML Core 1.3.3).
func instant(value string) (time.Time, bool) {
	if !dateTime.MatchString(value) {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, value)
	return at, err == nil && at.Year() > 0
}

// conditions checks for whom and when the assertion holds (SAML Core 2.5.1). A
// condition that is not understood makes it worthless, by the same section.
func (j *judge) conditions(e *etree.Element) *Refused {
	conditions, n := one(e, assertionNamespace, "Conditions")
	if conditions == nil {
		return malformed("SAML conditions", "one Conditions element", fmt.Sprintf("%d", n), "Have the identity provider restrict the assertion to an audience.")
	}
	if refused := j.window("assertion", conditions); refused != nil {
		return refused
	}
	restrictions := 0
	for _, c := range conditions.ChildElements() {
		switch {
		case is(c, assertionNamespace, "AudienceRestriction"):
			restrictions++
			if refused := j.audience(c); refused != nil {
				return refused
			}
		case is(c, assertionNamespace, "OneTimeUse"), is(c, assertionNamespace, "ProxyRestriction"):
			// Clients send the same login for each refresh of their credentials,
			// so single use cannot be asked for; and we issue no assertions.
		default:
			return malformed("SAML conditions", "AudienceRestriction, OneTimeUse or ProxyRestriction", show(c.Tag), "Have the identity provider leave the condition out.")
		}
	}
	if restrictions == 0 {
		return malformed("SAML audience", "an AudienceRestriction", "none", "Have the identity provider restrict the assertion to an audience.")
	}
	return nil
}

// audience checks one restriction; each of several must be met.
func (j *judge) audience(restriction *etree.Element) *Refused {
	var got []string
	for _, e := range all(restriction, assertionNamespace, "Audience") {
		name, plain := text(e)
		if plain && j.provider.acceptsAudience(name) {
			j.a.Audience = name
			return nil
		}
		if len(got) < 5 {
			got = append(got, show(name))
		}
	}
	return &Refused{Reason: WrongAudience, Check: "SAML audience", Expected: strings.Join(append(slices.Clone(j.provider.Audiences), awsAudiences[0]), " or "),
		Got: cmp.Or(strings.Join(got, ", "), "none"),
		Fix: "Set the application's entity ID (audience) at the identity provider to one of these, or add its present one to the provider's audiences here."}
}

// session reads when the user signed in at the provider, and when its session ends.
func (j *judge) session(e *etree.Element) *Refused {
	for _, s := range all(e, assertionNamespace, "AuthnStatement") {
		if refused := j.until("session", s, "SessionNotOnOrAfter", &j.a.SessionNotOnOrAfter); refused != nil {
			return refused
		}
		value, said := attribute(s, "AuthnInstant")
		if !said {
			continue
		}
		at, ok := instant(value)
		switch {
		case !ok:
			return j.noInstant("AuthnInstant", value)
		case at.After(j.now.Add(j.skew)):
			return &Refused{Reason: Expired, Check: "SAML authentication instant", Expected: "at most " + j.now.Add(j.skew).Format(time.RFC3339),
				Got: at.Format(time.RFC3339), Fix: "Compare this server's clock with the identity provider's: the sign-in is from the future."}
		case j.a.AuthnInstant.IsZero() || at.Before(j.a.AuthnInstant):
			j.a.AuthnInstant = at
		}
	}
	return nil
}
