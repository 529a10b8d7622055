package devuserpool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// testKey signs for the pools of all tests, because it is slow to make.
var testKey = sync.OnceValues(func() (Key, error) { return newKey(time.Unix(0, 0).UTC(), nil) })

// validPool returns a pool as an operation makes it, with a client and a user.
func validPool(t *testing.T) *Pool {
	t.Helper()
	settings, err := settingsOf(&CreateUserPoolRequest{PoolName: new("p")})
	if err != nil {
		t.Fatal(err)
	}
	key, err := testKey()
	if err != nil {
		t.Fatal(err)
	}

	return &Pool{
		ID: "us-east-1_Abc", Account: "111122223333", Region: "us-east-1", Settings: settings, Keys: []Key{key},
		Clients: map[string]Client{"c": {ID: "c", Settings: UserPoolClientType{ClientName: new("c")}}},
		Groups:  map[string]Group{},
		Users:   map[string]User{"alice": {Username: "alice", Sub: "s", Attributes: map[string]string{"email": "a"}}},
	}
}

// stored returns a state with a folder, and a pool in it.
func stored(t *testing.T) (*State, string, *Pool) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), Folder)
	state, err := OpenState(folder)
	if err != nil {
		t.Fatal(err)
	}
	p := validPool(t)
	if err := state.create(p); err != nil {
		t.Fatal(err)
	}

	return state, folder, p
}

// What was acknowledged is there after a restart, in a file that only its owner reads.
func TestStateIsKept(t *testing.T) {
	state, folder, _ := stored(t)
	if err := state.change("us-east-1_Abc", func(p *Pool) error {
		p.Groups["g"] = Group{Name: "g"}
		u := p.Users["alice"]
		u.Attributes["email"] = "b"
		p.put(u)
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	again, err := OpenState(folder)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := state.view("us-east-1_Abc")
	after, err := again.view("us-east-1_Abc")
	diff := cmp.Diff(after, before, cmp.AllowUnexported(Pool{}))
	if err != nil || diff != "" || after.Users["alice"].Attributes["email"] != "b" {
		t.Errorf("%v: %s", err, diff)
	}
	info, err := os.Stat(filepath.Join(folder, "us-east-1_Abc.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	if err := again.remove("us-east-1_Abc", func(*Pool) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if again, err = OpenState(folder); err != nil || len(again.all()) != 0 {
		t.Errorf("after removal: %v, %v", again.all(), err)
	}
}

// A change that fails, or cannot be written, changes nothing that anybody sees.
func TestFailedChange(t *testing.T) {
	state, folder, _ := stored(t)
	spoil := func(p *Pool) {
		u := p.Users["alice"]
		u.Attributes["email"] = "spoilt"
		p.put(u)
		p.Clients["d"] = Client{ID: "d"}
	}
	errNo := errors.New("no")
	if err := state.change("us-east-1_Abc", func(p *Pool) error { spoil(p); return errNo }); !errors.Is(err, errNo) {
		t.Errorf("the error is %v", err)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := state.change("us-east-1_Abc", func(p *Pool) error { spoil(p); return nil }); err == nil {
		t.Error("a change without a folder succeeded")
	}

	p, err := state.view("us-east-1_Abc")
	if err != nil || p.Users["alice"].Attributes["email"] != "a" || len(p.Clients) != 1 {
		t.Errorf("%v: %+v", err, p)
	}
}

func TestStateRefuses(t *testing.T) {
	state, _, p := stored(t)
	other := p.clone()
	other.ID = "us-east-1_ABC"
	if err := state.create(other); !errors.Is(err, errPoolTaken) {
		t.Errorf("the same name for file systems: %v", err)
	}
	other.ID = "us-east-1_Def"
	if err := state.create(other); !errors.Is(err, errClientTaken) {
		t.Errorf("a client of two pools: %v", err)
	}
	if err := state.change("us-east-1_No", nil); !errors.Is(err, errNoPool) {
		t.Errorf("no pool: %v", err)
	}

	memory, err := OpenState("")
	if err != nil {
		t.Fatal(err)
	}
	other.Clients = map[string]Client{}
	for i := range maxPools {
		one := other.clone()
		one.ID = fmt.Sprintf("us-east-1_%d", i)
		if err := memory.create(one); err != nil {
			t.Fatal(err)
		}
	}
	if err := memory.create(other); !errors.Is(err, errPools) {
		t.Errorf("one more: %v", err)
	}
}

// A damaged file is reported with its name; the server does not start with half of the pools, and does not
// fail later for want of a part that every pool has.
func TestDamagedFiles(t *testing.T) {
	damaged := map[string]string{"no JSON": "{", "list": `[]`}
	for name, damage := range map[string]func(*Pool){
		"another pool":       func(p *Pool) { p.ID = "us-east-1_Other" },
		"no account":         func(p *Pool) { p.Account = "" },
		"no settings":        func(p *Pool) { p.Settings = UserPoolType{} },
		"no name":            func(p *Pool) { p.Settings.Name = nil },
		"no protection":      func(p *Pool) { p.Settings.DeletionProtection = nil },
		"no policy":          func(p *Pool) { p.Settings.Policies.PasswordPolicy = nil },
		"no length":          func(p *Pool) { p.Settings.Policies.PasswordPolicy.MinimumLength = nil },
		"no days":            func(p *Pool) { p.Settings.Policies.PasswordPolicy.TemporaryPasswordValidityDays = nil },
		"nameless schema":    func(p *Pool) { p.Settings.SchemaAttributes[0].Name = nil },
		"typeless schema":    func(p *Pool) { p.Settings.SchemaAttributes[0].AttributeDataType = nil },
		"schema, mutable":    func(p *Pool) { p.Settings.SchemaAttributes[0].Mutable = nil },
		"schema, required":   func(p *Pool) { p.Settings.SchemaAttributes[0].Required = nil },
		"no key":             func(p *Pool) { p.Keys = nil },
		"unreadable key":     func(p *Pool) { p.Keys = []Key{{ID: "k", Private: []byte("x")}} },
		"nameless client":    func(p *Pool) { p.Clients["c"] = Client{ID: "c"} },
		"client's wrong ID":  func(p *Pool) { p.Clients["d"] = p.Clients["c"] },
		"group's wrong name": func(p *Pool) { p.Groups["g"] = Group{Name: "h"} },
		"nameless user":      func(p *Pool) { p.Users["a"] = User{Attributes: map[string]string{}} },
		"user's wrong name":  func(p *Pool) { p.Users["bob"] = p.Users["alice"] },
	} {
		p := validPool(t)
		damage(p)
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		damaged[name] = string(text)
	}

	text, err := json.Marshal(validPool(t))
	if err != nil {
		t.Fatal(err)
	}
	damaged["no attributes"] = strings.Replace(string(text), `"attributes":{"email":"a"}`, `"attributes":null`, 1)

	for name, text := range damaged {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "us-east-1_Abc.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := OpenState(folder)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "us-east-1_Abc.json") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// Files that are of no pool are left alone, and a pool may lack clients, groups and users.
func TestOtherFiles(t *testing.T) {
	folder := t.TempDir()
	p := validPool(t)
	p.Clients, p.Groups, p.Users = nil, nil, nil
	minimal, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	others := map[string]string{"us-east-1_Abc.json": string(minimal), ".poolhouse-new-1": "{", "notes.txt": "x"}
	for name, text := range others {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	state, err := OpenState(folder)
	if err != nil || len(state.all()) != 1 || state.all()[0].Users == nil {
		t.Errorf("%v, %v", state, err)
	}
}
