package credentialagent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
)

// renewed are the credentials that a Renewer of these tests gets.
var renewed = clilogin.Credentials{AccessKeyID: "ASIA2"}

// newRenewer returns one whose renewal takes a time, with the number of renewals and of failures told.
func newRenewer(takes time.Duration, kept, failure error) (r *Renewer, renewals, told *int) {
	renewals, told = new(int), new(int)
	return &Renewer{
		Kept: func(context.Context) (clilogin.Credentials, bool, error) { return good, false, kept },
		Renew: func(ctx context.Context) (clilogin.Credentials, error) {
			*renewals++
			select {
			case <-time.After(takes):
				return renewed, failure
			case <-ctx.Done():
				return clilogin.Credentials{}, ctx.Err()
			}
		},
		Now:    time.Now,
		After:  time.After,
		Failed: func(error) { *told++ },
	}, renewals, told
}

func TestRenewer(t *testing.T) {
	expired := &clilogin.ExpiredError{Profile: "a"}
	failure := errors.New("refused")
	for name, test := range map[string]struct {
		takes         time.Duration
		kept, failure error
		want          clilogin.Credentials
		wait          time.Duration
	}{
		"at once":                 {patience / 2, nil, nil, renewed, patience / 2},
		"it hangs":                {time.Minute, nil, nil, good, patience},
		"it hangs, none are good": {time.Minute, expired, nil, renewed, time.Minute},
		"it fails":                {patience / 2, nil, failure, clilogin.Credentials{}, patience / 2},
		"it fails late":           {time.Minute, nil, failure, good, patience},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, renewals, told := newRenewer(test.takes, test.kept, test.failure)
				began := time.Now()
				got, err := r.Source(t.Context())
				if test.failure != nil && err != nil {
					got = clilogin.Credentials{}
				}
				if got != test.want || time.Since(began) != test.wait ||
					(err == nil) != (test.want.AccessKeyID != "") {
					t.Errorf("%s after %v, %v", got.AccessKeyID, time.Since(began), err)
				}

				// The next do not wait again for the same renewal.
				began = time.Now()
				if test.want == good {
					if got, err := r.Source(t.Context()); got != good || err != nil || time.Since(began) != 0 {
						t.Errorf("again: %s after %v, %v", got.AccessKeyID, time.Since(began), err)
					}
				}
				<-time.After(2 * time.Minute)
				synctest.Wait()

				if *renewals != 1 || (*told == 1) != (test.failure != nil) {
					t.Errorf("%d renewals, %d failures told", *renewals, *told)
				}
			})
		})
	}
}

// An issuer in trouble gets no request for each call of a program that has good credentials. Without them,
// each call tries again.
func TestRenewerSparesTheIssuer(t *testing.T) {
	for name, test := range map[string]struct {
		kept, failure error
		got           clilogin.Credentials
		want          int // renewals of ten calls
	}{
		"it fails":                 {failure: errors.New("refused"), want: 1},
		"it gives the same":        {got: clilogin.Credentials{AccessKeyID: "ASIA1"}, want: 1},
		"it fails, none are good":  {kept: &clilogin.ExpiredError{}, failure: errors.New("refused"), want: 10},
		"negative: it gives fresh": {got: clilogin.Credentials{Expires: time.Unix(1<<40, 0)}, want: 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _, _ := newRenewer(0, test.kept, nil)
				renewals := 0
				r.Renew = func(context.Context) (clilogin.Credentials, error) {
					renewals++
					return test.got, test.failure
				}

				for range 10 {
					_, _ = r.Source(t.Context())
					synctest.Wait()
				}
				if renewals != test.want {
					t.Errorf("%d renewals, want %d", renewals, test.want)
				}

				<-time.After(retryWait)
				_, _ = r.Source(t.Context())
				if renewals != test.want+1 {
					t.Errorf("later: %d renewals, want %d", renewals, test.want+1)
				}
			})
		})
	}
}

// Credentials that are fresh are not renewed.
func TestRenewerFresh(t *testing.T) {
	r, renewals, _ := newRenewer(0, nil, nil)
	r.Kept = func(context.Context) (clilogin.Credentials, bool, error) { return good, true, nil }
	if got, err := r.Source(t.Context()); got != good || err != nil || *renewals != 0 {
		t.Errorf("%s, %v, %d renewals", got.AccessKeyID, err, *renewals)
	}
}

// A caller that goes away ends neither the renewal nor the wait of others. At the end, one that hangs is
// stopped, and one that does not stop is left.
func TestRenewerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, renewals, told := newRenewer(time.Minute, &clilogin.ExpiredError{}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		if _, err := r.Source(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller went away: %v", err)
		}
		if got, err := r.Source(t.Context()); got != renewed || err != nil || *renewals != 1 {
			t.Errorf("the other: %s, %v, %d renewals", got.AccessKeyID, err, *renewals)
		}

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		r.Stop(t.Context()) // none runs
		_, _ = r.Source(ended)
		began := time.Now()
		r.Stop(t.Context())
		if time.Since(began) != 0 || *told != 0 {
			t.Errorf("stopped after %v; told %d times", time.Since(began), *told)
		}

		release := make(chan struct{})
		r.Renew = func(context.Context) (clilogin.Credentials, error) { <-release; return renewed, nil }
		_, _ = r.Source(ended)
		r.Stop(ended)
		close(release)
	})
}
