package devseed

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Seeder applies seeds to one development server.
type Seeder struct {
	Client      *apply.Client
	Users       *devuser.Store
	ProviderARN string // of the built-in issuer
	LoginKey    string // of the built-in issuer, in Logins
	// Identities makes identities; *cognitoidentity.SeedError if it changed nothing.
	Identities func(context.Context, []cognitoidentity.SeededIdentity) error
	// CheckIdentities returns the error that Identities would have.
	CheckIdentities func(context.Context, []cognitoidentity.SeededIdentity, cognitoidentity.Foreseen) error
}

// ErrPartly means that an error came when something was changed already. Any other error of Apply
// came before.
var ErrPartly = errors.New("applied in part")

// partly marks an error as an ErrPartly, without a further text.
type partly struct{ error }

func (p partly) Unwrap() []error { return []error{ErrPartly, p.error} }

// Apply brings the server to what the files have: users first, then resources, then identities. What
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

	round := together(files)
	for _, f := range files {
		done, err := s.resources(ctx, f, apply.Options{Seeds: round})
		if err != nil {
			return partly{err}
		}
		apply.Say(out, "Seed %s: %s", f.Path, both(changed[f.Path], done))
		tell(out, f)
	}

	if err := s.identities(ctx, files, nil); err != nil {
		return partly{err}
	}

	return nil
}

// unchanged is the summary of resources if it has changed nothing.
const unchanged = "no resource to change"

// both tells what was done with users and with resources.
func both(users, resources string) string {
	switch {
	case users == "":
		return resources
	case resources == unchanged || resources == "applied":
		return users
	default:
		return resources + "; " + users
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

	round := together(files)
	for _, f := range files {
		for _, i := range f.Seed.Identities {
			if i.User != "" && !users[i.User] {
				faults = append(faults, f.at(i.Line, unknownUser(i.User, users)))
			}
		}
		if _, err := s.resources(ctx, f, apply.Options{DryRun: true, Seeds: round}); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}

	return s.identities(ctx, files, s.foresee(files))
}

// together returns the files as those of one round.
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

// resources applies the resources of a file, and tells in words what was done.
func (s *Seeder) resources(ctx context.Context, f File, o apply.Options) (done string, err error) {
	if len(f.Seed.Resources) == 0 {
		return "applied", nil
	}

	var printed bytes.Buffer
	o.Name, o.Out = f.Name, &printed
	o.Known = map[string]string{apply.DevProviderARN: s.ProviderARN, apply.DevLoginKey: s.LoginKey}
	if _, err := apply.Apply(ctx, s.Client, f.Seed.File, o); err != nil {
		return "", f.faults(err)
	}

	return summary(&printed), nil
}

// summary tells in words what an apply printed after its plan.
func summary(printed io.Reader) string {
	var parts []string

	names := map[string][]string{}
	lines := bufio.NewScanner(printed)
	for lines.Scan() {
		verb, name, _ := strings.Cut(lines.Text(), " ")
		if verb == "created" || verb == "updated" {
			names[verb] = append(names[verb], name)
		}
	}

	for _, verb := range []string{"created", "updated"} {
		if len(names[verb]) > 0 {
			parts = append(parts, verb+" "+strings.Join(names[verb], ", "))
		}
	}
	if len(parts) == 0 {
		return unchanged
	}

	return strings.Join(parts, "; ")
}

// foreseen has the things that files make before their identities.
type foreseen struct {
	cognitoidentity.Foreseen

	subjects map[string]string // of the files' users, by name
}

// foresee returns what the files will make.
func (s *Seeder) foresee(files []File) *foreseen {
	all := &foreseen{subjects: map[string]string{}}
	all.Pools = map[identitypool.PoolID]identitypool.Pool{}
	for _, f := range files {
		for _, u := range f.users {
			all.subjects[u.Name] = u.Subject
		}

		for _, r := range f.Seed.Resources {
			all.SAML = all.SAML || r.Type == "AWS::IAM::SAMLProvider"
			if r.Type != "AWS::Cognito::IdentityPool" {
				continue
			}
			id := identitypool.PoolID(cmp.Or(r.PinnedID, comingPool(s.Client.Region, f, r.Name)))
			developer, _ := r.Properties["DeveloperProviderName"].(string)
			all.Pools[id] = identitypool.Pool{
				ID:                    id,
				Region:                identitypool.RegionOf(string(id)),
				DeveloperProviderName: developer,
			}
		}
	}

	return all
}

// comingPool stands for the ID of a pool that the server will choose.
func comingPool(region string, f File, resource string) string {
	return region + ":" + f.Name + "/" + resource
}

// identities makes the identities of the files, whose pools are there now. With what is foreseen it
// only checks them.
func (s *Seeder) identities(ctx context.Context, files []File, coming *foreseen) error {
	type place struct {
		file File
		line int
	}
	var seeded []cognitoidentity.SeededIdentity
	var places []place
	for _, f := range files {
		for _, i := range f.Seed.Identities {
			one, err := s.identity(ctx, f, i, coming)
			if err != nil {
				return f.at(i.Line, err)
			}
			seeded, places = append(seeded, one), append(places, place{file: f, line: i.Line})
		}
	}
	if len(seeded) == 0 {
		return nil
	}

	var err error
	if coming != nil {
		err = s.CheckIdentities(ctx, seeded, coming.Foreseen)
	} else {
		err = s.Identities(ctx, seeded)
	}
	if refused, ok := errors.AsType[*cognitoidentity.SeedError](err); ok {
		p := places[refused.Index]
		return p.file.at(p.line, err)
	}

	return err
}

// identity returns an identity with its logins in the form that the pools have.
func (s *Seeder) identity(
	ctx context.Context, f File, i apply.SeedIdentity, coming *foreseen,
) (one cognitoidentity.SeededIdentity, err error) {
	pool := i.Pool
	if pool == "" {
		pool, err = s.poolID(ctx, f, i.Resource)
		if errors.Is(err, apply.ErrNoPool) && coming != nil {
			pool, err = comingPool(s.Client.Region, f, i.Resource), nil
		}
	}
	if err != nil {
		return one, err
	}
	one = cognitoidentity.SeededIdentity{Pool: identitypool.PoolID(pool), ID: identitypool.IdentityID(i.ID)}

	if i.User != "" {
		subject, err := s.subject(i.User, coming)
		if err != nil {
			return one, err
		}
		one.Logins = append(one.Logins, cognitoidentity.LoadedLogin{ProviderName: &s.LoginKey, Subject: &subject})
	}

	for provider, subject := range i.Logins {
		one.Logins = append(one.Logins, cognitoidentity.LoadedLogin{ProviderName: &provider, Subject: &subject})
	}

	return one, nil
}

// subject returns the subject of a user that is there, or will be.
func (s *Seeder) subject(user string, coming *foreseen) (string, error) {
	if coming != nil && coming.subjects[user] != "" {
		return coming.subjects[user], nil
	}
	u, err := s.Users.Get(user)

	return u.Subject, err
}

// poolID returns the ID of a pool that a file made.
func (s *Seeder) poolID(ctx context.Context, f File, resource string) (string, error) {
	n := slices.IndexFunc(f.Seed.Resources, func(r apply.Resource) bool { return r.Name == resource })
	if n >= 0 && f.Seed.Resources[n].PinnedID != "" {
		return f.Seed.Resources[n].PinnedID, nil
	}
	return apply.PoolID(ctx, s.Client, f.Name, resource)
}
