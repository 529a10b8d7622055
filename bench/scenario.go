package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// yardstick names the work that an operation is compared with.
type yardstick string

const (
	netHTTP   yardstick = "net/http"
	cryptoRSA yardstick = "crypto/rsa"
	oneIssuer yardstick = "one issuer" // the same operation of a server with one issuer
)

// scenario is one operation under test.
type scenario struct {
	name      string
	operation string
	member    string // what a right answer contains
	floor     float64
	against   yardstick
	signed    bool
	few       int // connections, for an operation that many would wait too long for; 0 = the usual number
	inputs    func(*subjects) []map[string]any
}

// signatureConnections keep all cores busy with RSA signatures, while a request
// waits less than the 20 ms (max_wait) after which a server refuses.
var signatureConnections = 6 * runtime.NumCPU()

func (s *scenario) connections() int {
	if s.few > 0 {
		return min(s.few, connections)
	}
	return connections
}

// Places in scenarios.
const (
	newGuest = iota
	knownLogin
	guestToken
	guestCredentials
	userCredentials
	signedDescription
)

// scenarios are the operations that the floors are about. DescribeIdentityPool
// has none.
var scenarios = []scenario{
	newGuest: {
		name:      "GetId, new guest (durable)",
		operation: "GetId",
		member:    `{"IdentityId":"us-east-1:`,
		floor:     0.3,
		against:   netHTTP,
		inputs:    func(s *subjects) []map[string]any { return []map[string]any{{"IdentityPoolId": s.pool}} },
	},
	knownLogin: {
		name:      "GetId, known login",
		operation: "GetId",
		member:    `{"IdentityId":"us-east-1:`,
		floor:     0.35,
		against:   netHTTP,
		inputs: func(s *subjects) []map[string]any {
			return s.each(len(s.tokens), func(n int) map[string]any {
				return map[string]any{"IdentityPoolId": s.pool, "Logins": s.login(n)}
			})
		},
	},
	guestToken: {
		name:      "GetOpenIdToken, guest",
		operation: "GetOpenIdToken",
		member:    `"Token":"ey`,
		floor:     0.9,
		against:   cryptoRSA,
		few:       signatureConnections,
		inputs: func(s *subjects) []map[string]any {
			return s.each(len(s.guests),
				func(n int) map[string]any { return map[string]any{"IdentityId": s.guests[n]} })
		},
	},
	guestCredentials: {
		name:      "GetCredentialsForIdentity, guest",
		operation: "GetCredentialsForIdentity",
		member:    `"SessionToken":"`,
		floor:     0.6,
		against:   netHTTP,
		inputs: func(s *subjects) []map[string]any {
			return s.each(len(s.guests),
				func(n int) map[string]any { return map[string]any{"IdentityId": s.guests[n]} })
		},
	},
	userCredentials: {
		name:      "GetCredentialsForIdentity, authenticated",
		operation: "GetCredentialsForIdentity",
		member:    `"SessionToken":"`,
		floor:     0.35,
		against:   netHTTP,
		inputs: func(s *subjects) []map[string]any {
			return s.each(len(s.users), func(n int) map[string]any {
				return map[string]any{"IdentityId": s.users[n], "Logins": s.login(n)}
			})
		},
	},
	signedDescription: {
		name:      "DescribeIdentityPool, signed",
		operation: "DescribeIdentityPool",
		member:    `"IdentityPoolName":"pool `,
		against:   netHTTP,
		signed:    true,
		inputs: func(s *subjects) []map[string]any {
			return s.each(len(s.described), func(n int) map[string]any {
				return map[string]any{"IdentityPoolId": s.described[n]}
			})
		},
	},
}

// subjects are the users, guests and pools of the requests.
type subjects struct {
	*deployment
	loginKey string
	tokens   []string                    // of users 0 to n-1
	users    []string                    // identity IDs of the same users
	guests   []string                    // identity IDs
	logins   map[string][]map[string]any // by scenario: inputs of GetCredentialsForIdentity
}

func (s *subjects) login(n int) map[string]string { return map[string]string{s.loginKey: s.tokens[n]} }

func (s *subjects) each(n int, input func(int) map[string]any) []map[string]any {
	list := make([]map[string]any, n)
	for i := range list {
		list[i] = input(i)
	}
	return list
}

// preparedUsers is the number of users, and of guests, that the requests of the main table
// take turns with.
const preparedUsers = 1000

// newSubjects signs users in and makes guests through the API.
func (b *bench) newSubjects(ctx context.Context, d *deployment, url string) (*subjects, error) {
	s := &subjects{deployment: d, loginKey: b.issuer.loginKey()}
	var err error
	if s.tokens, err = b.issuer.tokens(preparedUsers); err != nil {
		return nil, err
	}

	users := make([]map[string]any, preparedUsers)
	guests := make([]map[string]any, preparedUsers)
	for n := range preparedUsers {
		users[n] = map[string]any{"IdentityPoolId": d.pool, "Logins": s.login(n)}
		guests[n] = map[string]any{"IdentityPoolId": d.pool}
	}
	if s.users, err = identityIDs(ctx, url, users); err != nil {
		return nil, err
	}
	s.guests, err = identityIDs(ctx, url, guests)

	return s, err
}

// identityIDs calls GetId with each input and returns the answers in order.
func identityIDs(ctx context.Context, url string, inputs []map[string]any) ([]string, error) {
	ids := make([]string, len(inputs))

	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, len(inputs))
	for range connections {
		group.Go(func() {
			for at := next.Add(1) - 1; at < int64(len(inputs)); at = next.Add(1) - 1 {
				answer, err := call(ctx, url, "GetId", inputs[at])
				if err == nil {
					var out struct{ IdentityId string }
					err = json.Unmarshal(answer, &out)
					ids[at] = out.IdentityId
				}
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)

	return ids, <-failed
}

// errRefused is a 429.
var errRefused = errors.New("the server has too much to do")

// call sends one public request. It comes again for a while if it is refused:
// what prepares a measurement may have the server wait, as any client does.
func call(ctx context.Context, url, operation string, input map[string]any) ([]byte, error) {
	t, err := target(url, operation, input)
	if err != nil {
		return nil, err
	}

	const attempts = 50
	for n := 1; ; n++ {
		answer, err := send(ctx, t)
		if !errors.Is(err, errRefused) || n == attempts {
			return answer, err
		}
		if err := pause(ctx, time.Duration(n)*10*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func send(ctx context.Context, t vegeta.Target) ([]byte, error) {
	r, err := t.Request()
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()

	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s: %s: %s", t.Header.Get("X-Amz-Target"), answer.Status, body.String())
		if answer.StatusCode == http.StatusTooManyRequests {
			err = errors.Join(errRefused, err)
		}
		return nil, err
	}

	return body.Bytes(), nil
}

func target(url, operation string, input map[string]any) (vegeta.Target, error) {
	body, err := json.Marshal(input)
	return vegeta.Target{Method: http.MethodPost, URL: url, Body: body, Header: http.Header{
		"Content-Type": {"application/x-amz-json-1.1"},
		"X-Amz-Target": {"AWSCognitoIdentityService." + operation},
		// An SDK's user agent, in its usual length.
		"User-Agent": {"aws-sdk-go-v2/1.41.9 ua/2.1 os/linux lang/go#1.26.8 md/GOOS#linux md/GOARCH#amd64 " +
			"api/cognitoidentity#1.34.0"},
	}}, err
}

// targets are the requests of a scenario. Signed ones are good for signatureLife.
func (s *scenario) targets(ctx context.Context, url string, about *subjects) ([]vegeta.Target, error) {
	list, err := plainTargets(url, s.operation, s.inputs(about))
	if err != nil || !s.signed {
		return list, err
	}

	for n := range list {
		if err := sign(ctx, &list[n], about.keyID, about.secret); err != nil {
			return nil, err
		}
	}

	return list, nil
}

// plainTargets are unsigned requests.
func plainTargets(url, operation string, inputs []map[string]any) ([]vegeta.Target, error) {
	list := make([]vegeta.Target, len(inputs))
	for n, input := range inputs {
		var err error
		if list[n], err = target(url, operation, input); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// signatureLife is the time for which a signed request is used. Servers accept 15 minutes.
const signatureLife = 10 * time.Minute

func sign(ctx context.Context, t *vegeta.Target, keyID, secret string) error {
	return signFor(ctx, t, "cognito-identity", keyID, secret)
}

// signFor signs a request to a service.
func signFor(ctx context.Context, t *vegeta.Target, service, keyID, secret string) error {
	r, err := t.Request()
	if err != nil {
		return err
	}
	err = v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret},
		r, sha256Hex(t.Body), service, region, time.Now())
	t.Header = r.Header
	return err
}

func sha256Hex(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// bareTargets are the same requests, sent to the bare server.
func bareTargets(list []vegeta.Target, url string, number int) []vegeta.Target {
	other := make([]vegeta.Target, len(list))
	for n, t := range list {
		t.URL = url + "/" + strconv.Itoa(number)
		other[n] = t
	}
	return other
}
