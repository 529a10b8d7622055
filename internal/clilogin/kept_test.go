package clilogin

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// Kept credentials come without a request and without the lock, for as long as they are good.
func TestKept(t *testing.T) {
	r := newRig(t)
	if _, _, err := r.Kept(t.Context(), "photos"); err == nil {
		t.Error("there are credentials without a profile")
	}
	r.login()
	want := r.credentials()

	release, err := r.lock(t.Context(), "photos", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer release()

	r.requests.before = func(name string, _ *http.Request) { t.Errorf("%s was asked", name) }

	life := want.Expires.Sub(want.Issued)
	for _, step := range []struct {
		age         time.Duration
		good, fresh bool
	}{
		{0, true, true},
		{life/3*2 + time.Second, true, false},
		{life - leastLeft - time.Second, true, false},
		{life - leastLeft, false, false},
		{life + time.Hour, false, false},
	} {
		r.clock.Set(want.Issued.Add(step.age))
		got, fresh, err := r.Kept(t.Context(), "photos")
		_, expired := errors.AsType[*ExpiredError](err)
		if (got == want) != step.good || expired == step.good || fresh != step.fresh {
			t.Errorf("after %v: fresh %t, %v", step.age, fresh, err)
		}
	}

	if err := r.removeSignIn("photos"); err != nil {
		t.Fatal(err)
	}
	_, _, err = r.Kept(t.Context(), "photos")
	if _, signIn := errors.AsType[*SignInError](err); !signIn {
		t.Errorf("signed out: %v", err)
	}
}
