package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
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
	identitiesSection = "Identities"
)

const (
	// maxSeedEntries bounds the users of a seed, and its identities.
	maxSeedEntries = 1000
	poolType       = "AWS::Cognito::IdentityPool"
	// maxSeedProvider and maxSeedSubject bound a login, in bytes. The store's bounds are the same.
	maxSeedProvider = 512
	maxSeedSubject  = 8 << 10
)

// Seed is the content of a file for a development server: resources, users of its built-in issuer,
// and identities.
type Seed struct {
	Resources  []Resource
	Users      []SeedUser
	Identities []SeedIdentity
}

// SeedUser is a user of the built-in issuer. Claims hold JSON values, with json.Number for numbers.
type SeedUser struct {
	Name   string
	Line   int
	Claims map[string]any
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

// ReadSeed reads a seed. Its resources come in an order in which each follows what it refers to.
func ReadSeed(text []byte) (Seed, error) {
	body, err := parse(text)
	if err != nil {
		return Seed{}, err
	}

	f := &fileReader{
		more:   []string{DevProviderARN, DevLoginKey},
		others: []string{usersSection, identitiesSection},
	}
	var s Seed
	var template []entry
	for _, e := range f.entries(body, "the file") {
		switch e.key {
		case usersSection:
			s.Users = f.users(e)
		case identitiesSection:
			s.Identities = f.identities(e)
		default:
			template = append(template, e)
		}
	}

	if s.Resources, err = f.resources(template); err != nil {
		return Seed{}, err
	}

	for _, i := range s.Identities {
		if i.Resource != "" {
			f.checkPool(i, s.Resources)
		}
	}
	if len(f.faults) > 0 {
		return Seed{}, f.faults[0]
	}

	return s, nil
}

// users reads the section of users: each has a mapping of claims.
func (f *fileReader) users(section entry) (all []SeedUser) {
	for _, e := range f.entries(section.value, usersSection) {
		u := SeedUser{Name: e.key, Line: e.line, Claims: map[string]any{}}
		all = append(all, u)
		if _, empty := e.value.(*ast.NullNode); empty {
			continue
		}

		for _, claim := range f.entries(e.value, e.key) {
			value := f.value(claim.value, 0)
			path := e.key + "." + claim.key
			f.checkNumbers(claim.line, path, value)
			eachLeaf(path, value, func(at string, leaf any) {
				if _, isReference := leaf.(*Reference); isReference {
					f.fault(claim.line, "%s: a claim cannot refer to something", at)
				}
			})
			u.Claims[claim.key] = value
		}
	}
	f.bound(section, len(all))

	return all
}

// identities reads the section of identities, a list.
func (f *fileReader) identities(section entry) (all []SeedIdentity) {
	list, isList := section.value.(*ast.SequenceNode)
	if !isList {
		f.fault(section.line, "%s must be a list", identitiesSection)
		return nil
	}

	for _, item := range list.Values {
		all = append(all, f.identity(item))
	}
	f.bound(section, len(all))

	return all
}

func (f *fileReader) bound(section entry, entries int) {
	if entries > maxSeedEntries {
		f.fault(section.line, "%s has %d entries; the limit is %d", section.key, entries, maxSeedEntries)
	}
}

// identity reads one identity.
func (f *fileReader) identity(item ast.Node) SeedIdentity {
	i := SeedIdentity{Line: line(item), Logins: map[string]string{}}
	for n, e := range f.entries(item, "an identity") {
		if n == 0 {
			i.Line = e.line
		}

		switch e.key {
		case "IdentityId":
			i.ID, _ = scalar(e.value)
		case "IdentityPoolId":
			i.Pool, i.Resource = f.poolOf(e)
		case "User":
			i.User, _ = scalar(e.value)
		case "Logins":
			for _, login := range f.entries(e.value, "Logins") {
				subject, isText := scalar(login.value)
				if !isText || !seedText(login.key, maxSeedProvider) || !seedText(subject, maxSeedSubject) {
					f.fault(login.line, "Logins: %.100s must have the subject as text", login.key)
				}
				i.Logins[login.key] = subject
			}
		default:
			f.unknown(e.line, "member of an identity", e.key,
				[]string{"IdentityId", "IdentityPoolId", "User", "Logins"})
		}
	}

	if !identitypool.ValidID(i.ID) {
		f.fault(i.Line, "an identity needs an IdentityId, REGION: and a UUID in lower case")
	}
	if i.Pool == "" && i.Resource == "" {
		f.fault(i.Line, "an identity needs an IdentityPoolId: !Ref and a pool of this file, or a pool's ID")
	}

	return i
}

// seedText reports whether a text of a login can be stored.
func seedText(text string, limit int) bool {
	return text != "" && len(text) <= limit && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// poolOf reads the pool of an identity: an ID, or a reference to a resource.
func (f *fileReader) poolOf(e entry) (id, resource string) {
	switch v := f.value(e.value, 0).(type) {
	case string:
		if !identitypool.ValidID(v) {
			f.fault(e.line, "IdentityPoolId %q is no ID: use !Ref and a pool of this file, or a pool's ID", v)
		}
		return v, ""
	case *Reference:
		if len(v.Parts) == 1 && (v.Parts[0].Attribute == "Ref" || v.Parts[0].Attribute == "Id") {
			return "", v.Parts[0].Resource
		}
	}
	f.fault(e.line, "IdentityPoolId must be !Ref and a pool of this file, or a pool's ID")

	return "-", "" // reported
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

// PoolID returns the ID of the pool that Apply made for a resource of the file with that name. The
// pool has no chosen ID.
func PoolID(ctx context.Context, c *Client, file, resource string) (string, error) {
	s, err := connect(ctx, c)
	if err != nil {
		return "", err
	}
	a := &applier{server: s, options: Options{Name: file}, cached: map[*kind][]*state{}}

	st, err := new(pool).find(ctx, a, Resource{Name: resource, Type: poolType})
	if err != nil {
		return "", err
	}
	if st == nil {
		return "", fmt.Errorf("the pool %s is not there", a.mark(Resource{Name: resource}))
	}

	return st.id, nil
}

// PoolExists reports whether the client's account has a pool with the ID.
func PoolExists(ctx context.Context, c *Client, id string) (bool, error) {
	s := &server{Client: c}
	st, err := s.pool(ctx, id)

	return st != nil, err
}
