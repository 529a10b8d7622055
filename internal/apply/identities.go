package apply

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// loadedAtOnce is how many identities a call of LoadIdentities takes.
const loadedAtOnce = 500

// Identity is one line of a file of identities.
type Identity struct {
	IdentityPoolId   string
	IdentityId       string
	CreationDate     float64 `json:",omitzero"` // epoch seconds
	LastModifiedDate float64 `json:",omitzero"`
	Guest            bool    `json:",omitzero"`
	// Logins are the logins whose subjects are known; Unreadable are the
	// providers whose subjects are not. Whoever knows them may add them to Logins.
	Logins     []Login  `json:",omitempty"`
	Unreadable []string `json:",omitempty"`
}

// Login is one login of an identity.
type Login struct{ ProviderName, Subject string }

// WriteIdentities writes the identities of pools, one JSON value a line, and
// returns notes on what it could not read.
func WriteIdentities(ctx context.Context, c *Client, pools []string, w io.Writer) (notes []string, err error) {
	s := &server{Client: c}
	out := json.NewEncoder(w)
	for _, pool := range pools {
		p, err := s.pool(ctx, pool)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		developer, _ := p.properties["DeveloperProviderName"].(string)
		unreadable, written := map[string]int{}, 0
		in := map[string]any{"IdentityPoolId": pool, "MaxResults": 60, "HideDisabled": true}
		for {
			var page struct {
				Identities []struct {
					IdentityId                     string
					Logins                         []string
					CreationDate, LastModifiedDate float64
				}
				NextToken string
			}
			if err := c.pools(ctx, "ListIdentities", in, &page); err != nil {
				return nil, err
			}
			for _, i := range page.Identities {
				line := Identity{IdentityPoolId: pool, IdentityId: i.IdentityId, CreationDate: i.CreationDate, LastModifiedDate: i.LastModifiedDate, Guest: len(i.Logins) == 0}
				for _, name := range i.Logins {
					if name != developer {
						line.Unreadable = append(line.Unreadable, name)
						unreadable[name]++
						continue
					}
					users, err := s.developerUsers(ctx, pool, i.IdentityId)
					if err != nil {
						return nil, err
					}
					for _, user := range users {
						line.Logins = append(line.Logins, Login{developer, user})
					}
				}
				if err := out.Encode(line); err != nil {
					return nil, err
				}
				written++
			}
			if page.NextToken == "" {
				break
			}
			in["NextToken"] = page.NextToken
		}
		for name, n := range unreadable {
			notes = append(notes, fmt.Sprintf("%s: the subjects of %d logins of %s cannot be read: without them these identities are loaded, and nobody can use them", pool, n, name))
		}
		all, err := s.countIdentities(ctx, pool)
		if err != nil {
			return nil, err
		}
		if disabled := all - written; disabled > 0 {
			notes = append(notes, fmt.Sprintf("%s: about %d disabled identities, which were merged into others", pool, disabled))
		}
	}
	slices.Sort(notes)
	return notes, nil
}

// countIdentities counts a pool's identities, disabled ones too.
func (s *server) countIdentities(ctx context.Context, pool string) (n int, err error) {
	in := map[string]any{"IdentityPoolId": pool, "MaxResults": 60, "HideDisabled": false}
	for {
		var page struct {
			Identities []struct{}
			NextToken  string
		}
		if err := s.pools(ctx, "ListIdentities", in, &page); err != nil {
			return 0, err
		}
		if n += len(page.Identities); page.NextToken == "" {
			return n, nil
		}
		in["NextToken"] = page.NextToken
	}
}

func (s *server) developerUsers(ctx context.Context, pool, identity string) (users []string, err error) {
	in := map[string]any{"IdentityPoolId": pool, "IdentityId": identity, "MaxResults": 60}
	for {
		var out struct {
			DeveloperUserIdentifierList []string
			NextToken                   string
		}
		if err := s.pools(ctx, "LookupDeveloperIdentity", in, &out); err != nil {
			return nil, err
		}
		users = append(users, out.DeveloperUserIdentifierList...)
		if out.NextToken == "" {
			return users, nil
		}
		in["NextToken"] = out.NextToken
	}
}

// LoadIdentities loads a file of identities into a running server.
func LoadIdentities(ctx context.Context, c *Client, r io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var pool string
	var batch []any
	loaded, present, refused := 0, 0, 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		var answer struct {
			Loaded, Present int
			Refused         []struct{ IdentityId, Message string }
		}
		if err := c.admin(ctx, "LoadIdentities", map[string]any{"IdentityPoolId": pool, "Identities": batch}, &answer); err != nil {
			return fmt.Errorf("%w; %d identities were loaded before", err, loaded)
		}
		loaded, present, refused = loaded+answer.Loaded, present+answer.Present, refused+len(answer.Refused)
		for _, one := range answer.Refused {
			fmt.Fprintf(out, "refused %q: %s\n", one.IdentityId, one.Message)
		}
		batch = nil
		return nil
	}
	for n := 1; lines.Scan(); n++ {
		var i Identity
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&i); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if i.IdentityPoolId != pool || len(batch) == loadedAtOnce {
			if err := flush(); err != nil {
				return err
			}
			pool = i.IdentityPoolId
		}
		one := map[string]any{"IdentityId": i.IdentityId, "Guest": i.Guest, "Logins": i.Logins}
		if i.CreationDate > 0 {
			one["CreationDate"], one["LastModifiedDate"] = i.CreationDate, i.LastModifiedDate
		}
		batch = append(batch, one)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d loaded, %d there already, %d refused\n", loaded, present, refused)
	if refused > 0 {
		return fmt.Errorf("%d identities were refused", refused)
	}
	return nil
}
