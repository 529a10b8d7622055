package devseed

import (
	"cmp"
	"context"
	"errors"
	"iter"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// poolIDs has the IDs of the files' pools. A pool whose ID the server has still to choose has one that
// stands for it.
type poolIDs struct {
	region string
	ids    map[poolName]identitypool.PoolID
}

// poolName is the name of a pool in a file.
type poolName struct{ file, resource string }

func newPoolIDs(region string) *poolIDs {
	return &poolIDs{region: region, ids: map[poolName]identitypool.PoolID{}}
}

// add adds the pools of a file that was applied, or planned.
func (p *poolIDs) add(f File, r *apply.Result) {
	for _, pool := range r.Pools {
		id := cmp.Or(pool.ID, p.region+":"+f.Name+"/"+pool.Name)
		p.ids[poolName{file: f.Name, resource: pool.Name}] = identitypool.PoolID(id)
	}
}

// of returns the ID of a file's pool.
func (p *poolIDs) of(f File, resource string) identitypool.PoolID {
	return p.ids[poolName{file: f.Name, resource: resource}]
}

// checkIdentities returns the error that makeIdentities would have when the resources of the files are there.
func (s *Seeder) checkIdentities(ctx context.Context, files []File, pools *poolIDs) error {
	seeded, err := s.identities(files, pools)
	if err != nil || len(seeded) == 0 {
		return err
	}
	return atIdentity(files, s.CheckIdentities(ctx, seeded, coming(files, pools)))
}

// makeIdentities makes the identities of the files, whose users and pools are there now.
func (s *Seeder) makeIdentities(ctx context.Context, files []File, pools *poolIDs) error {
	seeded, err := s.identities(files, pools)
	if err != nil || len(seeded) == 0 {
		return err
	}
	return atIdentity(files, s.Identities(ctx, seeded))
}

// coming returns the resources of the files that identities depend on, as they will be.
func coming(files []File, pools *poolIDs) cognitoidentity.Foreseen {
	all := cognitoidentity.Foreseen{Pools: map[identitypool.PoolID]identitypool.Pool{}}
	for _, f := range files {
		for _, r := range f.Seed.Resources {
			switch r.Type {
			case "AWS::IAM::SAMLProvider":
				all.SAML = true
			case "AWS::Cognito::IdentityPool":
				id := pools.of(f, r.Name)
				developer, _ := r.Properties["DeveloperProviderName"].(string)
				all.Pools[id] = identitypool.Pool{
					ID:                    id,
					Region:                identitypool.RegionOf(string(id)),
					DeveloperProviderName: developer,
				}
			}
		}
	}

	return all
}

// eachIdentity yields the identities of the files.
func eachIdentity(files []File) iter.Seq2[File, apply.SeedIdentity] {
	return func(yield func(File, apply.SeedIdentity) bool) {
		for _, f := range files {
			for _, i := range f.Seed.Identities {
				if !yield(f, i) {
					return
				}
			}
		}
	}
}

// identities returns the identities of the files, with their logins in the form that the pools have.
func (s *Seeder) identities(files []File, pools *poolIDs) (all []cognitoidentity.SeededIdentity, err error) {
	subjects := map[string]string{} // of the files' users, by name
	for _, f := range files {
		for _, u := range f.users {
			subjects[u.Name] = u.Subject
		}
	}

	for f, i := range eachIdentity(files) {
		one := cognitoidentity.SeededIdentity{Pool: identitypool.PoolID(i.Pool), ID: identitypool.IdentityID(i.ID)}
		if i.Resource != "" {
			one.Pool = pools.of(f, i.Resource)
		}

		if i.User != "" {
			subject, ofFiles := subjects[i.User]
			if !ofFiles {
				user, err := s.Users.Get(i.User)
				if err != nil {
					return nil, f.at(i.Line, err)
				}
				subject = user.Subject
			}
			one.Logins = append(one.Logins, cognitoidentity.LoadedLogin{ProviderName: &s.LoginKey, Subject: &subject})
		}

		for provider, subject := range i.Logins {
			one.Logins = append(one.Logins, cognitoidentity.LoadedLogin{ProviderName: &provider, Subject: &subject})
		}

		all = append(all, one)
	}

	return all, nil
}

// atIdentity adds the place of the identity that was refused to an error.
func atIdentity(files []File, err error) error {
	refused, ok := errors.AsType[*cognitoidentity.SeedError](err)
	if !ok {
		return err
	}

	n := 0
	for f, i := range eachIdentity(files) {
		if n == refused.Index {
			return f.at(i.Line, err)
		}
		n++
	}

	return err
}
