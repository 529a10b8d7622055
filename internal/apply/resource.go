// Package apply reads, applies and writes files of identity pools, roles and
// providers in the shape of CloudFormation templates, over the signed APIs of a
// running server.
//
// The engine reads a file (read.go), orders it (references.go), plans and carries
// out (apply.go, prune.go) and writes a file (export.go). It knows no type of
// resource: a type is one file with a struct that implements properties, and one row
// of kinds.
package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// properties are those of one resource, as a file wants them or as a server has them. A file may
// set the fields of the struct: see schemaOf.
type properties interface {
	typeName() string
	// key is the same for two resources of a file that are one on the server.
	key(r Resource) string
	// complete adds what the file leaves out.
	complete(r Resource) error
	// id is the ID or ARN that a new resource will have; "" if the server chooses it.
	id(s *server, r Resource) string
	// attributes are the texts that references to it stand for.
	attributes(s *server, id string) map[string]string
	// find returns nil if the server has no such resource.
	find(ctx context.Context, a *applier, r Resource) (*state, error)
	// planned adds to the plan, or refuses, what only this type knows.
	planned(ctx context.Context, a *applier, ch *change) error
	documents() []policyText
	// bounded refuses what no server takes.
	bounded() error
	// parts are the resources that have no tags: their marks are on this one.
	parts(id string) []part
	put(ctx context.Context, a *applier, ch *change) error
	remove(ctx context.Context, s *server, id string) error

	// label names it in the notes of an export, title in the file.
	label(id string) string
	title() string
	// accept reports whether an export takes it.
	accept(e *exporter, id string) bool
	// judge notes what Poolhouse refuses, and drops what it can do without.
	judge(e *exporter, id string)
	// rekey replaces keys, which cannot be references.
	rekey(l *links, names []string)
}

// common has the answers that most types give.
type common struct{}

func (common) complete(Resource) error                          { return nil }
func (common) id(*server, Resource) string                      { return "" }
func (common) attributes(*server, string) map[string]string     { return nil }
func (common) planned(context.Context, *applier, *change) error { return nil }
func (common) documents() []policyText                          { return nil }
func (common) bounded() error                                   { return nil }
func (common) parts(string) []part                              { return nil }
func (common) label(id string) string                           { return id }
func (common) accept(*exporter, string) bool                    { return true }
func (common) judge(*exporter, string)                          {}
func (common) rekey(*links, []string)                           {}

// part is a resource on another one that bears its mark.
type part interface {
	properties
	markerKey() string // key of the tag
	read(ctx context.Context, s *server) (*state, error)
}

// policyText is a document that the server checks.
type policyText struct {
	name     string // for messages
	text     string
	check    func(text string) error
	always   bool                       // it is checked even if the server has it
	warnings func(text string) []string // nil = none
}

// kind is one type of resource.
type kind struct {
	new        func() properties
	attributes []string // that references may ask for
	links      []string // attributes that export writes references to
	list       func(*server, context.Context) ([]listing, error)
	read       func(*server, context.Context, string) (*state, error)
	refers     bool // export keeps what its properties name
	pinned     bool // PoolhouseId can choose its ID
	// chosenID returns the part of an ID that PoolhouseId chooses; nil = all of it.
	chosenID func(id string) string
	// validID reports whether an ID can be chosen; nil = it is that of an identity pool.
	validID func(string) bool
	opaque  bool // export does not look for the account in it
	schema  schema
	// withoutUserPools drops from properties what they take from user pools that are left out, and
	// returns the reason if the resource is left out, too; nil = they take nothing from user pools.
	withoutUserPools func(f *fileReader, name string, given map[string]any) (gone string)
}

// listing is a resource as a listing shows it.
type listing struct {
	name  string // to read it by
	arn   string // "" = export takes it whether it is used or not
	trust string // of a role, URL-encoded
}

// kinds has every type. Deleting in this order works. Those of user pools have no list, so that --prune
// leaves them alone; export reads them by readUserPools.
var kinds = []*kind{
	{new: func() properties { return new(userPoolMember) }},
	{new: func() properties { return new(userPoolUser) }, attributes: []string{"Ref"}},
	{new: func() properties { return new(userPoolGroup) }, attributes: []string{"Ref"}},
	{
		new:        func() properties { return new(userPoolClient) },
		attributes: []string{"Ref", "ClientId", "Name"},
		pinned:     true,
		chosenID:   func(id string) string { return id[strings.LastIndexByte(id, '/')+1:] },
		validID:    validClientID,
	},
	{
		new:        func() properties { return new(userPoolResource) },
		attributes: []string{"Ref", "UserPoolId", "Arn", "ProviderName", "ProviderURL"},
		links:      []string{"Ref"},
		pinned:     true,
		validID:    identitypool.ValidUserPoolID,

		withoutUserPools: dropUnsimulated,
	},
	{
		new:        func() properties { return new(pool) },
		attributes: []string{"Ref", "Id", "Name", "Arn"},
		links:      []string{"Ref", "Arn"},
		list:       (*server).listPools,
		read:       (*server).pool,
		refers:     true,
		pinned:     true,

		withoutUserPools: poolWithoutUserPools,
	},
	{new: func() properties { return new(poolRoles) }, withoutUserPools: rolesWithoutUserPools},
	{new: func() properties { return new(principalTags) }, withoutUserPools: tagsWithoutUserPools},
	{
		new:        func() properties { return new(role) },
		attributes: []string{"Ref", "Arn"},
		links:      []string{"Arn"},
		list:       (*server).listRoles,
		read:       (*server).role,
		refers:     true,
	},
	{
		new:        func() properties { return new(managedPolicy) },
		attributes: []string{"Ref", "PolicyArn"},
		links:      []string{"PolicyArn"},
		list:       (*server).listPolicies,
		read:       (*server).policy,
	},
	{
		new:        func() properties { return new(oidcProvider) },
		attributes: []string{"Ref", "Arn"},
		links:      []string{"Arn"},
		list:       (*server).listOIDCProviders,
		read:       (*server).oidcProvider,
	},
	{
		new:        func() properties { return new(samlProvider) },
		attributes: []string{"Ref", "Arn"},
		links:      []string{"Arn"},
		list:       (*server).listSAMLProviders,
		read:       (*server).samlProvider,
		opaque:     true,
	},
}

var types = byName(kinds)

func byName(kinds []*kind) map[string]*kind {
	all := map[string]*kind{}
	for _, k := range kinds {
		k.schema = schemaOf(k.new())
		all[k.new().typeName()] = k
	}

	return all
}

// pinnedID returns what PoolhouseId is for a resource with an ID.
func (k *kind) pinnedID(id string) string {
	if k.chosenID == nil {
		return id
	}
	return k.chosenID(id)
}

func kindOf(r properties) *kind { return types[r.typeName()] }

// each reads the resources of a kind that are wanted, and gives them to take.
func (k *kind) each(
	ctx context.Context, s *server, wanted func(listing) bool, take func(*state) error,
) error {
	if k.list == nil { // Parts come with what bears their marks.
		return nil
	}
	list, err := k.list(s, ctx)
	if err != nil {
		return err
	}

	for _, l := range list {
		if !wanted(l) {
			continue
		}
		st, err := k.read(s, ctx, l.name)
		if err != nil {
			return err
		}
		if st == nil {
			continue
		}
		if err := take(st); err != nil {
			return err
		}
	}

	return nil
}

// marker is the tag of what apply made: FILE/RESOURCE. Parts of a pool that
// cannot be tagged have a tag on the pool.
const (
	marker         = "poolhouse:applied"
	markerRoles    = marker + "-roles"
	markerTags     = marker + "-tags/" // followed by a hash of the provider's name
	providerDigits = 16                // hexadecimal digits of that hash
)

func tagsMarker(provider string) string {
	sum := sha256.Sum256([]byte(provider))
	return markerTags + hex.EncodeToString(sum[:])[:providerDigits]
}

// state is a resource as the server has it.
type state struct {
	id         string // pool ID, or ARN
	properties properties
	markers    map[string]string // tags that begin with marker
	left       []string          // what a file cannot hold, for people
}

// tags are a list of Key and Value in a file, or a mapping.
type tags map[string]string

// awsTags begins the keys of tags that only AWS's own services set, in any case.
const awsTags = "aws:"

func isAWSTag(key string) bool {
	return len(key) >= len(awsTags) && strings.EqualFold(key[:len(awsTags)], awsTags)
}

// userTags returns the user's tags, and keeps the command's own apart. AWS's own
// cannot be set anywhere else.
func (st *state) userTags(all tags) tags {
	user, aws := tags{}, []string{}
	st.markers = map[string]string{}

	for key, value := range all {
		switch {
		case strings.HasPrefix(key, marker):
			st.markers[key] = value
		case isAWSTag(key):
			aws = append(aws, key)
		default:
			user[key] = value
		}
	}

	if len(aws) > 0 {
		slices.Sort(aws)
		st.left = append(st.left, "AWS's own tags "+strings.Join(aws, ", "))
	}

	return user
}

// document is a policy document as canonical JSON: equal documents are equal texts.
type document string

func newDocument(v any) document { return document(show(v)) }

func (d document) MarshalJSON() ([]byte, error) {
	if d == "" {
		return []byte("null"), nil
	}
	return []byte(d), nil
}

// UnmarshalJSON takes a document, or text that holds one.
func (d *document) UnmarshalJSON(b []byte) error {
	v, err := parseJSON(string(b))
	if err != nil {
		return err
	}

	if text, ok := v.(string); ok {
		if parsed, err := parseJSON(text); err == nil {
			v = parsed
		}
	}
	*d = newDocument(v)

	return nil
}
