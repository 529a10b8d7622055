package apply

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/template"
)

// Names that a seed may refer to. Options.Known tells what they stand for.
const (
	// DevProviderARN is the ARN of the OpenID Connect provider that is the built-in issuer.
	DevProviderARN = "Poolhouse::DevProviderArn"
	// DevLoginKey is the built-in issuer's key in Logins.
	DevLoginKey = "Poolhouse::DevLoginKey"
)

// Sections that only seeds have.
const (
	usersSection      = "Users"
	clientsSection    = "Clients"
	identitiesSection = "Identities"
)

const (
	// maxSeedEntries bounds the users of a seed, and its identities.
	maxSeedEntries = 1000
	// maxSeedProvider and maxSeedSubject bound a login, in bytes. The store's bounds are the same.
	maxSeedProvider = 512
	maxSeedSubject  = 8 << 10
)

// Seed is the content of a file for a development server: resources, users and clients of its built-in
// issuer, and identities.
type Seed struct {
	*File
	Users      []SeedUser
	Clients    []SeedClient
	Identities []SeedIdentity
}

// SeedUser is a user of the built-in issuer. Claims hold JSON values, with json.Number for numbers.
type SeedUser struct {
	Name   string
	Line   int
	Claims map[string]any
}

// SeedClient is a client of the built-in issuer.
type SeedClient struct {
	ID                     string
	Line                   int
	Secret                 string // "" = a public client
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackChannelLogoutURI   string
}

// SeedIdentity is an identity with its logins; without User and Logins it is a guest.
type SeedIdentity struct {
	Line     int
	ID       string
	Pool     string            // ID of a pool; "" = Resource names the pool
	Resource string            // a pool of the file
	User     string            // a user of the built-in issuer; "" = none
	Logins   map[string]string // provider's key in Logins to subject
}

// ReadSeed reads a seed: a template, with three more sections.
func ReadSeed(text []byte, o ReadOptions) (Seed, error) {
	f, err := newReader(text, o, template.Options{
		Open:     []string{DevProviderARN, DevLoginKey},
		Sections: []string{usersSection, clientsSection, identitiesSection},

		NullResources: true,
		NoParameters:  "a seed's parameters need one",
	})
	if err != nil {
		return Seed{}, err
	}

	var s Seed
	if section, ok := f.template.Section(usersSection); ok {
		s.Users = f.seedUsers(section)
	}
	if section, ok := f.template.Section(clientsSection); ok {
		s.Clients = f.seedClients(section)
	}
	if section, ok := f.template.Section(identitiesSection); ok {
		s.Identities = f.identities(section)
	}
	if s.File, err = f.read(); err != nil {
		return Seed{}, err
	}

	for _, i := range s.Identities {
		if i.Resource != "" {
			f.checkPool(i, s.Resources)
		}
	}
	if err := f.template.Err(); err != nil {
		return Seed{}, err
	}

	return s, nil
}

// seedUsers reads the section of users: each has a mapping of claims.
func (f *fileReader) seedUsers(section template.Field) (all []SeedUser) {
	for _, user := range f.template.Members(section, usersSection) {
		u := SeedUser{Name: user.Key, Line: user.Line, Claims: map[string]any{}}
		for _, claim := range f.template.Members(user, user.Key) {
			value, there := f.template.Value(claim)
			if !there {
				continue
			}

			path := user.Key + "." + claim.Key
			f.checkNumbers(claim.Line, path, value)
			eachLeaf(path, value, func(at string, leaf any) {
				if _, isReference := leaf.(*Reference); isReference {
					f.fault(claim.Line, "%s: a claim cannot refer to something", at)
				}
			})
			u.Claims[claim.Key] = value
		}
		all = append(all, u)
	}
	f.bound(section, len(all))

	return all
}

// seedClients reads the section of clients.
func (f *fileReader) seedClients(section template.Field) (all []SeedClient) {
	for _, described := range f.template.Members(section, clientsSection) {
		c := SeedClient{ID: described.Key, Line: described.Line}
		for _, m := range f.template.Members(described, described.Key) {
			switch m.Key {
			case "Secret":
				var isText bool
				if c.Secret, isText = f.template.Text(m, m.Key); isText && c.Secret == "" {
					f.fault(m.Line, "Secret is empty: leave it out for a public client")
				}
			case "RedirectUris":
				c.RedirectURIs = f.texts(m)
			case "PostLogoutRedirectUris":
				c.PostLogoutRedirectURIs = f.texts(m)
			case "BackChannelLogoutUri":
				c.BackChannelLogoutURI, _ = f.template.Text(m, m.Key)
			default:
				f.unknown(m.Line, "member of a client", m.Key,
					[]string{"Secret", "RedirectUris", "PostLogoutRedirectUris", "BackChannelLogoutUri"})
			}
		}
		all = append(all, c)
	}
	f.bound(section, len(all))

	return all
}

// texts reads a list of texts.
func (f *fileReader) texts(list template.Field) (all []string) {
	for _, item := range f.template.Elements(list, list.Key) {
		if text, isText := f.template.Text(item, list.Key); isText {
			all = append(all, text)
		}
	}

	return all
}

// identities reads the section of identities, a list.
func (f *fileReader) identities(section template.Field) (all []SeedIdentity) {
	for _, item := range f.template.Elements(section, identitiesSection) {
		all = append(all, f.identity(item))
	}
	f.bound(section, len(all))

	return all
}

func (f *fileReader) bound(section template.Field, entries int) {
	if entries > maxSeedEntries {
		f.fault(section.Line, "%s has %d entries; the limit is %d", section.Key, entries, maxSeedEntries)
	}
}

// identity reads one identity.
func (f *fileReader) identity(item template.Field) SeedIdentity {
	i := SeedIdentity{Line: item.Line, Logins: map[string]string{}}
	hasPool := false
	for n, m := range f.template.Members(item, "an identity") {
		if n == 0 {
			i.Line = m.Line
		}

		switch m.Key {
		case "IdentityId":
			i.ID, _ = f.template.Text(m, m.Key)
		case "IdentityPoolId":
			i.Pool, i.Resource = f.poolOf(m)
			hasPool = true // or a fault
		case "User":
			i.User, _ = f.template.Text(m, m.Key)
		case "Logins":
			for _, login := range f.template.Members(m, "Logins") {
				f.checkSubject(login)
				subject, isText := f.template.Text(login, "Logins")
				if isText && (!seedText(login.Key, maxSeedProvider) || !seedText(subject, maxSeedSubject)) {
					f.fault(login.Line, "Logins: %.100s must have the subject as text", login.Key)
				}
				i.Logins[login.Key] = subject
			}
		default:
			f.unknown(m.Line, "member of an identity", m.Key,
				[]string{"IdentityId", "IdentityPoolId", "User", "Logins"})
		}
	}

	if !identitypool.ValidID(i.ID) { // also if there is none
		f.fault(i.Line, "an identity needs an IdentityId, REGION: and a UUID in lower case")
	}
	if i.User != "" && len(i.Logins) > 0 {
		f.fault(i.Line, "an identity has either User or Logins: leave one out")
	}
	if !hasPool {
		f.fault(i.Line, "an identity needs an IdentityPoolId: !Ref and a pool of this file, or a pool's ID")
	}

	return i
}

// checkSubject refuses a subject that YAML takes for a number or truth value: its text may have been another,
// such as 0123.
func (f *fileReader) checkSubject(login template.Field) {
	v, _ := f.template.Value(login)
	switch v.(type) {
	case json.Number, oddNumber, bool:
		f.fault(login.Line, "Logins: write the subject at %.100s in quotes: subjects are text", login.Key)
	}
}

// seedText reports whether a text of a login can be stored.
func seedText(text string, limit int) bool {
	return text != "" && len(text) <= limit && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// poolOf reads the pool of an identity: an ID, or a reference to a resource.
func (f *fileReader) poolOf(m template.Field) (id, resource string) {
	v, _ := f.template.Value(m)
	if ref, ok := v.(*Reference); ok && len(ref.Parts) == 1 && !f.template.IsOpen(ref.Parts[0].Resource) {
		if attribute := ref.Parts[0].Attribute; attribute == "Ref" || attribute == "Id" {
			return "", ref.Parts[0].Resource
		}
	}

	id, isText := f.template.Text(m, m.Key)
	if isText && !identitypool.ValidID(id) {
		f.fault(m.Line, "IdentityPoolId %q is no ID: use !Ref and a pool of this file, or a pool's ID", id)
	}

	return id, ""
}

// checkPool refuses an identity of a pool that the file does not have.
func (f *fileReader) checkPool(i SeedIdentity, resources []Resource) {
	var pools []string
	for _, r := range resources {
		if r.Type == poolType {
			pools = append(pools, r.Name)
		}
	}
	if !slices.Contains(pools, i.Resource) {
		f.unknown(i.Line, "pool of an identity", i.Resource, pools)
	}
}

// PoolExists reports whether the client's account has a pool with the ID.
func PoolExists(ctx context.Context, c *Client, id string) (bool, error) {
	s := &server{Client: c, door: c}
	st, err := s.pool(ctx, id)

	return st != nil, err
}
