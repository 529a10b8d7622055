package devuser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"sync"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// File is the name of the file in the data folder that has the users.
const File = "dev-users.json"

// maxFile is in bytes: more than MaxUsers of the largest users need, as write writes them.
const maxFile = 32 << 20

// Store keeps users in a file, or in memory. It is safe for concurrent use by one process.
//
// cache: development users
type Store struct {
	path string // "" = memory

	changing sync.Mutex // held for a whole change, with its onEnd
	onEnd    func(ended []User) error

	mu    sync.Mutex // held while users is read or replaced
	users map[string]User
}

// document is the content of the file.
type document struct {
	Users []User `json:"users"`
}

// Open reads the users of a file; a file that does not exist has none. With path "" it keeps users
// in memory. Error: ErrDamaged.
func Open(path string) (*Store, error) {
	s := &Store{path: path, users: map[string]User{}}
	if path == "" {
		return s, nil
	}

	text, err := wholefile.Read(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if refused, ok := errors.AsType[*wholefile.RefusedError](err); ok {
		return nil, fmt.Errorf("%s: %w: %s", path, ErrDamaged, refused.Reason)
	}
	if err != nil {
		return nil, err
	}

	var d document
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // a claim keeps all its digits
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}

	for _, u := range d.Users {
		if err := u.check(); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
		}
		s.users[u.Name] = u
	}
	if len(s.users) > MaxUsers {
		return nil, fmt.Errorf("%s: %w: more than %d users", path, ErrDamaged, MaxUsers)
	}

	return s, nil
}

// List returns all users, in the order of their names.
func (s *Store) List() []User {
	s.mu.Lock()
	defer s.mu.Unlock()

	var all []User
	for _, name := range names(s.users) {
		all = append(all, s.users[name].clone())
	}

	return all
}

// Get returns a user. Error: ErrNotFound.
func (s *Store) Get(name string) (User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	u, found := s.users[name]
	if !found {
		return User{}, fmt.Errorf("%w: %q", ErrNotFound, name)
	}

	return u.clone(), nil
}

// OnEnd sets what is done after users were deleted, or got another subject: it gets them as they were.
// The next change waits until it returns, so that a user who is made again is not taken for the former
// one. It may read the store, but not change it. If it fails, the users have gone all the same, and the
// change returns its error.
func (s *Store) OnEnd(do func(ended []User) error) {
	s.changing.Lock()
	defer s.changing.Unlock()

	s.onEnd = do
}

// Put adds users, or replaces those with their names: all of them or none. Error: ErrInvalid.
func (s *Store) Put(users ...User) error {
	for _, u := range users {
		if err := u.check(); err != nil {
			return err
		}
	}

	return s.change(func(all map[string]User) error {
		for _, u := range users {
			all[u.Name] = u.clone()
		}
		if len(all) > MaxUsers {
			return fmt.Errorf("%w: there would be more than %d users", ErrInvalid, MaxUsers)
		}
		return nil
	})
}

// Add adds a user. Errors: ErrInvalid, and ErrExists if there is a user of that name.
func (s *Store) Add(u User) error {
	if err := u.check(); err != nil {
		return err
	}

	return s.change(func(all map[string]User) error {
		if _, taken := all[u.Name]; taken {
			return fmt.Errorf("%w: %q", ErrExists, u.Name)
		}
		if len(all) >= MaxUsers {
			return fmt.Errorf("%w: there would be more than %d users", ErrInvalid, MaxUsers)
		}
		all[u.Name] = u.clone()

		return nil
	})
}

// Delete removes a user. Error: ErrNotFound.
func (s *Store) Delete(name string) error {
	return s.change(func(all map[string]User) error {
		if _, found := all[name]; !found {
			return fmt.Errorf("%w: %q", ErrNotFound, name)
		}
		delete(all, name)

		return nil
	})
}

// change changes the users in the file, and then in memory. Then it tells of those who have gone.
func (s *Store) change(edit func(map[string]User) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()

	s.mu.Lock()
	before := s.users
	s.mu.Unlock()

	all := maps.Clone(before)
	if err := edit(all); err != nil {
		return err
	}
	if s.path != "" {
		if err := write(s.path, all); err != nil {
			return err
		}
	}

	s.mu.Lock()
	s.users = all
	s.mu.Unlock()

	if gone := ended(before, all); len(gone) > 0 && s.onEnd != nil {
		return s.onEnd(gone)
	}

	return nil
}

// ended returns the users of before whom after does not have with the same subject.
func ended(before, after map[string]User) (gone []User) {
	for _, name := range names(before) {
		now, still := after[name]
		if !still || now.Subject != before[name].Subject {
			gone = append(gone, before[name].clone())
		}
	}

	return gone
}

// write writes the file whole or not at all: one line for each user, without indentation, by which claims
// could grow beyond any bound.
func write(path string, users map[string]User) error {
	var text bytes.Buffer
	text.WriteString(`{"users": [`)

	for n, name := range names(users) {
		one, err := json.Marshal(users[name])
		if err != nil {
			return err
		}
		if n > 0 {
			text.WriteByte(',')
		}
		text.WriteByte('\n')
		text.Write(one)
	}
	text.WriteString("\n]}\n")

	return wholefile.ReplaceWithin(path, text.Bytes(), maxFile)
}
