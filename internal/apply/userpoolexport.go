package apply

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// readUserPools reads the user pools of a development server, each with its clients and groups. Their users
// have passwords that nobody can read: a file cannot make the same users again.
func (e *exporter) readUserPools(ctx context.Context) (all []*state, err error) {
	has, err := e.HasUserPools(ctx)
	if refusedAs(err, "AccessDeniedException") {
		e.note("user pools", "they cannot be read: %v", err)
		return nil, nil
	}
	if err != nil || !has {
		return nil, err
	}

	for id, err := range e.userPoolIDs(ctx) {
		if err != nil {
			return nil, err
		}
		some, err := e.readUserPool(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}

	return all, nil
}

// readUserPool reads a user pool with its clients and groups; nothing if there is none.
func (e *exporter) readUserPool(ctx context.Context, id string) ([]*state, error) {
	var out struct{ UserPool map[string]any }
	if ok, err := found(e.userPools(ctx, "DescribeUserPool", map[string]any{"UserPoolId": id}, &out)); !ok {
		return nil, err
	}
	pool, err := exportedUserPool(id, out.UserPool)
	if err != nil {
		return nil, err
	}
	if users, _ := out.UserPool["EstimatedNumberOfUsers"].(json.Number); count(users) > 0 {
		e.note("user pool "+id, "its users (%s), because nobody can read their passwords", users)
	}

	clients, err := e.readUserPoolClients(ctx, id)
	if err != nil {
		return nil, err
	}
	groups, err := e.readUserPoolGroups(ctx, id)

	return slices.Concat([]*state{pool}, clients, groups), err
}

// exportedUserPool returns a user pool as a file has it.
func exportedUserPool(id string, have map[string]any) (*state, error) {
	given := tags{}
	if err := decode([]byte(show(have["UserPoolTags"])), &given); err != nil {
		return nil, err
	}
	delete(given, identitypool.CustomIDTag) // PoolhouseId has it

	have = maps.Clone(have)
	delete(have, "UserPoolTags")
	have["UserPoolName"], have["Schema"] = have["Name"], exportedSchema(have["SchemaAttributes"])
	if users, isMap := have["AdminCreateUserConfig"].(map[string]any); isMap {
		delete(users, "UnusedAccountValidityDays") // former name of a member of the password policy
	}

	p := &userPoolResource{}
	if err := fill(p, someSettings(have)); err != nil {
		return nil, err
	}
	st := &state{id: id, properties: p}
	p.UserPoolTags = st.userTags(given)

	return st, nil
}

// someSettings returns settings without those that are empty, which mean the same as none.
func someSettings(have map[string]any) map[string]any {
	some := map[string]any{}
	for key, value := range have {
		switch v := value.(type) {
		case map[string]any:
			if inner := someSettings(v); len(inner) > 0 {
				some[key] = inner
			}
		case []any:
			if len(v) > 0 {
				some[key] = v
			}
		default:
			some[key] = value
		}
	}

	return some
}

// exportedSchema returns the attributes of a schema that a new pool does not have by itself, under the names
// that a file gives them.
func exportedSchema(v any) any {
	list, _ := v.([]any)
	changed := []any{}
	for _, one := range list {
		attribute, isMap := one.(map[string]any)
		name, isText := attribute["Name"].(string)
		if !isMap || !isText {
			continue
		}

		custom, isCustom := strings.CutPrefix(name, "custom:")
		if !isCustom && isUsualAttribute(name, attribute) {
			continue
		}
		attribute = someSettings(attribute)
		attribute["Name"] = custom
		changed = append(changed, attribute)
	}

	return changed
}

// isUsualAttribute reports whether a standard attribute is as pools have it that do not change it (Cognito
// developer guide, "Working with user attributes").
func isUsualAttribute(name string, attribute map[string]any) bool {
	if name == "sub" {
		return true
	}

	usual := map[string]any{
		"Name":                   name,
		"AttributeDataType":      "String",
		"DeveloperOnlyAttribute": false,
		"Mutable":                true,
		"Required":               false,
	}
	switch name {
	case "birthdate":
		usual["StringAttributeConstraints"] = map[string]any{"MinLength": "10", "MaxLength": "10"}
	case "updated_at":
		usual["AttributeDataType"] = "Number"
		usual["NumberAttributeConstraints"] = map[string]any{"MinValue": "0"}
	case "email_verified", "phone_number_verified":
		usual["AttributeDataType"] = "Boolean"
	default:
		usual["StringAttributeConstraints"] = map[string]any{"MinLength": "0", "MaxLength": "2048"}
	}

	return show(attribute) == show(usual)
}

// readUserPoolClients reads the clients of a user pool.
func (e *exporter) readUserPoolClients(ctx context.Context, pool string) (all []*state, err error) {
	type page struct {
		UserPoolClients []struct{ ClientId string }
		NextToken       string
	}
	var ids []string
	err = eachUserPoolPage(ctx, e.server, "ListUserPoolClients", map[string]any{"UserPoolId": pool, "MaxResults": 60},
		func(p *page) string {
			for _, one := range p.UserPoolClients {
				ids = append(ids, one.ClientId)
			}
			return p.NextToken
		})
	if err != nil {
		return nil, err
	}

	for _, id := range ids {
		var out struct{ UserPoolClient map[string]any }
		in := map[string]any{"UserPoolId": pool, "ClientId": id}
		if ok, err := found(e.userPools(ctx, "DescribeUserPoolClient", in, &out)); err != nil {
			return nil, err
		} else if !ok {
			continue
		}

		c := &userPoolClient{}
		if err := fill(c, someSettings(out.UserPoolClient)); err != nil {
			return nil, err
		}
		if out.UserPoolClient["ClientSecret"] != nil {
			c.GenerateSecret = new(true)
			e.note("client "+id+" of the user pool "+pool, "its secret: apply makes another")
		}
		all = append(all, &state{id: pool + "/" + id, properties: c})
	}

	return all, nil
}

// readUserPoolGroups reads the groups of a user pool.
func (e *exporter) readUserPoolGroups(ctx context.Context, pool string) (all []*state, err error) {
	type page struct {
		Groups    []map[string]any
		NextToken string
	}
	var groups []map[string]any
	err = eachUserPoolPage(ctx, e.server, "ListGroups", map[string]any{"UserPoolId": pool, "Limit": 60},
		func(p *page) string {
			groups = append(groups, p.Groups...)
			return p.NextToken
		})
	if err != nil {
		return nil, err
	}

	for _, have := range groups {
		g := &userPoolGroup{}
		if err := fill(g, have); err != nil {
			return nil, err
		}
		all = append(all, &state{id: g.id(nil, Resource{}), properties: g})
	}

	return all, nil
}

// eachUserPoolPage calls an operation that lists, once for each page. take returns the token of the next one.
func eachUserPoolPage[P any](
	ctx context.Context, s *server, operation string, in map[string]any, take func(*P) (next string),
) error {
	for {
		page := new(P)
		if ok, err := found(s.userPools(ctx, operation, in, page)); !ok {
			return err
		}
		next := take(page)
		if next == "" {
			return nil
		}
		in["NextToken"] = next
	}
}
