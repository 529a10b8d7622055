package store

import (
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// storedPool is a pool as the database has it. Its JSON is the text in pools.settings:
// the settings of a pool that are never searched by. The tags of identitypool.Pool
// name its members; they are a stored format, which may be added to but not changed.
// Unknown members are refused: an update would lose them.
type storedPool struct {
	identitypool.Pool

	// SealedLoginProviders has the secret values of SupportedLoginProviders, sealed;
	// see sealing.go.
	SealedLoginProviders map[string][]byte `json:"sealedLoginProviders,omitempty"`
}

// encodePool refuses (ErrInvalid) text that is not UTF-8, and settings that
// are too large. JSON escapes NUL, so any database engine keeps it.
func encodePool(p storedPool) (string, error) {
	text, err := json.Marshal(p, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("%w: pool settings: %w", ErrInvalid, err)
	}
	if len(text) > maxSettings {
		return "", fmt.Errorf("%w: pool settings are longer than %d bytes", ErrInvalid, maxSettings)
	}
	return string(text), nil
}

// decode sets the members of p that text has, and leaves the others.
func (p *storedPool) decode(text string) error {
	if err := json.Unmarshal([]byte(text), p, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("settings of pool %s: %w", p.ID, err)
	}
	return nil
}

// clonePool copies p and all it refers to. Empty maps and lists become nil, as a read
// shows them.
func clonePool(p identitypool.Pool) identitypool.Pool {
	copyDeep(reflect.ValueOf(&p).Elem())
	return p
}

// copyDeep replaces everything that v refers to by copies.
func copyDeep(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for n := range v.NumField() {
			if f := v.Field(n); f.CanSet() { // skips the private fields of a time
				copyDeep(f)
			}
		}

	case reflect.Pointer:
		if v.IsNil() {
			return
		}

		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		copyDeep(c.Elem())
		v.Set(c)

	case reflect.Slice:
		if v.Len() == 0 {
			v.SetZero()
			return
		}

		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)

		for n := range c.Len() {
			copyDeep(c.Index(n))
		}
		v.Set(c)

	case reflect.Map:
		if v.Len() == 0 {
			v.SetZero()
			return
		}

		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for key, value := range v.Seq2() {
			one := reflect.New(value.Type()).Elem()
			one.Set(value)
			copyDeep(one)
			c.SetMapIndex(key, one)
		}
		v.Set(c)
	}
}

func convert[A, B any](in []A, f func(A) B) []B {
	if len(in) == 0 {
		return nil
	}

	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}

	return out
}
