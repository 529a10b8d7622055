package apply

import "context"

// principalTags map the claims of one provider's logins to session tags.
type principalTags struct {
	common

	IdentityPoolId       string            `file:"required,fixed"`
	IdentityProviderName string            `file:"required,fixed"`
	PrincipalTags        map[string]string // never nil in a call
	UseDefaults          bool

	unread bool // no login gets what is under this name
}

func (*principalTags) typeName() string { return "AWS::Cognito::IdentityPoolPrincipalTag" }

func (p *principalTags) key(Resource) string { return p.IdentityPoolId + p.IdentityProviderName }

func (p *principalTags) complete(Resource) error {
	if p.PrincipalTags == nil {
		p.PrincipalTags = map[string]string{}
	}
	return nil
}

// tagsWithoutUserPools leaves out the tags for a user pool that is left out.
func tagsWithoutUserPools(f *fileReader, _ string, given map[string]any) (gone string) {
	if s := f.skippedUserPool(given["IdentityProviderName"]); s != nil {
		return "it is for " + s.Name + ", an " + s.Type + " that is left out"
	}
	return ""
}

func (p *principalTags) markerKey() string { return tagsMarker(p.IdentityProviderName) }

func (p *principalTags) read(ctx context.Context, s *server) (*state, error) {
	in := map[string]any{"IdentityPoolId": p.IdentityPoolId, "IdentityProviderName": p.IdentityProviderName}

	out := &principalTags{}
	err := s.pools(ctx, "GetPrincipalTagAttributeMap", in, out)

	switch {
	case Missing(err), refusedAs(err, "InvalidParameterException"):
		return nil, nil
	case err != nil:
		return nil, err
	}
	out.IdentityPoolId, out.IdentityProviderName, out.unread = p.IdentityPoolId, p.IdentityProviderName, p.unread

	return &state{id: p.IdentityPoolId, properties: out}, nil
}

// find takes an empty map that no file made for none: remove leaves one.
func (p *principalTags) find(ctx context.Context, a *applier, _ Resource) (*state, error) {
	st, err := a.findPart(ctx, p, p.IdentityPoolId)
	if st == nil || err != nil {
		return nil, err
	}
	if st.properties.(*principalTags).empty() && st.markers[marker] == "" {
		return nil, nil
	}

	return st, nil
}

// empty reports whether logins get no tags by the map. It still counts: a login finds it in place of the map under the
// provider's other name.
func (p *principalTags) empty() bool { return len(p.PrincipalTags) == 0 && !p.UseDefaults }

func (p *principalTags) put(ctx context.Context, a *applier, ch *change) error {
	return a.setPart(ctx, ch, "SetPrincipalTagAttributeMap", p, p.IdentityPoolId)
}

func (p *principalTags) remove(ctx context.Context, s *server, id string) error {
	none := &principalTags{
		IdentityPoolId:       id,
		IdentityProviderName: p.IdentityProviderName,
		PrincipalTags:        map[string]string{},
	}
	return s.clearPart(ctx, "SetPrincipalTagAttributeMap", none, id)
}

func (p *principalTags) label(id string) string {
	return "principal tags of pool " + id + " for " + p.IdentityProviderName
}

func (p *principalTags) title() string { return "Tags" + p.IdentityProviderName }

func (p *principalTags) accept(e *exporter, id string) bool {
	if p.unread {
		e.note("pool "+id, "the principal tags under %s, which no login gets: a user pool's are under its name alone, "+
			"and a developer's users get theirs with their token", p.IdentityProviderName)
	}
	return !p.unread
}
