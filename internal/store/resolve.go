package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Resolve decides, for a call that names target ("" = none) and supplies
// verified logins, which identity it gets, and carries the decision out.
//
// It reads the View of one instant, calls decide, and writes the Plan in a
// transaction that holds only if every identity in the View is still as read
// and no login to be linked has found an owner; otherwise it starts over from
// the read. An Unchanged plan writes nothing. Concurrent calls are serializable.
// decide must be pure and may be called several times; its error is returned as is.
//
// Plan.Create adds Plan.Identity; Plan.Link attaches logins to it; the logins of
// each identity in Plan.Absorb move to it, and that identity ends Disabled with
// MergedTo set. Both get a new Modified; no other identity does.
//
// Errors: ErrNotFound when the pool or the target does not exist (a target in
// another pool counts as missing); ErrConflict when the ID to create is taken;
// ErrInvalid for logins that cannot be stored; ErrBusy. A plan that does not fit
// the View is an error and writes nothing.
func (s *Store) Resolve(
	ctx context.Context, pool identitypool.PoolID, target identitypool.IdentityID, logins []identitypool.Login,
	decide func(identitypool.View) (identitypool.Plan, error),
) (identitypool.Identity, error) {
	if err := checkLogins(logins); err != nil {
		return identitypool.Identity{}, err
	}
	if !storable(string(pool), maxID) {
		return identitypool.Identity{}, notFound("identity pool")
	}
	if !storable(string(target), maxID) {
		return identitypool.Identity{}, notFound("identity")
	}

	// The usual sign-in changes nothing, so a cached view may answer it. Anything to write is
	// decided again on rows from the database.
	if v, ok := s.cachedView(ctx, pool, target, logins); ok {
		plan, err := decide(v.view())
		if err != nil {
			return identitypool.Identity{}, err
		}
		if plan.Unchanged() && plan.Identity == v.rows[0].ID {
			return cloneIdentity(v.rows[0].Identity), nil
		}
	}

	var result identitypool.Identity
	var races createRaces
	err := s.retryRaces(ctx, func() error {
		v, err := s.readView(ctx, pool, target, logins)
		if err != nil {
			return err
		}

		plan, err := decide(v.view())
		if err != nil {
			return err
		}
		planned, err := v.bind(plan, s.now())
		if err != nil {
			return err
		}

		result = planned.after
		if planned.empty() {
			return nil
		}

		err = s.write(ctx, planned.apply)
		if races.taken(plan, s.engine.IsViolation(err)) {
			return fmt.Errorf("identity: %w", ErrConflict)
		}
		if err == nil && planned.create {
			s.counts.added(pool, result.Created, s.now())
		}

		return err
	})
	if err != nil {
		return identitypool.Identity{}, err
	}

	return cloneIdentity(result), nil
}

// createRaces finds out whether the ID that a plan wants to create is taken. The database
// reports that a unique key is taken, but not which. If another call linked one of the
// logins, the next View shows it, and decide answers otherwise. A taken ID is in no View, so
// it is refused again and again.
type createRaces struct {
	id      identitypool.IdentityID // of the last plan
	refused int                     // how often in a row creating id was refused
}

// maxCreateRaces is how often in a row creating an ID is refused before it counts as taken.
const maxCreateRaces = 3

// taken notes how writing a plan ended, and reports whether the ID to create is taken.
func (c *createRaces) taken(plan identitypool.Plan, refused bool) bool {
	if !plan.Create || plan.Identity != c.id {
		*c = createRaces{id: plan.Identity}
	}
	if !plan.Create || !refused {
		return false
	}
	c.refused++

	return c.refused == maxCreateRaces
}

// viewRows has the rows that a View is made from: those of the target and of every
// owner, in order of ID, at one instant.
type viewRows struct {
	pool   identitypool.PoolID
	target identitypool.IdentityID
	logins []identitypool.Login
	rows   []*identityRow
}

// viewText returns the one statement that reads a view of n logins: $1 is the pool,
// $2 the target, then the login keys. It starts from the pool so that a pool
// without any such identity differs from no pool, and reaches identities only by
// their IDs, so that no database engine is tempted to scan the pool.
func viewText(n int) string {
	var b strings.Builder
	b.WriteString(`SELECT ` + identityColumns +
		` FROM pools AS p LEFT JOIN (SELECT t.identity_id FROM identities AS t WHERE t.identity_id = $2`)

	for i := range n {
		fmt.Fprintf(&b, ` UNION SELECT o.identity_id FROM logins AS o WHERE o.pool_id = $1 AND o.login_key = $%d`, i+3)
	}
	b.WriteString(`) AS c ON TRUE
		LEFT JOIN identities AS i ON i.identity_id = c.identity_id AND i.pool_id = p.pool_id
		LEFT JOIN logins AS l ON l.identity_id = i.identity_id
		WHERE p.pool_id = $1 AND NOT p.deleting` + identityOrder)

	return b.String()
}

// viewTexts holds the text for each number of logins.
var viewTexts = func() (texts [maxLogins + 1]string) {
	for n := range texts {
		texts[n] = viewText(n)
	}
	return texts
}()

func (s *Store) readView(
	ctx context.Context, pool identitypool.PoolID, target identitypool.IdentityID, logins []identitypool.Login,
) (*viewRows, error) {
	v := &viewRows{pool: pool, target: target, logins: logins}
	args := make([]any, 0, len(logins)+2)
	args = append(args, string(pool), string(target))
	for _, l := range logins {
		key := keyOf(l)
		args = append(args, key[:])
	}

	var exists bool
	err := s.read(ctx, func(q engine.Querier) (err error) {
		v.rows, exists, err = collectIdentities(q, viewTexts[len(logins)], args...)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !exists:
		return nil, notFound("identity pool")
	case target != "" && v.row(target) == nil:
		return nil, notFound("identity")
	}
	s.rememberOwners(v)

	return v, nil
}

// cachedView returns the view without its statement in the usual case: the logins lead to
// one identity, which owns them all. That identity's row lists all its logins, so the row is
// the whole view.
func (s *Store) cachedView(
	ctx context.Context, pool identitypool.PoolID, target identitypool.IdentityID, logins []identitypool.Login,
) (*viewRows, bool) {
	if s.cache == nil {
		return nil, false
	}

	id := target
	for _, l := range logins {
		owner, ok := s.cache.owners.Get(ownerKey{pool, keyOf(l)})
		if !ok || id != "" && owner != id {
			return nil, false
		}
		id = owner
	}
	if id == "" {
		return nil, false
	}

	row, ok := s.cachedIdentity(ctx, id)
	if !ok {
		var err error
		if row, err = s.readIdentity(ctx, id); err != nil {
			return nil, false // readView will report it
		}
	}
	if row.PoolID != pool {
		return nil, false
	}

	for _, l := range logins {
		if !row.HasLogin(l) {
			return nil, false
		}
	}

	return &viewRows{pool: pool, target: target, logins: logins, rows: []*identityRow{row}}, true
}

func (s *Store) rememberOwners(v *viewRows) {
	if s.cache == nil {
		return
	}

	for _, l := range v.logins {
		if r := v.owner(l); r != nil {
			s.cache.owners.Add(ownerKey{v.pool, keyOf(l)}, r.ID)
		}
	}
}

func (v *viewRows) row(id identitypool.IdentityID) *identityRow {
	for _, r := range v.rows {
		if r.ID == id {
			return r
		}
	}
	return nil
}

func (v *viewRows) owner(l identitypool.Login) *identityRow {
	for _, r := range v.rows {
		if r.HasLogin(l) {
			return r
		}
	}
	return nil
}

// view returns copies, so that decide cannot change cached rows.
func (v *viewRows) view() identitypool.View {
	out := identitypool.View{Owners: make(map[identitypool.Login]identitypool.Identity, len(v.logins))}
	if r := v.row(v.target); r != nil {
		target := cloneIdentity(r.Identity)
		out.Target = &target
	}

	for _, l := range v.logins {
		if r := v.owner(l); r != nil {
			out.Owners[l] = cloneIdentity(r.Identity)
		}
	}

	return out
}

// change is a plan applied to the rows that it was decided on.
type change struct {
	rows   []*identityRow // every identity of the view: all must be as read
	create bool
	after  identitypool.Identity // the resulting identity
	link   []identitypool.Login  // logins that no identity has yet
	absorb []*identityRow
	now    time.Time
}

// errPlan means that the plan contradicts the view, which is a mistake in the rules.
var errPlan = errors.New("plan does not fit its view")

// bind returns the change that the plan makes to the rows of the view, or errPlan if the plan
// does not fit the view.
func (v *viewRows) bind(plan identitypool.Plan, now time.Time) (*change, error) {
	c := &change{rows: v.rows, create: plan.Create, now: now}
	existing := v.row(plan.Identity)
	switch {
	case plan.Create && existing == nil:
		if err := checkID("identity ID", string(plan.Identity)); err != nil {
			return nil, err
		}
		c.after = identitypool.Identity{ID: plan.Identity, PoolID: v.pool, Created: now, Modified: now}
	case !plan.Create && existing != nil:
		c.after = cloneIdentity(existing.Identity)
	default:
		return nil, fmt.Errorf("%w: Create is %t, but the identity is in the view: %t",
			errPlan, plan.Create, existing != nil)
	}

	for _, id := range plan.Absorb {
		r := v.row(id)
		if r == nil || id == plan.Identity || slices.Contains(c.absorb, r) {
			return nil, fmt.Errorf("%w: absorbed identity", errPlan)
		}
		c.absorb = append(c.absorb, r)
		c.after.Logins = append(c.after.Logins, r.Logins...)
	}

	for _, l := range plan.Link {
		if c.after.HasLogin(l) {
			continue // already linked, or moved here
		}
		if err := checkLogin(l); err != nil {
			return nil, err
		}
		if !slices.Contains(v.logins, l) || v.owner(l) != nil {
			return nil, fmt.Errorf("%w: linked login of %s", errPlan, l.Provider)
		}
		c.link = append(c.link, l)
		c.after.Logins = append(c.after.Logins, l)
	}
	slices.SortFunc(c.after.Logins, compareLogins)

	for i := 1; i < len(c.after.Logins); i++ {
		a, b := c.after.Logins[i-1], c.after.Logins[i]
		if a.Kind == identitypool.Public && b.Kind == identitypool.Public && a.Provider == b.Provider {
			return nil, fmt.Errorf("%w: two logins of %s", errPlan, a.Provider)
		}
	}

	if !c.empty() {
		c.after.Modified = later(c.after.Modified, now)
		c.after.EverLinked = c.after.EverLinked || len(c.after.Logins) > 0
	}

	return c, nil
}

// empty reports whether there is nothing to write. A plan that links only logins already
// linked is empty, too.
func (c *change) empty() bool { return !c.create && len(c.link) == 0 && len(c.absorb) == 0 }

// apply writes the change. It advances the revisions in order of ID, so that two changes of
// the same identities cannot deadlock.
func (c *change) apply(t *engine.Tx) error {
	for _, r := range c.rows {
		t.Touch(identityKey(r.ID))
		modified := r.Modified
		if r.ID == c.after.ID || slices.Contains(c.absorb, r) {
			modified = later(modified, c.now)
		}
		if err := r.advanceRevision(t, modified); err != nil {
			return err
		}
	}

	id := c.after.ID
	if c.create {
		t.Touch(identityKey(id))
		if err := insertIdentity(t, c.after); err != nil {
			return err
		}
	} else if _, err := t.Exec(`UPDATE identities SET ever_linked = $1 WHERE identity_id = $2`,
		c.after.EverLinked, string(id)); err != nil {
		return err
	}

	for _, r := range c.absorb {
		if _, err := t.Exec(`UPDATE logins SET identity_id = $1 WHERE identity_id = $2`,
			string(id), string(r.ID)); err != nil {
			return err
		}
		if _, err := t.Exec(`UPDATE identities SET disabled = TRUE, merged_to = $1 WHERE identity_id = $2`,
			string(id), string(r.ID)); err != nil {
			return err
		}
	}

	for _, l := range c.link {
		if err := insertLogin(t, c.after.PoolID, id, l); err != nil {
			return err
		}
	}

	return nil
}
