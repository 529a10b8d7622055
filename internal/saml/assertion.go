package saml

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
)

const (
	methodBearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	// maxNameID bounds a NameID, in bytes; SAML Core 8.3.7 allows 256 characters.
	maxNameID = 256
)

// assertion reads a signed assertion.
func (j *judge) assertion(e *etree.Element) *Refused {
	if version, _ := attribute(e, "Version"); version != "2.0" {
		return malformed(otherVersion.With("version", show(version)))
	}

	j.a.ID, _ = attribute(e, "ID")
	issuer, n := one(e, assertionNamespace, "Issuer")
	if issuer == nil {
		return malformed(noIssuer.With("count", strconv.Itoa(n)))
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
		return &Refused{
			Refusal: otherIssuer.With("entity", j.provider.EntityID, "issuer", show(name)),
			Kind:    WrongIssuer,
		}
	}
	j.a.Issuer = name

	return nil
}

// subject reads the assertion's user, and checks that the bearer may present it
// here and now (SAML Profiles 4.1.4.2).
func (j *judge) subject(e *etree.Element) *Refused {
	subject, n := one(e, assertionNamespace, "Subject")
	if subject == nil {
		return malformed(noSubject.With("count", strconv.Itoa(n)))
	}
	nameID, n := one(subject, assertionNamespace, "NameID")
	if nameID == nil || len(all(subject, assertionNamespace, "BaseID")) > 0 {
		return malformed(noNameID.With("count", strconv.Itoa(n)))
	}

	name, plain := text(nameID)
	if !plain || name == "" || len(name) > maxNameID || !printable(name) || strings.TrimSpace(name) != name {
		return malformed(otherNameID.With("limit", strconv.Itoa(maxNameID), "size", strconv.Itoa(len(name))))
	}
	j.a.NameID = name

	j.a.NameIDFormat, _ = attribute(nameID, "Format")
	j.a.NameQualifier, _ = attribute(nameID, "NameQualifier")
	j.a.SPNameQualifier, _ = attribute(nameID, "SPNameQualifier")
	for _, qualifier := range []string{j.a.NameQualifier, j.a.SPNameQualifier} {
		if qualifier != "" && !plainEntityID(qualifier) {
			return malformed(otherQualifier.With(
				"limit", strconv.Itoa(maxEntityID),
				"size", strconv.Itoa(len(qualifier)),
			))
		}
	}
	j.a.Scope = j.provider.scope(j.a.NameQualifier, j.a.SPNameQualifier)

	confirmation, n := one(subject, assertionNamespace, "SubjectConfirmation")
	if confirmation == nil {
		return malformed(noConfirmation.With("count", strconv.Itoa(n)))
	}
	if method, _ := attribute(confirmation, "Method"); method != methodBearer {
		return malformed(otherMethod.With("method", show(method)))
	}

	data, n := one(confirmation, assertionNamespace, "SubjectConfirmationData")
	if data == nil {
		return malformed(noConfirmationData.With("count", strconv.Itoa(n)))
	}

	recipient, _ := attribute(data, "Recipient")
	if !j.provider.acceptsRecipient(recipient) {
		return &Refused{
			Refusal: j.provider.at(otherRecipient.With(
				"recipients", j.recipients(),
				"recipient", show(recipient),
				"change", j.provider.unlessAPI("add its present one to recipients", "recipients can have more"),
			), "", "recipients"),
			Kind: WrongAudience,
		}
	}
	j.a.Recipient = recipient

	if _, ok := attribute(data, "NotOnOrAfter"); !ok {
		return malformed(endlessConfirmation.With())
	}
	if answers := requestOf(data); answers != j.request {
		return j.anotherRequest(answers)
	}

	return j.window("subject confirmation", data)
}

// anotherRequest refuses an assertion of one sign-in in the Response of another.
// Both name the request that they answer, or neither does if the provider began
// the sign-in (SAML Core 3.2.2; SAML Profiles 4.1.4.3 and 4.1.5). Only the
// application can check that it sent the request.
func (j *judge) anotherRequest(got string) *Refused {
	shown := func(id string) string {
		if id == "" {
			return "none"
		}
		return show(id)
	}

	return malformed(otherRequest.With("response", shown(j.request), "confirmation", shown(got)))
}

// recipients returns the accepted recipients, for advice.
func (j *judge) recipients() string {
	return strings.Join(append(slices.Clone(j.provider.Recipients), "https://signin.aws.amazon.com/saml"), " or ")
}

// window checks NotBefore and NotOnOrAfter of an element.
func (j *judge) window(what string, e *etree.Element) *Refused {
	if value, ok := attribute(e, "NotBefore"); ok {
		at, valid := instant(value)
		if !valid {
			return j.noInstant("NotBefore of the "+what, value)
		}
		if at.After(j.now.Add(j.skew)) {
			return &Refused{
				Refusal: notYetValid.With(
					"latest", j.now.Add(j.skew).Format(time.RFC3339),
					"begin", at.Format(time.RFC3339),
				).Of(what),
				Kind: Expired,
			}
		}
	}

	return j.until(what, e, "NotOnOrAfter", &j.a.NotOnOrAfter)
}

// until checks an end of validity, and lowers earliest to it.
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
		return &Refused{
			Refusal: noLongerValid.With(
				"earliest", j.now.Add(-j.skew).Format(time.RFC3339),
				"end", at.Format(time.RFC3339),
			).Of(what),
			Kind:         Expired,
			NotOnOrAfter: at,
		}
	}
	if earliest.IsZero() || at.Before(*earliest) {
		*earliest = at
	}

	return nil
}

func (j *judge) noInstant(what, value string) *Refused {
	return malformed(otherTime.With("value", show(value)).Of(what))
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

// conditions checks the audience and time of the assertion (SAML Core 2.5.1). By the
// same section an unknown condition makes the assertion invalid.
func (j *judge) conditions(e *etree.Element) *Refused {
	conditions, n := one(e, assertionNamespace, "Conditions")
	if conditions == nil {
		return malformed(noConditions.With("count", strconv.Itoa(n)))
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
			// Clients send the same login for each refresh of their credentials, so
			// it cannot be for one use only. Poolhouse issues no assertions, as a
			// proxy would.
		default:
			return malformed(unknownCondition.With("condition", show(c.Tag)))
		}
	}
	if restrictions == 0 {
		return malformed(noAudience.With())
	}

	return nil
}

// audience checks one restriction. An assertion must meet all that it has.
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

	return &Refused{
		Refusal: j.provider.at(otherAudience.With(
			"audiences", strings.Join(append(slices.Clone(j.provider.Audiences), awsAudiences[0]), " or "),
			"audience", cmp.Or(strings.Join(got, ", "), "none"),
			"change", j.provider.unlessAPI("add its present one to audiences", "audiences can have more"),
		), "", "audiences"),
		Kind: WrongAudience,
	}
}

// session reads the time of the user's sign-in at the provider, and the end of the
// provider's session.
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
			return &Refused{
				Refusal: futureSignIn.With(
					"latest", j.now.Add(j.skew).Format(time.RFC3339),
					"at", at.Format(time.RFC3339),
				),
				Kind: Expired,
			}
		case j.a.AuthnInstant.IsZero() || at.Before(j.a.AuthnInstant):
			j.a.AuthnInstant = at
		}
	}

	return nil
}
