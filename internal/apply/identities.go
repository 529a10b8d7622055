package apply

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// loadedAtOnce is how many identities a call of LoadIdentities takes.
const loadedAtOnce = 500

// identityLine is one line of a file of identities.
type identityLine struct {
	IdentityPoolId   string
	IdentityId       string
	CreationDate     float64 `json:",omitzero"` // epoch seconds
	LastModifiedDate float64 `json:",omitzero"`
	Guest            bool    `json:",omitzero"`
	// Logins are the logins whose subjects are known; Unreadable are the
	// providers whose subjects are not. Whoever knows them may add them to Logins.
	Logins     []login  `json:",omitempty"`
	Unreadable []string `json:",omitempty"`
}

// login is one login of an identity.
type login struct{ ProviderName, Subject string }

// WriteIdentities writes the identities of pools, one JSON value a line, and
// returns notes on what it could not read.
func WriteIdentities(ctx context.Context, c *Client, pools []string, w io.Writer) (notes []string, err error) {
	s := &server{Client: c, door: c}
	out := json.NewEncoder(explain.JSONForTerminals(w))
	for _, id := range pools {
		st, err := s.pool(ctx, id)
		if err != nil {
			return nil, err
		}
		if st == nil {
			continue
		}

		developer := st.properties.(*pool).DeveloperProviderName
		unreadable, written := map[string]int{}, 0
		err = s.eachIdentity(ctx, id, true, func(i listedIdentity) error {
			line, err := s.identity(ctx, id, developer, i)
			if err != nil {
				return err
			}

			for _, name := range line.Unreadable {
				unreadable[name]++
			}
			written++

			return out.Encode(line)
		})
		if err != nil {
			return nil, err
		}

		for name, n := range unreadable {
			notes = append(notes, fmt.Sprintf("%s: the subjects of %d logins of %s cannot be read: "+
				"without them these identities are loaded, and nobody can use them", id, n, name))
		}

		all := 0 // disabled ones, too
		if err := s.eachIdentity(ctx, id, false, func(listedIdentity) error { all++; return nil }); err != nil {
			return nil, err
		}
		if disabled := all - written; disabled > 0 {
			notes = append(notes, fmt.Sprintf("%s: about %d disabled identities, which were merged into others",
				id, disabled))
		}
	}
	slices.Sort(notes)

	return notes, nil
}

// listedIdentity is an identity as ListIdentities shows it.
type listedIdentity struct {
	IdentityId                     string
	Logins                         []string
	CreationDate, LastModifiedDate float64
}

// eachIdentity calls do for the identities of a pool.
func (s *server) eachIdentity(
	ctx context.Context, pool string, hideDisabled bool, do func(listedIdentity) error,
) error {
	type page struct {
		Identities []listedIdentity
		NextToken  string
	}
	in := map[string]any{"IdentityPoolId": pool, "HideDisabled": hideDisabled}

	return eachPoolsPage(ctx, s, "ListIdentities", in, func(p *page) (string, error) {
		for _, i := range p.Identities {
			if err := do(i); err != nil {
				return "", err
			}
		}
		return p.NextToken, nil
	})
}

// identity returns the line of an identity. Only the subjects of the developer's own
// logins can be read.
func (s *server) identity(ctx context.Context, pool, developer string, i listedIdentity) (identityLine, error) {
	line := identityLine{
		IdentityPoolId:   pool,
		IdentityId:       i.IdentityId,
		CreationDate:     i.CreationDate,
		LastModifiedDate: i.LastModifiedDate,
		Guest:            len(i.Logins) == 0,
	}
	for _, name := range i.Logins {
		if name != developer {
			line.Unreadable = append(line.Unreadable, name)
			continue
		}
		users, err := s.developerUsers(ctx, pool, i.IdentityId)
		if err != nil {
			return identityLine{}, err
		}

		for _, user := range users {
			line.Logins = append(line.Logins, login{ProviderName: developer, Subject: user})
		}
	}

	return line, nil
}

func (s *server) developerUsers(ctx context.Context, pool, identity string) (users []string, err error) {
	type page struct {
		DeveloperUserIdentifierList []string
		NextToken                   string
	}
	in := map[string]any{"IdentityPoolId": pool, "IdentityId": identity}
	err = eachPoolsPage(ctx, s, "LookupDeveloperIdentity", in, func(p *page) (string, error) {
		users = append(users, p.DeveloperUserIdentifierList...)
		return p.NextToken, nil
	})

	return users, err
}

// LoadIdentities loads a file of identities into a running server.
func LoadIdentities(ctx context.Context, c *Client, r io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)

	l := &loader{Client: c, out: out}
	for n := 1; lines.Scan(); n++ {
		var i identityLine
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&i); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if i.IdentityPoolId != l.pool || len(l.batch) == loadedAtOnce {
			if err := l.flush(ctx); err != nil {
				return err
			}
			l.pool = i.IdentityPoolId
		}
		l.add(i)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if err := l.flush(ctx); err != nil {
		return err
	}

	fmt.Fprintf(out, "%d loaded, %d there already, %d refused\n", l.loaded, l.present, l.refused)
	if l.refused > 0 {
		return fmt.Errorf("%d identities were refused", l.refused)
	}

	return nil
}

// loader collects identities of one pool for a call.
type loader struct {
	*Client

	out                      io.Writer
	pool                     string
	batch                    []any
	loaded, present, refused int
}

func (l *loader) add(i identityLine) {
	one := map[string]any{"IdentityId": i.IdentityId, "Guest": i.Guest, "Logins": i.Logins}
	if i.CreationDate > 0 {
		one["CreationDate"], one["LastModifiedDate"] = i.CreationDate, i.LastModifiedDate
	}
	l.batch = append(l.batch, one)
}

// flush loads what was collected.
func (l *loader) flush(ctx context.Context) error {
	if len(l.batch) == 0 {
		return nil
	}

	var answer struct {
		Loaded, Present int
		Refused         []struct{ IdentityId, Message string }
	}
	in := map[string]any{"IdentityPoolId": l.pool, "Identities": l.batch}
	if err := l.Admin(ctx, "LoadIdentities", in, &answer); err != nil {
		return fmt.Errorf("%w; %d identities were loaded before", err, l.loaded)
	}

	l.loaded += answer.Loaded
	l.present += answer.Present
	l.refused += len(answer.Refused)
	for _, one := range answer.Refused {
		fmt.Fprintf(l.out, "refused %q: %s\n", one.IdentityId, one.Message)
	}
	l.batch = nil

	return nil
}
