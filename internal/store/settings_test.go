package store

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// setByStore are the fields of a pool that no caller sets.
var setByStore = []string{"OwnedSince", "Predecessor", "Created", "Updated", "Version"}

// fillValue gives v and all that it refers to values that are not zero and, as far as
// the type allows, differ.
func fillValue(t *testing.T, v reflect.Value, name string) {
	t.Helper()

	switch v.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem())) // to a zero, which is not nil
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))

		for n := range v.Len() {
			fillValue(t, v.Index(n), fmt.Sprint(name, n))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))

		for n := range 2 {
			value := reflect.New(v.Type().Elem()).Elem()
			fillValue(t, value, fmt.Sprint(name, n))
			v.SetMapIndex(reflect.ValueOf(fmt.Sprint("key", n)).Convert(v.Type().Key()), value)
		}
	case reflect.Struct:
		for n := range v.NumField() {
			fillValue(t, v.Field(n), name+"."+v.Type().Field(n).Name)
		}
	default:
		t.Fatalf("%s: this test cannot fill a %s; teach it", name, v.Type())
	}
}

// filledPool is a pool all of whose fields that callers set are set.
func filledPool(t *testing.T) identitypool.Pool {
	t.Helper()
	var p identitypool.Pool

	v := reflect.ValueOf(&p).Elem()
	for n := range v.NumField() {
		field := v.Type().Field(n)
		byStore := false
		for _, name := range setByStore {
			byStore = byStore || name == field.Name
		}
		if !byStore {
			fillValue(t, v.Field(n), field.Name)
		}
	}
	p.ID, p.Account, p.Region = newPoolID(), "123456789012", testRegion

	return p
}

// Each field of a pool comes back from each way that a pool takes: written and read,
// changed, dumped and loaded. A field that is added is tested without a change here.
func TestEveryFieldOfAPoolIsKept(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		o.Sealer = testSealer(t, 1)
		s := open(t, o)
		want := filledPool(t)
		noError(t, s.CreatePool(t.Context(), want, 0))

		check := func(way string, s *Store) {
			t.Helper()
			got, err := s.Pool(t.Context(), want.ID)
			noError(t, err)
			got.OwnedSince, got.Predecessor, got.Version = want.OwnedSince, want.Predecessor, want.Version
			got.Created, got.Updated = time.Time{}, time.Time{}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", way, diff)
			}
		}
		check("read", s)

		_, err := s.UpdatePool(t.Context(), want.ID, func(p *identitypool.Pool) error {
			p.Name = "changed"
			return nil
		})
		noError(t, err)
		want.Name = "changed"
		check("changed", s)

		var backup bytes.Buffer
		noError(t, s.Dump(t.Context(), &backup))
		loaded := open(t, Options{Sealer: o.Sealer})
		noError(t, loaded.Load(t.Context(), &backup))
		check("dumped and loaded", loaded)
	})
}

// A copy of a pool shares nothing with it.
func TestClonePoolSharesNothing(t *testing.T) {
	p := filledPool(t)
	c := clonePool(p)
	if diff := cmp.Diff(p, c); diff != "" {
		t.Fatalf("the copy differs (-want +got):\n%s", diff)
	}

	var shared func(a, b reflect.Value, name string)
	shared = func(a, b reflect.Value, name string) {
		switch a.Kind() {
		case reflect.Map, reflect.Slice, reflect.Pointer:
			if a.Pointer() == b.Pointer() {
				t.Errorf("%s is shared", name)
			}
		}

		switch a.Kind() {
		case reflect.Struct:
			for n := range a.NumField() {
				if !a.Type().Field(n).IsExported() {
					continue // the insides of a time
				}
				shared(a.Field(n), b.Field(n), name+"."+a.Type().Field(n).Name)
			}
		case reflect.Slice:
			for n := range a.Len() {
				shared(a.Index(n), b.Index(n), name)
			}
		case reflect.Map:
			for _, key := range a.MapKeys() {
				shared(a.MapIndex(key), b.MapIndex(key), name)
			}
		}
	}

	shared(reflect.ValueOf(p), reflect.ValueOf(c), "Pool")
}

// The members of the stored text are a format: they are named by tags, not by chance.
func TestFieldsOfAPoolAreTagged(t *testing.T) {
	var check func(typ reflect.Type)
	check = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Map, reflect.Slice, reflect.Pointer:
			check(typ.Elem())
		case reflect.Struct:
			for n := range typ.NumField() {
				field := typ.Field(n)
				tag, tagged := field.Tag.Lookup("json")
				if !tagged {
					t.Errorf("%s.%s has no JSON tag: name its member, or \"-\"", typ, field.Name)
				}
				if tag != "-" {
					check(field.Type)
				}
			}
		}
	}

	check(reflect.TypeFor[identitypool.Pool]())
}
