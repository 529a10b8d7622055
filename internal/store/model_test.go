package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// errRefused is the answer of the rules below if there is no plan.
var errRefused = errors.New("refused")

// grow is a decision that does all that a plan can: it links what is free to
// the target, or to the owner of the first login, or to a new identity, and
// absorbs the other owners, unless two logins of a provider would come together.
func grow(
	logins []identitypool.Login, newID identitypool.IdentityID,
) func(identitypool.View) (identitypool.Plan, error) {
	return func(v identitypool.View) (identitypool.Plan, error) {
		p := identitypool.Plan{}
		have := map[string]bool{}
		gather := func(ls []identitypool.Login) error {
			for _, l := range ls {
				if l.Kind == identitypool.Public && have[l.Provider] {
					return errRefused
				}
				have[l.Provider] = have[l.Provider] || l.Kind == identitypool.Public
			}

			return nil
		}

		if v.Target != nil {
			if v.Target.Disabled {
				return p, errRefused
			}
			p.Identity = v.Target.ID
			if err := gather(v.Target.Logins); err != nil {
				return p, err
			}
		}

		for _, l := range logins {
			owner, ok := v.Owners[l]
			if !ok || owner.ID == p.Identity || slices.Contains(p.Absorb, owner.ID) {
				continue
			}
			if p.Identity == "" {
				p.Identity = owner.ID
			} else {
				p.Absorb = append(p.Absorb, owner.ID)
			}

			if err := gather(owner.Logins); err != nil {
				return p, err
			}
		}

		if p.Identity == "" {
			p.Identity, p.Create = newID, true
		}

		for _, l := range logins {
			if _, ok := v.Owners[l]; !ok && !slices.Contains(p.Link, l) {
				if err := gather([]identitypool.Login{l}); err != nil {
					return p, err
				}
				p.Link = append(p.Link, l)
			}
		}

		return p, nil
	}
}

// step is one random call. It is made from numbers only, so that it means the
// same to every store and to the model.
type step struct {
	kind   int
	target int // of the identities created so far
	logins []identitypool.Login
	id     identitypool.IdentityID // for one that is created
}

const stepKinds = 10

func randomStep(r *rand.Rand, n int) step {
	st := step{
		kind:   r.IntN(stepKinds),
		target: r.IntN(n + 1),
		id:     identitypool.IdentityID(fmt.Sprintf("r:%08x", r.Uint32())),
	}
	for range 1 + r.IntN(3) {
		l := identitypool.Login{
			Kind:     identitypool.Public,
			Provider: string(rune('a' + r.IntN(3))),
			Subject:  string(rune('0' + r.IntN(4))),
		}
		if r.IntN(3) == 0 {
			l.Kind = identitypool.Developer
		}
		st.logins = append(st.logins, l)
	}

	return st
}

// model has the contents that the store should have.
type model struct {
	ids  []identitypool.IdentityID
	rows map[identitypool.IdentityID]identitypool.Identity
}

func (m *model) target(n int) identitypool.IdentityID {
	if n == 0 || len(m.ids) == 0 {
		return ""
	}
	return m.ids[(n-1)%len(m.ids)]
}

func (m *model) view(target identitypool.IdentityID, logins []identitypool.Login) (identitypool.View, bool) {
	v := identitypool.View{Owners: map[identitypool.Login]identitypool.Identity{}}
	if target != "" {
		i, ok := m.rows[target]
		if !ok {
			return v, false
		}
		v.Target = &i
	}

	for _, i := range m.rows {
		for _, l := range logins {
			if i.HasLogin(l) {
				v.Owners[l] = i
			}
		}
	}

	return v, true
}

func (m *model) resolve(
	target identitypool.IdentityID, logins []identitypool.Login, newID identitypool.IdentityID,
) (identitypool.IdentityID, error) {
	v, ok := m.view(target, logins)
	if !ok {
		return "", ErrNotFound
	}
	p, err := grow(logins, newID)(v)
	if err != nil {
		return "", err
	}
	i := m.rows[p.Identity]
	if p.Create {
		i = identitypool.Identity{ID: newID}
		m.ids = append(m.ids, newID)
	}

	for _, id := range p.Absorb {
		lost := m.rows[id]
		i.Logins = append(slices.Clone(i.Logins), lost.Logins...)
		lost.Logins, lost.Disabled, lost.MergedTo = nil, true, i.ID
		m.rows[id] = lost
	}

	i.Logins = append(slices.Clone(i.Logins), p.Link...)
	slices.SortFunc(i.Logins, compareLogins)
	i.EverLinked = i.EverLinked || len(i.Logins) > 0
	m.rows[i.ID] = i

	return i.ID, nil
}

// chooseFrom picks the logins of st that an identity has.
func (st step) chooseFrom(i identitypool.Identity) []identitypool.Login {
	return slices.DeleteFunc(slices.Clone(i.Logins),
		func(l identitypool.Login) bool { return !slices.Contains(st.logins, l) })
}

// apply runs a step on the model and on the store, and compares the answers.
func (m *model) apply(t *testing.T, s *Store, pool identitypool.PoolID, st step) {
	t.Helper()

	target := m.target(st.target)
	wantErr := func(what string, err, want error) {
		t.Helper()
		wantError(t, what, err, want)
	}
	switch st.kind {
	case 0: // a guest
		wantErr("CreateIdentity", s.CreateIdentity(t.Context(), identitypool.Identity{ID: st.id, PoolID: pool}), nil)
		m.ids, m.rows[st.id] = append(m.ids, st.id), identitypool.Identity{ID: st.id}
	case 1:
		_, ok := m.rows[target]
		err := s.DeleteIdentity(t.Context(), target)
		if ok {
			wantErr("DeleteIdentity", err, nil)
			delete(m.rows, target)
		} else {
			wantErr("DeleteIdentity", err, ErrNotFound)
		}
	case 2:
		i, ok := m.rows[target]
		err := s.Unlink(t.Context(), target,
			func(i identitypool.Identity) ([]identitypool.Login, error) { return st.chooseFrom(i), nil })
		if ok {
			wantErr("Unlink", err, nil)
			gone := st.chooseFrom(i)
			i.Logins = slices.DeleteFunc(slices.Clone(i.Logins),
				func(l identitypool.Login) bool { return slices.Contains(gone, l) })
			m.rows[target] = i
		} else {
			wantErr("Unlink", err, ErrNotFound)
		}
	default:
		want, wantE := m.resolve(target, st.logins, st.id)
		got, err := s.Resolve(t.Context(), pool, target, st.logins, grow(st.logins, st.id))
		wantErr("Resolve", err, wantE)
		if got.ID != want {
			t.Errorf("Resolve = %q, want %q", got.ID, want)
		}
	}
}

// compare reads everything back.
func (m *model) compare(t *testing.T, s *Store, pool identitypool.PoolID) {
	t.Helper()
	listed, err := s.ListIdentities(t.Context(), pool, false, Place{}, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}

	got := map[identitypool.IdentityID]identitypool.Identity{}
	for _, i := range listed {
		single, err := s.Identity(t.Context(), i.ID)
		if diff := cmp.Diff(i, single); err != nil || diff != "" {
			t.Errorf("listed and single: %v\n%s", err, diff)
		}
		i.PoolID, i.Created, i.Modified = "", m.rows[i.ID].Created, m.rows[i.ID].Modified
		got[i.ID] = i
	}

	want := maps.Clone(m.rows)
	for id, i := range want {
		if len(i.Logins) == 0 {
			i.Logins = nil
			want[id] = i
		}
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the store differs from the model (-want +got):\n%s", diff)
	}
	checkInvariants(t, s, pool)
}

// The same random calls have the answers of a map on every engine, also when
// the store is closed and opened in between.
func TestModel(t *testing.T) {
	seed := rand.Uint64()
	steps := 600
	if testing.Short() {
		steps = 150
	}

	eachOptions(t, func(t *testing.T, o Options) {
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}

		defer func() { wantError(t, "Close", s.Close(), nil) }()

		pool := addPool(t, s)
		m := &model{rows: map[identitypool.IdentityID]identitypool.Identity{}}
		for n := range steps {
			m.apply(t, s, pool, randomStep(r, 20))
			if t.Failed() {
				t.Fatalf("at step %d", n)
			}
			if n%150 == 149 {
				m.compare(t, s, pool)
				if o.Path != "" || o.URL != "" {
					wantError(t, "Close", s.Close(), nil)
					if s, err = Open(t.Context(), o); err != nil {
						t.Fatal(err)
					}
				}
			}
		}

		m.compare(t, s, pool)
	})
}

// The same calls from many goroutines on all nodes leave rows that keep the rules.
func TestRandomCallsTogether(t *testing.T) {
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		pool := addPool(t, nodes[0])
		var mu sync.Mutex

		var ids []identitypool.IdentityID
		var wg sync.WaitGroup
		var done [stepKinds]int
		for g := range 8 {
			s := nodes[g%len(nodes)]
			wg.Go(func() {
				r := rand.New(rand.NewPCG(rand.Uint64(), uint64(g)))
				for range 60 {
					st := randomStep(r, 10)
					mu.Lock()
					target := (&model{ids: ids[max(0, len(ids)-10):]}).target(st.target)
					mu.Unlock()

					var err error
					switch st.kind {
					case 0:
						err = s.CreateIdentity(t.Context(), identitypool.Identity{ID: st.id, PoolID: pool})
					case 1:
						err = s.DeleteIdentity(t.Context(), target)
					case 2:
						err = s.Unlink(t.Context(), target,
							func(i identitypool.Identity) ([]identitypool.Login, error) {
								return st.chooseFrom(i), nil
							})
					default:
						_, err = s.Resolve(t.Context(), pool, target, st.logins, grow(st.logins, st.id))
					}

					mu.Lock()
					if err == nil {
						done[st.kind]++
						ids = append(ids, st.id)
					} else if !errors.Is(err, ErrNotFound) && !errors.Is(err, errRefused) {
						t.Errorf("step %d: %v", st.kind, err)
					}

					mu.Unlock()
				}
			})
		}
		wg.Wait()

		for kind, n := range done {
			if n == 0 {
				t.Errorf("no step of kind %d succeeded: nothing was tested", kind)
			}
		}
		checkInvariants(t, nodes[0], pool)
	})
}
