package apply

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// settings is a property that the file has in the API's own form, of any depth.
type settings struct{ value any }

func (s settings) MarshalJSON() ([]byte, error) { return []byte(show(s.value)), nil }

func (s *settings) UnmarshalJSON(b []byte) error { return decode(b, &s.value) }

// userPoolPart has the answers that all resources of user pools give.
type userPoolPart struct{ common }

// remove never happens: these types have no list (kinds), so that --prune finds none of their resources.
func (userPoolPart) remove(context.Context, *server, string) error {
	return errors.New("--prune leaves user pools alone")
}

// userPoolResource is a user pool of a development server, with the names of CloudFormation's properties.
// Where they are settings, the server checks them.
type userPoolResource struct {
	userPoolPart

	UserPoolName                string   `json:",omitempty"`
	UsernameAttributes          []string `json:",omitempty" file:"fixed"`
	AliasAttributes             []string `json:",omitempty" file:"fixed"`
	UsernameConfiguration       settings `file:"fixed,byServer"`
	AutoVerifiedAttributes      []string `json:",omitempty" file:"byServer"`
	Schema                      settings `file:"byServer"`
	Policies                    settings `file:"byServer"`
	AdminCreateUserConfig       settings `file:"byServer"`
	AccountRecoverySetting      settings `file:"byServer"`
	DeletionProtection          string   `json:",omitempty" file:"byServer"`
	MfaConfiguration            string   `json:",omitempty" file:"byServer"`
	EnabledMfas                 []string `json:",omitempty" file:"byServer"`
	EmailConfiguration          settings `file:"byServer"`
	EmailVerificationMessage    string   `json:",omitempty" file:"byServer"`
	EmailVerificationSubject    string   `json:",omitempty" file:"byServer"`
	SmsConfiguration            settings `file:"byServer"`
	SmsVerificationMessage      string   `json:",omitempty" file:"byServer"`
	SmsAuthenticationMessage    string   `json:",omitempty" file:"byServer"`
	VerificationMessageTemplate settings `file:"byServer"`
	UserAttributeUpdateSettings settings `file:"byServer"`
	DeviceConfiguration         settings `file:"byServer"`
	LambdaConfig                settings `file:"byServer"`
	UserPoolAddOns              settings `file:"byServer"`
	UserPoolTier                string   `json:",omitempty" file:"byServer"`
	UserPoolTags                tags
}

const userPoolType = "AWS::Cognito::UserPool"

func (*userPoolResource) typeName() string { return userPoolType }

func (*userPoolResource) key(r Resource) string { return cmp.Or(r.PinnedID, r.Name) }

func (p *userPoolResource) complete(r Resource) error {
	p.UserPoolName = cmp.Or(p.UserPoolName, r.Name)
	return nil
}

func (*userPoolResource) id(_ *server, r Resource) string { return r.PinnedID }

func (*userPoolResource) attributes(s *server, id string) map[string]string {
	if id == "" {
		return nil
	}
	name := "cognito-idp." + s.Region + "." + urlSuffix(s.partition) + "/" + id

	return map[string]string{
		"Ref":          id,
		"UserPoolId":   id,
		"Arn":          s.userPoolARN(id),
		"ProviderName": name,
		"ProviderURL":  "https://" + name,
	}
}

func (s *server) userPoolARN(id string) string {
	return "arn:" + s.partition + ":cognito-idp:" + s.Region + ":" + s.account + ":userpool/" + id
}

// userPools calls an operation of user pools.
func (c *Client) userPools(ctx context.Context, operation string, in, out any) error {
	return c.JSON(ctx, "cognito-idp", "AWSCognitoIdentityProviderService", operation, in, out)
}

// HasUserPools reports whether the client's server has user pools, as development servers do.
func (c *Client) HasUserPools(ctx context.Context) (bool, error) {
	err := c.userPools(ctx, "ListUserPools", map[string]any{"MaxResults": 1}, nil)
	if refusedAs(err, "UnknownOperationException") {
		return false, nil
	}
	return err == nil, err
}

// MentionsUserPools reports whether a text may have resources of user pools.
func MentionsUserPools(text []byte) bool { return bytes.Contains(text, []byte(userPoolType)) }

func (p *userPoolResource) find(ctx context.Context, a *applier, r Resource) (*state, error) {
	if r.PinnedID != "" {
		return p.described(ctx, a.server, r.PinnedID)
	}

	for id, err := range a.userPoolIDs(ctx) {
		if err != nil {
			return nil, err
		}
		st, err := p.described(ctx, a.server, id)
		if err != nil || st != nil && st.markers[marker] == a.owner(r) {
			return st, err
		}
	}

	return nil, nil
}

// userPoolIDs lists the user pools of the server. It ends at an error.
func (s *server) userPoolIDs(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		in := map[string]any{"MaxResults": 60}
		for {
			var page struct {
				UserPools []struct{ Id string }
				NextToken string
			}
			if err := s.userPools(ctx, "ListUserPools", in, &page); err != nil {
				yield("", err)
				return
			}

			for _, one := range page.UserPools {
				if !yield(one.Id, nil) {
					return
				}
			}
			if page.NextToken == "" {
				return
			}
			in["NextToken"] = page.NextToken
		}
	}
}

// described returns a user pool as the server has it: of settings what p has too, because the server fills
// in the rest. It returns nil if there is none.
func (p *userPoolResource) described(ctx context.Context, s *server, id string) (*state, error) {
	var out struct{ UserPool map[string]any }
	in := map[string]any{"UserPoolId": id}
	if ok, err := found(s.userPools(ctx, "DescribeUserPool", in, &out)); !ok {
		return nil, err
	}

	have := out.UserPool
	have["UserPoolName"], have["Schema"] = have["Name"], customAttributes(have["SchemaAttributes"])
	want := tree(p)
	want["Schema"] = customAttributes(want["Schema"])
	server := &userPoolResource{}
	if err := fill(server, alike(want, have)); err != nil {
		return nil, err
	}
	if show(server.Schema.value) == show(want["Schema"]) {
		server.Schema = p.Schema
	}
	server.EnabledMfas = p.EnabledMfas // MFA is off, or refused

	given := tags{}
	if err := decode([]byte(show(have["UserPoolTags"])), &given); err != nil {
		return nil, err
	}
	delete(given, identitypool.CustomIDTag)
	st := &state{id: id, properties: server}
	server.UserPoolTags = st.userTags(given)

	return st, nil
}

// customAttributes returns a schema with the names that the server gives its attributes, by name.
func customAttributes(v any) any {
	list, _ := v.([]any)
	byName := map[string]any{}
	for _, one := range list {
		attribute, isMap := one.(map[string]any)
		name, isText := attribute["Name"].(string)
		if !isMap || !isText {
			continue
		}

		attribute = maps.Clone(attribute)
		delete(attribute, "Name")
		byName[strings.TrimPrefix(name, "custom:")] = attribute
	}

	return byName
}

// alike returns the part of have that has the shape of want: a server fills in what a file leaves out.
func alike(want, have any) any {
	switch want := want.(type) {
	case map[string]any:
		from, isMap := have.(map[string]any)
		if !isMap {
			return have
		}

		out := map[string]any{}
		for key, one := range want {
			if there, found := from[key]; found {
				out[key] = alike(one, there)
			}
		}

		return out
	case []any:
		from, isList := have.([]any)
		if !isList || len(from) != len(want) {
			return have
		}

		out := []any{}
		for i, one := range want {
			out = append(out, alike(one, from[i]))
		}

		return out
	default:
		return have
	}
}

func (*userPoolResource) planned(_ context.Context, a *applier, ch *change) error {
	if id := ch.resource.PinnedID; ch.have == nil && id != "" && !strings.HasPrefix(id, a.Region+"_") {
		return fmt.Errorf("%s is %s, which is not of the region %s", pinned, id, a.Region)
	}

	for _, f := range ch.fields {
		if f.Path == "Schema" {
			return errSchema
		}
	}

	return nil
}

var errSchema = fmt.Errorf("the attributes of a user pool cannot be changed: delete the pool, or rename it in the file")

// input returns what the API takes, without what is empty.
func (p *userPoolResource) input(all tags) map[string]any {
	in := tree(p)
	in["UserPoolTags"] = all
	in["PoolName"] = p.UserPoolName
	delete(in, "UserPoolName")
	delete(in, "EnabledMfas")

	return in
}

func (p *userPoolResource) put(ctx context.Context, a *applier, ch *change) error {
	in := p.input(a.withMarkers(ch, p.UserPoolTags))
	if ch.have != nil {
		in["UserPoolId"] = ch.have.id
		for _, fixed := range []string{"UsernameAttributes", "AliasAttributes", "UsernameConfiguration", "Schema"} {
			delete(in, fixed)
		}
		return a.userPools(ctx, "UpdateUserPool", in, nil)
	}

	if id := ch.resource.PinnedID; id != "" {
		withID := maps.Clone(in["UserPoolTags"].(tags))
		withID[identitypool.CustomIDTag] = id
		in["UserPoolTags"] = withID
	}
	var out struct{ UserPool struct{ Id string } }
	if err := a.userPools(ctx, "CreateUserPool", in, &out); err != nil {
		return err
	}
	a.known[ch.resource.Name] = p.attributes(a.server, out.UserPool.Id)

	return nil
}

func (p *userPoolResource) title() string { return "UserPool" + p.UserPoolName }

// dropUnsimulated drops what user pools of a development server do not have, where a file may have what
// Poolhouse does not know.
func dropUnsimulated(f *fileReader, name string, given map[string]any) (gone string) {
	if !f.options.IgnoreUnknown {
		return ""
	}

	drop := func(property, what string) {
		f.note("%s has no %s (%s)", name, what, property)
		delete(given, property)
	}
	if given["LambdaConfig"] != nil {
		drop("LambdaConfig", "Lambda triggers")
	}
	if mfa := given["MfaConfiguration"]; mfa != nil && mfa != "OFF" {
		drop("MfaConfiguration", "multi-factor authentication")
	}
	if given["DeviceConfiguration"] != nil {
		drop("DeviceConfiguration", "device tracking")
	}
	if given["UserPoolAddOns"] != nil {
		drop("UserPoolAddOns", "threat protection")
	}

	return ""
}

// userPoolTypes are the types of what only servers with user pools have.
var userPoolTypes = []string{
	userPoolType, userPoolClientType, userPoolGroupType, userPoolUserType, userPoolMemberType,
}

// hasType reports whether the server has resources of a type.
func (f *fileReader) hasType(typeName string) bool {
	_, known := types[typeName]
	return known && (f.options.UserPools || !slices.Contains(userPoolTypes, typeName))
}
