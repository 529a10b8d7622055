package devuserpool

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// formerFile has the IDs of deleted pools and clients. No pool has a file of this name: its ID begins with a
// region. dev reset deletes it with the pools, because it has a "_" like theirs.
const formerFile = "_former.json"

// Bounds of the IDs that are kept. An account that deletes much only forgets its own.
const (
	maxFormerOfAccount = 1_000
	maxFormer          = 10_000
	maxFormerFile      = 4 << 20 // bytes
)

// formerID is the ID of a deleted pool or client, which stays with its account: the logins of identity
// pools name pools and clients by their IDs alone.
type formerID struct {
	ID      string `json:"id"` // of a pool in lower case, because some file systems do not tell case apart
	Account string `json:"account"`
}

// readFormer reads the IDs of deleted pools and clients. Error: ErrDamaged.
func readFormer(folder string) ([]formerID, error) {
	path := filepath.Join(folder, formerFile)
	text, err := wholefile.Read(path, maxFormerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}

	var former []formerID
	if err := json.Unmarshal(text, &former); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}

	return former, nil
}

// isOthers reports whether an ID was another account's.
func (s *State) isOthers(id, account string) bool {
	return slices.ContainsFunc(s.former, func(f formerID) bool { return f.ID == id && f.Account != account })
}

// keepFormer keeps IDs of an account that are about to be deleted.
func (s *State) keepFormer(account string, ids ...string) error {
	former := slices.Clone(s.former)
	for _, id := range ids {
		one := formerID{ID: id, Account: account}
		if !slices.Contains(former, one) {
			former = append(former, one)
		}
	}

	own := 0
	for _, f := range former {
		if f.Account == account {
			own++
		}
	}
	former = slices.DeleteFunc(former, func(f formerID) bool { // the oldest come first
		if f.Account != account || own <= maxFormerOfAccount {
			return false
		}
		own--

		return true
	})
	if over := len(former) - maxFormer; over > 0 {
		former = slices.Delete(former, 0, over)
	}

	if s.folder != "" {
		text, err := json.Marshal(former)
		if err != nil {
			return err
		}
		if err := wholefile.ReplaceText(filepath.Join(s.folder, formerFile), text); err != nil {
			return err
		}
	}
	s.former = former

	return nil
}

// formerPool is the ID of a pool as formerID has it.
func formerPool(id string) string { return strings.ToLower(id) }
