package devseed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Seeder applies seeds to one development server.
type Seeder struct {
	Client      *apply.Client
	Users       *devuser.Store
	Clients     *devissuer.Clients
	ProviderARN string // of the built-in issuer
	LoginKey    string // of the built-in issuer, in Logins
	// Identities makes all identities, or none. Error: *cognitoidentity.SeedError.
	Identities func(context.Context, []cognitoidentity.SeededIdentity) error
	// CheckIdentities returns the error that Identities would have.
	CheckIdentities func(context.Context, []cognitoidentity.SeededIdentity, cognitoidentity.Foreseen) error
	// Applied gets the outcome of each file; nil = nobody wants it.
	Applied func(*apply.Result)
}

// ErrPartly means that an error came when something was changed already. Any other error of Apply
// came before.
var ErrPartly = errors.New("applied in part")

// partly marks an error as an ErrPartly, without a further text.
type partly struct{ error }

func (p partly) Unwrap() []error { return []error{ErrPartly, p.error} }

// Apply brings the server to what the files have: users and clients first, then resources, then identities. What
// the files do not name stays. It tells out what it did, one line for each file. Error: ErrPartly.
func (s *Seeder) Apply(ctx context.Context, files []File, out io.Writer) error {
	if err := s.check(ctx, files); err != nil {
		return err
	}

	var users []devuser.User
	changed := map[string]string{} // file to its users that change, in words
	for _, f := range files {
		users = append(users, f.users...)
		changed[f.Path] = s.changedUsers(f)
	}
	if len(users) > 0 {
		if err := s.Users.Put(users...); err != nil {
			return err
		}
	}

	for _, f := range files {
		if len(f.clients) == 0 {
			continue
		}
		if err := s.Clients.Put(f.clients...); err != nil {
			return partly{err}
		}
	}

	pools := newPoolIDs(s.Client.Region)
	seeds := together(files)
	for _, f := range files {
		done, err := s.resources(ctx, f, apply.Options{Seeds: seeds})
		if err != nil {
			return partly{err}
		}
		pools.add(f, done)
		if s.Applied != nil {
			s.Applied(done)
		}
		apply.Say(out, "Seed %s: %s", f.Path, summary(done, changed[f.Path]))
		tell(out, f)
	}

	if err := s.makeIdentities(ctx, files, pools); err != nil {
		return partly{err}
	}

	return nil
}

// summary tells in words what was done with the resources of a file, and with its users.
func summary(done *apply.Result, users string) string {
	var created, updated, parts []string
	for _, r := range done.Resources {
		switch r.Action {
		case apply.ActionCreate:
			created = append(created, r.Name)
		case apply.ActionUpdate:
			updated = append(updated, r.Name)
		}
	}

	if len(created) > 0 {
		parts = append(parts, "created "+strings.Join(created, ", "))
	}
	if len(updated) > 0 {
		parts = append(parts, "updated "+strings.Join(updated, ", "))
	}
	if users != "" {
		parts = append(parts, users)
	}

	switch {
	case len(parts) > 0:
		return strings.Join(parts, "; ")
	case len(done.Resources) > 0:
		return "no resource to change"
	default:
		return "applied"
	}
}

// changedUsers names the users that a file adds or changes.
func (s *Seeder) changedUsers(f File) string {
	var names []string
	for _, want := range f.users {
		have, err := s.Users.Get(want.Name)
		if err != nil || have.Subject != want.Subject || !sameClaims(have.Claims, want.Claims) {
			names = append(names, want.Name)
		}
	}

	const shown = 10
	switch {
	case len(names) == 0:
		return ""
	case len(names) > shown:
		return fmt.Sprintf("set users %s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	default:
		return "set users " + strings.Join(names, ", ")
	}
}

// sameClaims compares claims as JSON.
func sameClaims(a, b map[string]any) bool {
	one, errA := json.Marshal(a)
	other, errB := json.Marshal(b)
	return len(a) == len(b) && errA == nil && errB == nil && (len(a) == 0 || bytes.Equal(one, other))
}

// tell prints what a file has and the server does not.
func tell(out io.Writer, f File) {
	for _, s := range f.Seed.Skipped {
		apply.Say(out, "  left out: %s, %s: %s", s.Name, s.Type, s.Reason)
	}

	for _, note := range f.Seed.Notes {
		apply.Say(out, "  note: %s", note)
	}
}

// check refuses what can be refused before anything is changed.
func (s *Seeder) check(ctx context.Context, files []File) error {
	var faults []error

	users := map[string]bool{}
	for _, u := range s.Users.List() {
		users[u.Name] = true
	}

	for _, f := range files {
		for _, u := range f.users {
			users[u.Name] = true
		}
	}
	if len(users) > devuser.MaxUsers {
		faults = append(faults, fmt.Errorf("there would be more than %d users", devuser.MaxUsers))
	}
	faults = append(faults, s.checkClients(files))

	pools := newPoolIDs(s.Client.Region)
	seeds := together(files)
	for _, f := range files {
		for _, i := range f.Seed.Identities {
			if i.User != "" && !users[i.User] {
				faults = append(faults, f.at(i.Line, unknownUser(i.User, users)))
			}
		}

		planned, err := s.resources(ctx, f, apply.Options{DryRun: true, Seeds: seeds})
		if err != nil {
			faults = append(faults, err)
			continue
		}
		pools.add(f, planned)
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}

	return s.checkIdentities(ctx, files, pools)
}

// checkClients refuses too many clients.
func (s *Seeder) checkClients(files []File) error {
	clients := map[string]bool{}
	for _, f := range files {
		for _, c := range f.clients {
			clients[c.ID] = true
		}
	}
	if len(clients) == 0 {
		return nil
	}

	for _, id := range s.Clients.IDs() {
		clients[id] = true
	}
	if len(clients) > devissuer.MaxClients {
		return fmt.Errorf("there would be more than %d clients", devissuer.MaxClients)
	}

	return nil
}

// together returns the files as seeds that are applied together.
func together(files []File) *apply.Seeds {
	all := apply.NewSeeds()
	for _, f := range files {
		all.Add(f.Name, f.Seed.File)
	}
	return all
}

func unknownUser(name string, users map[string]bool) error {
	var names []string
	for known := range users {
		names = append(names, known)
	}
	if near := explain.Nearest(name, names); near != "" {
		return fmt.Errorf("unknown user %q: did you mean %s?", name, near)
	}
	return fmt.Errorf("unknown user %q: name one in the section Users", name)
}

// resources applies the resources of a file.
func (s *Seeder) resources(ctx context.Context, f File, o apply.Options) (*apply.Result, error) {
	if len(f.Seed.Resources) == 0 {
		return apply.NewResult(f.Name, f.Seed.File), nil
	}

	o.Name, o.Out = f.Name, io.Discard
	o.Known = map[string]string{apply.DevProviderARN: s.ProviderARN, apply.DevLoginKey: s.LoginKey}
	done, err := apply.Apply(ctx, s.Client, f.Seed.File, o)
	if err != nil {
		return nil, f.faults(err)
	}

	return done, nil
}
