package devuserpool

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// verifiedSuffix makes the name of the attribute that tells whether an address was verified.
const verifiedSuffix = "_verified"

// newUser makes a user of a pool, with a subject but without a password, and adds it. The user name is one
// that the caller chose, or an address where users are named by those.
func (s *Service) newUser(p *Pool, username string, given []AttributeType, now time.Time) (User, error) {
	if len(p.Users) >= maxUsers {
		return User{}, tooMany("users of a pool", maxUsers)
	}
	attributes, err := p.attributesOf(given)
	if err != nil {
		return User{}, err
	}

	sub := uuid.NewString()
	if len(p.Settings.UsernameAttributes) > 0 {
		kind, err := p.addressOf(username)
		if err != nil {
			return User{}, err
		}
		if p.namesAnother(username, "") {
			return User{}, aliasTakenFault(usernameExists, kind)
		}
		attributes[kind] = username
		username = sub
	} else if err := p.checkUsername(username); err != nil {
		return User{}, err
	}

	u := User{
		Username:   username,
		Sub:        sub,
		Attributes: attributes,
		Enabled:    true,
		Created:    now,
		Modified:   now,
	}
	if err := p.requireAttributes(u); err != nil {
		return User{}, err
	}
	if err := p.checkPreferred(u.Attributes); err != nil {
		return User{}, err
	}
	if u.size() > maxUserBytes {
		return User{}, tooMany("bytes of a user's attributes", maxUserBytes)
	}
	if p.namesAnother(u.Username, u.Sub) || p.namesAnother(u.Sub, u.Sub) {
		return User{}, awsapi.Refused(usernameExists, nameTaken.With(), "User already exists")
	}
	if err := p.checkAliases(u); err != nil {
		return User{}, err
	}

	p.put(u)

	return u, nil
}

// Forms of addresses that AWS accepts.
var (
	emailForm = regexp.MustCompile(`^[^\s@]+@[^\s@]+$`)
	phoneForm = regexp.MustCompile(`^\+[0-9]{1,15}$`)
)

// addressOf returns the attribute that a user name is the value of, where addresses are user names.
func (p *Pool) addressOf(username string) (string, error) {
	names := p.Settings.UsernameAttributes
	email, phone := slices.Contains(names, "email"), slices.Contains(names, "phone_number")

	switch {
	case email && emailForm.MatchString(username):
		return "email", nil
	case phone && phoneForm.MatchString(username):
		return "phone_number", nil
	case email && phone:
		return "", usernameFault("Username should be either an email or a phone number.")
	case email:
		return "", usernameFault("Username should be an email.")
	default:
		return "", usernameFault("Username should be a phone number.")
	}
}

// checkUsername refuses a user name that looks like an address that may name another user.
func (p *Pool) checkUsername(username string) error {
	aliases := p.Settings.AliasAttributes
	switch {
	case slices.Contains(aliases, "email") && emailForm.MatchString(username):
		return usernameFault("Username cannot be of email format, since user pool is configured for email alias.")
	case slices.Contains(aliases, "phone_number") && phoneForm.MatchString(username):
		return usernameFault(
			"Username cannot be of phone number format, since user pool is configured for phone number alias.")
	default:
		return nil
	}
}

// checkPreferred is checkUsername for the preferred user name among attributes, where that names its user: it would
// keep the address's owner from signing in by the address.
func (p *Pool) checkPreferred(attributes map[string]string) error {
	preferred := attributes["preferred_username"]
	if preferred == "" || !slices.Contains(p.Settings.AliasAttributes, "preferred_username") {
		return nil
	}
	return p.checkUsername(preferred)
}

func usernameFault(message string) *awsapi.Error {
	return awsapi.Refused(invalidParameter, nameForm.With(), "%s", message)
}

// attributesOf returns the attributes of a request, which must conform to the schema. An empty value means
// that the user does not have the attribute.
func (p *Pool) attributesOf(given []AttributeType) (map[string]string, error) {
	values := map[string]string{}
	var faults []string
	for _, a := range given {
		value := ""
		if a.Value != nil {
			value = *a.Value
		}

		known, found := p.attribute(*a.Name)
		switch {
		case !found:
			faults = append(faults, *a.Name+": Attribute does not exist in the schema.")
			continue
		case *a.Name == "sub":
			faults = append(faults, "sub: Attribute cannot be updated.")
			continue
		}

		values[*a.Name] = value
		if value == "" {
			continue
		}
		if fault := faultOf(known, value); fault != "" {
			faults = append(faults, *a.Name+": "+fault)
		}
	}
	if len(faults) > 0 {
		return nil, schemaRefused(faults)
	}

	if v := values["email"]; v != "" && !emailForm.MatchString(v) {
		return nil, awsapi.Refused(invalidParameter, addressForm.With(), "Invalid email address format.")
	}
	if v := values["phone_number"]; v != "" && !phoneForm.MatchString(v) {
		return nil, awsapi.Refused(invalidParameter, addressForm.With(), "Invalid phone number format.")
	}

	return values, nil
}

func schemaRefused(faults []string) *awsapi.Error {
	return awsapi.Refused(invalidParameter, attributeValue.With(),
		"Attributes did not conform to the schema: %s\n", strings.Join(faults, "\n"))
}

// requireAttributes removes empty attributes of a new user, and refuses one that lacks an attribute which
// the schema requires.
func (p *Pool) requireAttributes(u User) error {
	maps.DeleteFunc(u.Attributes, func(_, value string) bool { return value == "" })

	var faults []string
	for _, a := range p.Settings.SchemaAttributes {
		if *a.Required && *a.Name != "sub" && u.Attributes[*a.Name] == "" {
			faults = append(faults, *a.Name+": The attribute is required")
		}
	}
	if len(faults) > 0 {
		return schemaRefused(faults)
	}

	return nil
}

// checkAliases refuses a user whom an alias would name that names another user already, in whatever way.
func (p *Pool) checkAliases(u User) error {
	for _, attribute := range p.aliases() {
		if !p.isAlias(u, attribute) {
			continue
		}
		if p.namesAnother(u.Attributes[attribute], u.Sub) {
			return aliasTakenFault(aliasExists, attribute)
		}
	}

	return nil
}

// aliasTakenFault is AWS's error for an address that names another user.
func aliasTakenFault(code, attribute string) *awsapi.Error {
	return awsapi.Refused(code, aliasTaken.With(), "An account with the given %s already exists.", attribute)
}

// changeAttributes changes attributes of a user, and returns the addresses that changed and are not
// verified any more. An empty value removes its attribute.
func (p *Pool) changeAttributes(u *User, given []AttributeType) (unverified []string, err error) {
	values, err := p.attributesOf(given)
	if err != nil {
		return nil, err
	}

	var faults []string
	for name, value := range values {
		a, _ := p.attribute(name)
		switch {
		case !*a.Mutable && u.Attributes[name] != "" && u.Attributes[name] != value:
			faults = append(faults, name+": Attribute cannot be updated.")
		case value == "" && *a.Required:
			faults = append(faults, name+": The attribute is required")
		}
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return nil, schemaRefused(faults)
	}

	for _, address := range []string{"email", "phone_number"} {
		value, set := values[address]
		if !set {
			continue
		}
		u.dropCodes(func(c Code) bool { return c.Attribute == address && c.Destination != value })
		if value == u.Attributes[address] {
			continue
		}
		if values[address+verifiedSuffix] == "true" {
			continue
		}
		delete(u.Attributes, address+verifiedSuffix)
		if value != "" {
			values[address+verifiedSuffix] = "false"
			unverified = append(unverified, address)
		}
	}

	if values["preferred_username"] != u.Attributes["preferred_username"] {
		if err := p.checkPreferred(values); err != nil {
			return nil, err
		}
	}

	before := u.size()
	maps.Copy(u.Attributes, values)
	maps.DeleteFunc(u.Attributes, func(_, value string) bool { return value == "" })
	if size := u.size(); size > maxUserBytes && size > before {
		return nil, tooMany("bytes of a user's attributes", maxUserBytes)
	}

	return unverified, p.checkAliases(*u)
}

// size returns the bytes of a user's name and attributes in the file.
func (u User) size() int {
	size := textSize(u.Username)
	for name, value := range u.Attributes {
		size += textSize(name) + textSize(value)
	}
	return size
}

// textSize returns the bytes of a text in JSON, with quotes and a separator.
func textSize(text string) int {
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil { // no UTF-8, for which AppendQuote writes replacement characters
		quoted = append(quoted, text...)
	}
	return len(quoted) + 1
}

// attributeList returns a user's attributes as answers have them, the subject too.
func (u User) attributeList() []AttributeType {
	list := []AttributeType{{Name: new("sub"), Value: new(u.Sub)}}
	for _, name := range slices.Sorted(maps.Keys(u.Attributes)) {
		list = append(list, AttributeType{Name: new(name), Value: new(u.Attributes[name])})
	}
	return list
}

// signOut ends all sign-ins of a user: tokens issued until now are not valid any more.
func (p *Pool) signOut(u *User, now time.Time) {
	p.ends = true
	u.SignedOutAt = now

	for i := range u.RefreshTokens {
		u.RefreshTokens[i].Revoked = true
	}
}
