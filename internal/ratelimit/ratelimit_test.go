package ratelimit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/overload"
)

var (
	guestRate  = Rate{PerSecond: 10, Burst: 50}
	loginRate  = Rate{PerSecond: 2, Burst: 5}
	errRefused = &awsapi.Error{Code: "NotAuthorizedException", Message: "no"}
)

// world is an API with limits. Its operation MakeGuest makes a guest unless another
// check refuses it. Its input decides how Login ends.
type world struct {
	*Addresses
	accounts *Accounts
	handler  http.Handler
	log      *syncBuffer

	mu       sync.Mutex
	now      time.Time
	observed map[string]int
	guests   atomic.Int64 // made
	proofs   atomic.Int64 // credentials that were looked at
	expired  string       // a credential that is not accepted any more
}

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.Buffer.Write(p)
}

type guestInput struct{ Barred bool }

type loginInput struct{ Token string }

func newWorld(t testing.TB, behindProxy bool, rates map[string]Rate) *world {
	t.Helper()
	w := &world{log: &syncBuffer{}, now: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), observed: map[string]int{}}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	reporter := NewReporter(logger, func(limit, operation string) {
		w.mu.Lock()
		defer w.mu.Unlock()

		w.observed[limit+" "+operation]++
	})
	w.Addresses = NewAddresses(AddressOptions{
		Guests:        guestRate,
		RefusedLogins: loginRate,
		BehindProxy:   behindProxy,
		Now:           w.clock,
		Reporter:      reporter,
		Logger:        logger,
	})

	apis := []awsapi.API{{Name: "api", Target: "API", Operations: []awsapi.Operation{
		awsapi.Public("MakeGuest", overload.Reads, w.makeGuest),
		awsapi.Public("Login", overload.Reads, w.login),
	}}}
	w.accounts = NewAccounts(rates, apis, w.clock, reporter)
	handler, err := awsapi.New(awsapi.Options{APIs: apis, BehindProxy: behindProxy, Limiter: w.accounts})
	if err != nil {
		t.Fatal(err)
	}
	w.handler = handler

	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()

	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()

	w.now = w.now.Add(d)
}

func (w *world) makeGuest(ctx context.Context, in *guestInput) (*awsapi.NoOutput, error) {
	if err := w.MayMakeGuest(ctx); err != nil {
		return nil, err
	}
	if err := awsapi.Count(ctx, "000000000000"); err != nil {
		return nil, err
	}
	if in.Barred {
		return nil, errRefused
	}
	if err := w.MakeGuest(ctx); err != nil {
		return nil, err
	}
	w.guests.Add(1)

	return nil, nil
}

func (w *world) login(ctx context.Context, in *loginInput) (*awsapi.NoOutput, error) {
	logins := map[string]string{"provider": in.Token}
	if err := w.MayLogin(ctx, logins); err != nil {
		return nil, err
	}

	w.proofs.Add(1)
	err := map[string]error{
		"bad":  errRefused,
		"down": &awsapi.Error{Code: "ExternalServiceException", Cause: &login.Unavailable{}},
		"own":  errors.New("a fault of ours"),
	}[in.Token]
	if in.Token == w.expired {
		err = errRefused
	}
	w.Checked(ctx, in.Token, err)

	return nil, err
}

// call returns the answer's status and its Retry-After.
func (w *world) call(from, operation, body string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "API."+operation)
	if w.BehindProxy {
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-Forwarded-For", from)
	} else {
		r.RemoteAddr = from
	}

	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)

	return answer.Code, answer.Header().Get("Retry-After")
}

func (w *world) want(t *testing.T, from, operation, body string, status int) {
	t.Helper()
	if got, _ := w.call(from, operation, body); got != status {
		t.Fatalf("%s %s from %s = %d, want %d", operation, body, from, got, status)
	}
}

func (w *world) wantTimes(t *testing.T, n int, from, operation, body string, status int) {
	t.Helper()

	for range n {
		w.want(t, from, operation, body, status)
	}
}

const (
	token = `{"Token":"good"}`
	bad   = `{"Token":"bad"}`
	other = `{"Token":"another good one"}`

	client   = "192.0.2.1"
	neighbor = "192.0.2.2"
)

func TestGuestsOfAnAddress(t *testing.T) {
	w := newWorld(t, true, nil)

	w.wantTimes(t, 500, client, "MakeGuest", `{"Barred":true}`, 400) // takes no token
	w.wantTimes(t, guestRate.Burst, client, "MakeGuest", `{}`, 200)
	status, after := w.call(client, "MakeGuest", `{}`)
	if status != 429 || after != "1" {
		t.Errorf("answer = %d, Retry-After %q", status, after)
	}
	w.want(t, neighbor, "MakeGuest", `{}`, 200)

	w.pass(time.Second)
	w.wantTimes(t, int(guestRate.PerSecond), client, "MakeGuest", `{}`, 200)
	w.want(t, client, "MakeGuest", `{}`, 429)
	if n := w.guests.Load(); n != int64(guestRate.Burst)+10+1 {
		t.Errorf("%d guests were made", n)
	}
	w.pass(time.Hour) // no more than the burst is saved up
	w.wantTimes(t, guestRate.Burst, client, "MakeGuest", `{}`, 200)
	w.want(t, client, "MakeGuest", `{}`, 429)
	w.pass(-time.Hour) // nothing is gained, and nothing breaks

	w.want(t, client, "MakeGuest", `{}`, 429)
}

// A call that the address's limit refuses does not use up what the account may call,
// and the other way round.
func TestRefusalByOneLimitTakesNoTokenOfTheOther(t *testing.T) {
	w := newWorld(t, true, map[string]Rate{"api:MakeGuest": {PerSecond: 1, Burst: 80}})

	w.wantTimes(t, 50, client, "MakeGuest", `{}`, 200)
	w.wantTimes(t, 500, client, "MakeGuest", `{}`, 429)
	w.wantTimes(t, 30, neighbor, "MakeGuest", `{}`, 200)
	w.wantTimes(t, 500, neighbor, "MakeGuest", `{}`, 429) // by the account's
	w.pass(30 * time.Second)
	w.wantTimes(t, 30, neighbor, "MakeGuest", `{}`, 200)
}

func TestWhatCountsAsOneClient(t *testing.T) {
	for _, test := range []struct{ address, want string }{
		{"192.0.2.1", "192.0.2.1/32"},
		{"::ffff:192.0.2.1", "192.0.2.1/32"},
		{"64:ff9b::c000:201", "192.0.2.1/32"},
		{"64:ff9b:1::c000:201", "64:ff9b:1::/64"},
		{"2001:db8:0:1::", "2001:db8:0:1::/64"},
		{"2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"},
		{"2001:db8:0:2::", "2001:db8:0:2::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"", "invalid Prefix"},
	} {
		ip, _ := netip.ParseAddr(test.address)
		if got := Source(ip).String(); got != test.want {
			t.Errorf("Source(%s) = %s, want %s", test.address, got, test.want)
		}
	}

	w := newWorld(t, true, nil)
	for i := range guestRate.Burst {
		w.want(t, fmt.Sprintf("2001:db8:0:1:%x::%x", i, i), "MakeGuest", `{}`, 200)
	}
	w.want(t, "[2001:db8:0:1:ffff::]:443", "MakeGuest", `{}`, 429)
	w.want(t, "2001:db8:0:2::", "MakeGuest", `{}`, 200)
	w.want(t, "2001:db8:0:0:ffff:ffff:ffff:ffff", "MakeGuest", `{}`, 200)
}

// Peers whose address stands for many are not limited; with behind_proxy the proxy
// says who it is.
func TestWhoIsLimited(t *testing.T) {
	for _, test := range []struct {
		peer    string
		limited bool
		log     string
	}{
		{"192.0.2.1:1", true, ""},
		{"[2001:db8::1]:1", true, ""},
		{"172.32.0.1:1", true, ""},
		{"100.128.0.1:1", true, ""},
		{"127.0.0.1:1", false, ""},
		{"127.9.9.9:1", false, ""},
		{"[::1]:1", false, ""},
		{"[::ffff:127.0.0.1]:1", false, ""},
		{"10.1.2.3:1", false, "private networks"},
		{"172.16.0.1:1", false, "private networks"},
		{"192.168.0.1:1", false, "private networks"},
		{"[::ffff:10.0.0.1]:1", false, "private networks"},
		{"[64:ff9b::a00:1]:1", false, "private networks"},
		{"100.64.0.1:1", false, "private networks"},
		{"169.254.1.1:1", false, "private networks"},
		{"[fe80::1%eth0]:1", false, "private networks"},
		{"[fd00::1]:1", false, "private networks"},
		{"@", false, "no IP address"},
		{"/run/socket", false, "no IP address"},
		{"", false, "no IP address"},
	} {
		t.Run(test.peer, func(t *testing.T) {
			w := newWorld(t, false, nil)
			refused := 0
			for range guestRate.Burst + 20 {
				if status, _ := w.call(test.peer, "MakeGuest", `{}`); status == 429 {
					refused++
				}
			}
			if (refused == 20) != test.limited || !test.limited && refused > 0 {
				t.Errorf("%d of %d were refused", refused, guestRate.Burst+20)
			}

			lines := 0
			if test.log != "" {
				lines = 1
			}
			if n := strings.Count(w.log.String(), "address_limits do not count"); n != lines {
				t.Errorf("%d lines that nobody is counted: %s", n, w.log.String())
			}

			if !strings.Contains(w.log.String(), test.log) {
				t.Errorf("log = %s", w.log.String())
			}
		})
	}

	for _, forwarded := range []string{"", "unknown", "192.0.2.1, "} {
		w := newWorld(t, true, nil)
		w.wantTimes(t, guestRate.Burst+20, forwarded, "MakeGuest", `{}`, 200)
		if n := strings.Count(w.log.String(), "X-Forwarded-For"); n != 1 {
			t.Errorf("%q: %d lines: %s", forwarded, n, w.log.String())
		}
	}

	w := newWorld(t, true, nil)
	w.wantTimes(t, guestRate.Burst, "10.0.0.1", "MakeGuest", `{}`, 200)
	w.want(t, "10.0.0.1", "MakeGuest", `{}`, 429)
}

// Once the bucket is empty no login is looked at, but for those that were accepted
// lately: an office with one client that keeps sending an expired token works on.
func TestRefusedLogins(t *testing.T) {
	w := newWorld(t, true, nil)

	w.wantTimes(t, 100, client, "Login", token, 200)
	w.wantTimes(t, 100, client, "Login", `{"Token":"down"}`, 400)
	w.wantTimes(t, 100, client, "Login", `{"Token":"own"}`, 500)
	w.wantTimes(t, loginRate.Burst, client, "Login", bad, 400)
	before := w.proofs.Load()
	w.wantTimes(t, 100, client, "Login", bad, 429)
	w.want(t, client, "Login", other, 429)
	if n := w.proofs.Load(); n != before {
		t.Errorf("%d logins were looked at with an empty bucket", n-before)
	}
	w.wantTimes(t, 100, client, "Login", token, 200)
	w.want(t, neighbor, "Login", other, 200)
	w.want(t, client, "MakeGuest", `{}`, 200) // other things go on

	w.pass(time.Second)
	w.wantTimes(t, 100, client, "Login", other, 200) // takes no token
	w.wantTimes(t, int(loginRate.PerSecond), client, "Login", bad, 400)
	w.want(t, client, "Login", bad, 429)
	if status, after := w.call(client, "Login", bad); status != 429 || after != "1" {
		t.Errorf("answer = %d, Retry-After %q", status, after)
	}
}

// A credential that was accepted lately goes on only until it is refused: then its
// client is slowed down as others are, and leaves the bucket to them.
func TestRefusalEndsTheExemption(t *testing.T) {
	w := newWorld(t, true, nil)
	w.want(t, client, "Login", token, 200)
	w.want(t, client, "Login", other, 200)
	w.wantTimes(t, loginRate.Burst, client, "Login", bad, 400)
	w.want(t, client, "Login", token, 200)

	w.expired = "good"
	w.want(t, client, "Login", token, 400) // looked at for the last time
	before := w.proofs.Load()
	w.wantTimes(t, 1500, client, "Login", token, 429)
	if n := w.proofs.Load() - before; n != 0 {
		t.Errorf("a token that was refused was looked at %d times", n)
	}

	w.want(t, client, "Login", other, 200) // still exempt
}

func TestGroupsOfOperations(t *testing.T) {
	for _, test := range []struct {
		name  string
		rates map[string]Rate
		// How many calls pass, of 20 calls of each operation in turn.
		guests, logins int
	}{
		{"none", nil, 20, 20},
		{"one operation", map[string]Rate{"api:Login": {PerSecond: 1, Burst: 3}}, 20, 3},
		{"all share a bucket", map[string]Rate{"api:*": {PerSecond: 1, Burst: 10}}, 5, 5},
		{"public ones too", map[string]Rate{"api:public": {PerSecond: 1, Burst: 10}, "api:*": {PerSecond: 1}}, 5, 5},
		{"the narrowest counts", map[string]Rate{"api:*": {PerSecond: 1, Burst: 4}, "api:Login": {PerSecond: 7}}, 4, 7},
		{"off", map[string]Rate{"api:*": {PerSecond: 1, Burst: 4}, "api:Login": {}}, 4, 20},
		{"signed ones only", map[string]Rate{"api:signed": {PerSecond: 1}}, 20, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, true, test.rates)
			got := map[string]int{}
			for range 20 {
				for _, operation := range []string{"MakeGuest", "Login"} {
					if w.accounts.Count(t.Context(), "000000000000", "api", operation) == nil {
						got[operation]++
					}
				}
			}

			if got["MakeGuest"] != test.guests || got["Login"] != test.logins {
				t.Errorf("passed: %v, want %d and %d", got, test.guests, test.logins)
			}
			if err := w.accounts.Count(t.Context(), "111111111111", "api", "Login"); err != nil {
				t.Errorf("another account: %v", err)
			}
		})
	}
}

// The log has one line a minute for each kind, and the metrics have each refusal.
func TestRefusalsAreSummarised(t *testing.T) {
	w := newWorld(t, true, map[string]Rate{"api:Login": {PerSecond: 0.001, Burst: 10}})
	lines := func() string {
		w.log.mu.Lock()
		defer w.log.mu.Unlock()

		text := w.log.String()
		w.log.Reset()

		var list []string
		for line := range strings.Lines(text) {
			_, what, _ := strings.Cut(line, "limit=")
			list = append(list, strings.TrimSpace(what))
		}

		return strings.Join(list, "; ")
	}

	flood := func() { w.wantTimes(t, 100, client, "MakeGuest", `{}`, 429) }
	w.wantTimes(t, guestRate.Burst, client, "MakeGuest", `{}`, 200)

	for _, step := range []struct {
		do   func()
		want string
	}{
		{do: flood},
		{do: flood},
		{do: w.Reporter.flush, want: "guests calls=200"},
		{do: w.Reporter.flush},
		{do: flood},
		{do: w.Reporter.flush, want: "guests calls=100"},
		{do: func() {
			for range 30 {
				_ = w.accounts.Count(t.Context(), "000000000000", "api", "Login")
			}
		}},
		{do: w.Reporter.flush, want: "account calls=20"},
	} {
		step.do()
		if got := lines(); got != step.want {
			t.Errorf("log = %q, want %q", got, step.want)
		}
	}

	got, _ := json.Marshal(w.observed)
	if want := `{"account Login":20,"guests MakeGuest":300}`; string(got) != want {
		t.Errorf("observed %s, want %s", got, want)
	}
}

// Callers at the same time get exactly the burst.
func TestExactlyTheBurst(t *testing.T) {
	w := newWorld(t, true, map[string]Rate{"api:Login": {PerSecond: 0.001, Burst: 40}})
	var counted atomic.Int64
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for range 50 {
				w.call(client, "MakeGuest", `{}`)
				if w.accounts.Count(context.Background(), "000000000000", "api", "Login") == nil {
					counted.Add(1)
				}
			}
		})
	}
	group.Wait()

	if guests := w.guests.Load(); guests != int64(guestRate.Burst) || counted.Load() != 40 {
		t.Errorf("%d guests and %d calls passed", guests, counted.Load())
	}
}

// A million addresses leave no more than the table holds, and a client whose bucket
// is empty gains nothing by using as many as the table forgets in one generation.
func TestBoundedMemory(t *testing.T) {
	w := newWorld(t, true, nil)
	w.wantTimes(t, guestRate.Burst, client, "MakeGuest", `{}`, 200)

	now := w.clock()
	for i := range 1_000_000 {
		address := netip.AddrFrom4([4]byte{1, byte(i >> 16), byte(i >> 8), byte(i)})
		w.Addresses.guests.getOrAdd(now, Source(address), guestRate.bucket)
		if i%100 == 0 { // it goes on trying, as a client does that wants its tokens
			w.want(t, client, "MakeGuest", `{}`, 429)
		}
	}

	if n := w.Addresses.guests.size(); n > maxBuckets {
		t.Errorf("%d buckets are kept, %d at most", n, maxBuckets)
	}

	// Without trying it is forgotten, after half a table of others and no sooner.
	forgotten := newTable[int, int](maxBuckets, time.Hour)
	forgotten.getOrAdd(now, -1, func() int { return 7 })

	for i := range maxBuckets / 4 {
		forgotten.getOrAdd(now, i, func() int { return 0 })
	}
	if v, ok := forgotten.get(now, -1); !ok || v != 7 {
		t.Error("a bucket was forgotten too soon")
	}
}

// What was not used while its bucket filled is forgotten: memory follows the load.
func TestIdleBucketsGo(t *testing.T) {
	table := newTable[int, int](maxBuckets, time.Minute)
	now := time.Unix(0, 0)
	for i := range 10_000 {
		table.getOrAdd(now, i, func() int { return i })
	}

	for range 2 {
		now = now.Add(time.Minute)
		for i := range shards * 20 { // some for each shard
			table.getOrAdd(now, -1-i-int(now.Unix())*10_000, func() int { return 0 })
		}
	}

	if n := table.size(); n > 3*shards*20 {
		t.Errorf("%d values are kept", n)
	}
}

func TestNilAddressesLimitNothing(t *testing.T) {
	var none *Addresses
	err := errors.Join(none.MayMakeGuest(t.Context()), none.MakeGuest(t.Context()), none.MayLogin(t.Context(), nil))
	if err != nil {
		t.Error(err)
	}
	none.Checked(t.Context(), "", nil)
}

func BenchmarkMayLogin(b *testing.B) {
	w := newWorld(b, true, nil)
	logins := map[string]string{"provider": strings.Repeat("x", 1000)}
	loop := awsapi.Public("Loop", overload.Reads, func(ctx context.Context, _ *struct{}) (*awsapi.NoOutput, error) {
		for b.Loop() {
			_ = w.MayLogin(ctx, logins)
			w.Checked(ctx, logins["provider"], nil)
		}
		return nil, nil
	})
	apis := []awsapi.API{{Name: "api", Target: "API", Operations: []awsapi.Operation{loop}}}
	handler, err := awsapi.New(awsapi.Options{BehindProxy: true, APIs: apis})
	if err != nil {
		b.Fatal(err)
	}

	w.handler = handler
	b.ReportAllocs()
	w.call(client, "Loop", `{}`)
}
