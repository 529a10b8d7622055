package devseed_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

// rig is a development server with its seeder.
type rig struct {
	*testing.T
	server *poolhousetest.Server
	seeder *devseed.Seeder
	folder string // of seeds

	mu     sync.Mutex
	traces []poolhouse.Trace // of refused calls
}

// start starts a server, at another address each time.
func start(t *testing.T, options ...func(*poolhouse.Config)) *rig {
	t.Helper()
	r := &rig{T: t, folder: t.TempDir()}
	r.server = poolhousetest.Start(t, append(options, func(c *poolhouse.Config) {
		c.OnTrace = func(trace poolhouse.Trace) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.traces = append(r.traces, trace)
		}
	})...)

	r.seeder = r.server.DevSeeder()

	return r
}

// write writes a seed, and returns its path.
func (r *rig) write(name, text string) string {
	r.Helper()
	path := filepath.Join(r.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
	return path
}

// apply reads and applies seeds.
func (r *rig) apply(paths ...string) (printed string, err error) {
	r.Helper()
	files, err := devseed.Read(paths, apply.ReadOptions{Region: poolhouse.DevRegion, UserPools: true})
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = r.seeder.Apply(r.Context(), files, &out)

	return out.String(), err
}

// applied is apply of what must succeed.
func (r *rig) applied(paths ...string) string {
	r.Helper()
	printed, err := r.apply(paths...)
	if err != nil {
		r.Fatal(err)
	}
	return printed
}

// call calls an operation of the identity pools.
func (r *rig) call(operation string, in map[string]any, out any) {
	r.Helper()
	err := r.seeder.Client.JSON(r.Context(), "cognito-identity", "AWSCognitoIdentityService", operation, in, out)
	if err != nil {
		r.Fatal(err)
	}
}

// pools returns the names of the pools by their IDs.
func (r *rig) pools() map[string]poolhouse.DevPool {
	r.Helper()
	pools, err := r.server.DevPools(r.Context(), 100)
	if err != nil {
		r.Fatal(err)
	}
	all := map[string]poolhouse.DevPool{}
	for _, p := range pools {
		all[p.ID] = p
	}

	return all
}

// logins are those of a user at the built-in issuer.
func (r *rig) logins(user string) map[string]any {
	r.Helper()
	body, err := json.Marshal(map[string]string{"user": user})
	if err != nil {
		r.Fatal(err)
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost,
		r.server.URL+poolhouse.DevTokenPath, bytes.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")

	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer answer.Body.Close()

	var out poolhouse.DevTokenResponse
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || out.Token == "" {
		r.Fatalf("no token for %s: %s %v", user, answer.Status, err)
	}

	return map[string]any{r.seeder.LoginKey: out.Token}
}

// identity is the one that a pool gives to a user of the built-in issuer; "" = a guest.
func (r *rig) identity(pool, user string) string {
	r.Helper()
	in := map[string]any{"IdentityPoolId": pool}
	if user != "" {
		in["Logins"] = r.logins(user)
	}
	var out struct{ IdentityId string }
	r.call("GetId", in, &out)

	return out.IdentityId
}

// level is the claim level of a user.
func (r *rig) level(user string) string {
	r.Helper()
	u, err := r.seeder.Users.Get(user)
	if err != nil {
		r.Fatal(err)
	}
	return fmt.Sprint(u.Claims["level"])
}

// refused checks that an error has all the texts.
func (r *rig) refused(err error, texts ...string) {
	r.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			r.Errorf("the error %v lacks %q", err, text)
		}
	}
}
