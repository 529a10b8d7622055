package apply

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"strings"
)

// userPoolClient is an app client of a user pool.
type userPoolClient struct {
	userPoolPart

	UserPoolId     string `json:",omitempty" file:"required,fixed"`
	ClientName     string `json:",omitempty"`
	GenerateSecret *bool  `json:",omitempty" file:"fixed,byServer"`

	ExplicitAuthFlows               []string `json:",omitempty"`
	RefreshTokenValidity            settings `file:"byServer"`
	AccessTokenValidity             settings `file:"byServer"`
	IdTokenValidity                 settings `file:"byServer"`
	TokenValidityUnits              settings `file:"byServer"`
	AuthSessionValidity             settings `file:"byServer"`
	ReadAttributes                  []string `json:",omitempty"`
	WriteAttributes                 []string `json:",omitempty"`
	SupportedIdentityProviders      []string `json:",omitempty"`
	CallbackURLs                    []string `json:",omitempty"`
	LogoutURLs                      []string `json:",omitempty"`
	DefaultRedirectURI              string   `json:",omitempty"`
	AllowedOAuthFlows               []string `json:",omitempty"`
	AllowedOAuthScopes              []string `json:",omitempty"`
	AllowedOAuthFlowsUserPoolClient *bool    `json:",omitempty" file:"byServer"`
	AnalyticsConfiguration          settings `file:"byServer"`
	PreventUserExistenceErrors      string   `json:",omitempty" file:"byServer"`
	EnableTokenRevocation           *bool    `json:",omitempty" file:"byServer"`
	RefreshTokenRotation            settings `file:"byServer"`

	EnablePropagateAdditionalUserContextData *bool `json:",omitempty" file:"byServer"`
}

const userPoolClientType = "AWS::Cognito::UserPoolClient"

func (*userPoolClient) typeName() string { return userPoolClientType }

func (c *userPoolClient) key(r Resource) string {
	return cmp.Or(r.PinnedID, c.UserPoolId+"/"+c.ClientName)
}

func (c *userPoolClient) complete(r Resource) error {
	c.ClientName = cmp.Or(c.ClientName, r.Name)
	return nil
}

// id has the pool too: operations need both.
func (c *userPoolClient) id(_ *server, r Resource) string {
	if r.PinnedID == "" {
		return ""
	}
	return c.UserPoolId + "/" + r.PinnedID
}

func (c *userPoolClient) attributes(_ *server, id string) map[string]string {
	_, client, found := strings.Cut(id, "/")
	if !found {
		return nil
	}
	return map[string]string{"Ref": client, "ClientId": client, "Name": c.ClientName}
}

func (c *userPoolClient) find(ctx context.Context, a *applier, r Resource) (*state, error) {
	if strings.HasPrefix(c.UserPoolId, knownAfterApply) {
		return nil, nil
	}
	if r.PinnedID != "" {
		return c.described(ctx, a.server, r.PinnedID)
	}

	in := map[string]any{"UserPoolId": c.UserPoolId, "MaxResults": 60}
	for {
		var page struct {
			UserPoolClients []struct{ ClientId, ClientName string }
			NextToken       string
		}
		if ok, err := found(a.userPools(ctx, "ListUserPoolClients", in, &page)); !ok {
			return nil, err
		}

		for _, one := range page.UserPoolClients {
			if one.ClientName == c.ClientName {
				return c.described(ctx, a.server, one.ClientId)
			}
		}
		if page.NextToken == "" {
			return nil, nil
		}
		in["NextToken"] = page.NextToken
	}
}

// described returns a client as the server has it; nil if there is none.
func (c *userPoolClient) described(ctx context.Context, s *server, id string) (*state, error) {
	var out struct{ UserPoolClient map[string]any }
	in := map[string]any{"UserPoolId": c.UserPoolId, "ClientId": id}
	if ok, err := found(s.userPools(ctx, "DescribeUserPoolClient", in, &out)); !ok {
		return nil, err
	}

	have := out.UserPoolClient

	_, hasSecret := have["ClientSecret"]
	have["GenerateSecret"] = hasSecret
	want := tree(c)
	for key, one := range have {
		if known, isProperty := schemaOf(c).fields[key]; isProperty && !known.byServer && want[key] == nil {
			want[key] = one
		}
	}
	server := &userPoolClient{}
	if err := fill(server, alike(want, have)); err != nil {
		return nil, err
	}

	return &state{id: c.UserPoolId + "/" + id, properties: server}, nil
}

func (c *userPoolClient) put(ctx context.Context, a *applier, ch *change) error {
	in := tree(c)
	if ch.have != nil {
		_, in["ClientId"], _ = strings.Cut(ch.have.id, "/")
		delete(in, "GenerateSecret")
		return a.userPools(ctx, "UpdateUserPoolClient", in, nil)
	}

	if ch.resource.PinnedID != "" {
		in = maps.Clone(in)
		in[pinned] = ch.resource.PinnedID
	}
	var out struct{ UserPoolClient struct{ ClientId string } }
	if err := a.userPools(ctx, "CreateUserPoolClient", in, &out); err != nil {
		return err
	}
	a.known[ch.resource.Name] = c.attributes(a.server, c.UserPoolId+"/"+out.UserPoolClient.ClientId)

	return nil
}

func (c *userPoolClient) title() string { return "Client" + c.ClientName }

// validClientID reports whether a client may have an ID.
func validClientID(id string) bool { return clientIDForm.MatchString(id) }

var clientIDForm = regexp.MustCompile(`^[\w+]{1,128}$`)
