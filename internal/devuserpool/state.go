package devuserpool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/testkeys"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// Folder is the name of the folder in the data folder that has a file for each pool.
const Folder = "dev-userpools"

// Bounds of the file of a pool, in bytes. Each change writes the file, so that they bound what a change costs.
const (
	maxPoolBytes   = 32 << 20  // of what is written
	maxSignUpBytes = 24 << 20  // above which users cannot sign up, so that they do not take all room from others
	maxFile        = 256 << 20 // of what is read: former versions wrote more
)

// Errors of State.
var (
	// errNoPool means that no pool has the ID.
	errNoPool = errors.New("no such user pool")
	// errPoolTaken means that a pool has the ID already.
	errPoolTaken = errors.New("the ID of the user pool is taken")
	// errClientTaken means that a client has the ID already.
	errClientTaken = errors.New("the ID of the client is taken")
	// errPools means that there are as many pools as there may be.
	errPools = errors.New("too many user pools")
	// errPoolBytes means that a pool would have more bytes than it may.
	errPoolBytes = errors.New("the user pool is full")
	// ErrDamaged means that the file of a pool cannot be read.
	ErrDamaged = errors.New("the file of a user pool is damaged")
)

// State keeps the pools in memory and, if it has a folder, each in a file. It is safe for concurrent use
// by one process. A change is on disk before anybody sees it.
//
// cache: development user pools
type State struct {
	folder string // "" = memory

	changing sync.Mutex // one change at a time
	former   []formerID // oldest first; changing guards it

	changes atomic.Uint64 // counts them

	mu    sync.RWMutex
	pools map[string]*Pool // by ID; nobody changes a pool that is in here
}

// OpenState reads the pools of a folder. A folder that does not exist has none. With the folder "" the
// pools are kept in memory. Error: ErrDamaged.
func OpenState(folder string) (*State, error) {
	s := &State{folder: folder, pools: map[string]*Pool{}}
	if folder == "" {
		return s, nil
	}

	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}

	if err := wholefile.RemoveTemporary(folder); err != nil {
		return nil, err
	}
	if s.former, err = readFormer(folder); err != nil {
		return nil, err
	}

	for _, entry := range entries {
		name, isPool := strings.CutSuffix(entry.Name(), ".json")
		if !isPool || entry.Name() == formerFile {
			continue
		}
		path := filepath.Join(folder, entry.Name())
		p, err := readPool(path)
		if err == nil && p.ID != name {
			err = fmt.Errorf("%w: it has the pool %q", ErrDamaged, p.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		s.pools[p.ID] = p
	}

	return s, nil
}

// readPool reads the file of a pool. Error: ErrDamaged.
func readPool(path string) (*Pool, error) {
	text, err := wholefile.Read(path, maxFile)
	if refused, ok := errors.AsType[*wholefile.RefusedError](err); ok {
		return nil, fmt.Errorf("%w: %s", ErrDamaged, refused.Reason)
	}
	if err != nil {
		return nil, err
	}

	p := new(Pool)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}

	p.bytes = len(text)

	return p, p.check()
}

// check reports what is wrong with a pool that was read from a file: others rely on what the operations
// fill in.
func (p *Pool) check() error {
	if !identitypool.ValidUserPoolID(p.ID) || p.Account == "" || p.Region == "" {
		return fmt.Errorf("%w: it has no valid ID, account or region", ErrDamaged)
	}
	if len(p.Users) > maxUsers || len(p.Clients) > maxClients || len(p.Groups) > maxGroups {
		return fmt.Errorf("%w: it has too many users, clients or groups", ErrDamaged)
	}

	if err := p.Settings.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	set, err := p.keySet()
	if len(p.Keys) == 0 || err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, cmp.Or(err, errNoKey))
	}

	for _, k := range set.Keys {
		if err := testkeys.Check(k.Key); err != nil {
			return fmt.Errorf("%w: it has %w: delete the file", ErrDamaged, err)
		}
	}

	return p.checkParts()
}

// checkParts reports what is wrong with a pool's clients, groups and users, and makes the maps that the
// file lacks, so that a change can write to them.
func (p *Pool) checkParts() error {
	for id, c := range p.Clients {
		if c.ID == "" || c.ID != id || c.Settings.ClientName == nil {
			return fmt.Errorf("%w: a client has no valid ID or name", ErrDamaged)
		}
	}

	for name, g := range p.Groups {
		if g.Name == "" || g.Name != name {
			return fmt.Errorf("%w: a group has no valid name", ErrDamaged)
		}
	}

	for key, u := range p.Users {
		if u.Username == "" || u.Sub == "" || key != p.key(u.Username) || u.Attributes == nil {
			return fmt.Errorf("%w: a user has no valid name, subject or attributes", ErrDamaged)
		}
	}

	if p.Clients == nil {
		p.Clients = map[string]Client{}
	}
	if p.Groups == nil {
		p.Groups = map[string]Group{}
	}
	if p.Users == nil {
		p.Users = map[string]User{}
	}

	return nil
}

// view returns a pool. Its callers share it: nobody may change it. Error: errNoPool.
func (s *State) view(id string) (*Pool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()

	p, found := s.pools[id]
	if !found {
		return nil, fmt.Errorf("%w: %q", errNoPool, id)
	}

	return p, nil
}

// all returns the pools in the order of their IDs. Nobody may change them.
func (s *State) all() []*Pool {
	s.mu.RLock()
	defer s.mu.RUnlock()

	pools := make([]*Pool, 0, len(s.pools))
	for _, id := range slices.Sorted(maps.Keys(s.pools)) {
		pools = append(pools, s.pools[id])
	}

	return pools
}

// client returns the pool that has a client, and the client. Nobody may change them.
func (s *State) client(id string) (*Pool, Client, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()

	for _, p := range s.pools {
		if c, found := p.Clients[id]; found {
			return p, c, true
		}
	}

	return nil, Client{}, false
}

// change gives edit a copy of a pool, and keeps the copy unless edit fails: on disk before anybody sees
// it. Errors: errNoPool, errClientTaken, errPoolBytes, edit's.
func (s *State) change(id string, edit func(*Pool) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()

	before, err := s.view(id)
	if err != nil {
		return err
	}

	after := before.clone()
	if err := edit(after); err != nil {
		return err
	}
	if err := s.clientsFree(after); err != nil {
		return err
	}

	var deleted []string
	for client := range before.Clients {
		if _, stays := after.Clients[client]; !stays {
			deleted = append(deleted, client)
		}
	}
	if len(deleted) > 0 {
		if err := s.keepFormer(before.Account, deleted...); err != nil {
			return err
		}
	}

	return s.keep(after)
}

// create adds a pool. Errors: errPoolTaken, errPools, errClientTaken, errPoolBytes.
func (s *State) create(p *Pool) error {
	s.changing.Lock()
	defer s.changing.Unlock()

	pools := s.all()
	if len(pools) >= maxPools {
		return errPools
	}

	for _, other := range pools {
		if strings.EqualFold(other.ID, p.ID) { // some file systems do not tell such names apart
			return fmt.Errorf("%w: %q", errPoolTaken, p.ID)
		}
	}
	if s.isOthers(formerPool(p.ID), p.Account) {
		return fmt.Errorf("%w: %q was another account's", errPoolTaken, p.ID)
	}
	if err := s.clientsFree(p); err != nil {
		return err
	}

	if s.folder != "" {
		if err := wholefile.MakeFolder(s.folder); err != nil {
			return err
		}
	}

	return s.keep(p)
}

// clientsFree fails if another pool has one of p's clients, or another account had it: sign-in calls name the
// client alone.
func (s *State) clientsFree(p *Pool) error {
	for id := range p.Clients {
		if other, _, found := s.client(id); found && other.ID != p.ID {
			return fmt.Errorf("%w: %q", errClientTaken, id)
		}
		if s.isOthers(id, p.Account) {
			return fmt.Errorf("%w: %q was another account's", errClientTaken, id)
		}
	}

	return nil
}

// keep writes a pool, and then makes it visible. What it writes can be read again. A pool that is full may get
// smaller, and sign-ins in it may end, for which it grows by little. Error: errPoolBytes.
func (s *State) keep(p *Pool) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	grows := len(text) > p.bytes
	if grows && (len(text) > maxFile || len(text) > maxPoolBytes && !p.ends) {
		return errPoolBytes
	}
	p.bytes, p.ends = len(text), false

	if s.folder != "" {
		if err := wholefile.ReplaceText(s.path(p.ID), text); err != nil {
			return err
		}
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	s.pools[p.ID] = p
	s.changes.Add(1)

	return nil
}

// remove removes a pool unless allow, which sees the pool as it is, fails. Errors: errNoPool, allow's.
func (s *State) remove(id string, allow func(*Pool) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()

	p, err := s.view(id)
	if err != nil {
		return err
	}
	if err := allow(p); err != nil {
		return err
	}

	ids := append(slices.Sorted(maps.Keys(p.Clients)), formerPool(id))
	if err := s.keepFormer(p.Account, ids...); err != nil {
		return err
	}
	if s.folder != "" {
		if err := wholefile.Remove(s.path(id)); err != nil {
			return err
		}
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	delete(s.pools, id)
	s.changes.Add(1)

	return nil
}

// path returns the file of a pool. The form of an ID is checked before it gets here.
func (s *State) path(id string) string { return filepath.Join(s.folder, id+".json") }
