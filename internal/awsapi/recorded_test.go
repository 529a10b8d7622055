package awsapi_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/goccy/go-yaml"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// recordedAnswer is a row of testdata/recorded.yaml.
type recordedAnswer struct {
	Name    string         `yaml:"name"`
	Source  string         `yaml:"source"`
	Call    string         `yaml:"call"`
	Signed  bool           `yaml:"signed"`
	Request map[string]any `yaml:"request"`
	Status  int            `yaml:"status"`
	Answer  map[string]any `yaml:"answer"`
	Lacks   []string       `yaml:"lacks"`
}

// What AWS is known to answer is answered here, member by member.
func TestRecordedAnswers(t *testing.T) {
	text := wiretest.Must(os.ReadFile(filepath.Join("testdata", "recorded.yaml")))(t)
	var rows []recordedAnswer
	if err := yaml.UnmarshalWithOptions(text, &rows, yaml.Strict()); err != nil {
		t.Fatal(err)
	}

	var offset atomic.Int64 // of the server's clock
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	})
	offset.Store(int64(-3 * time.Hour))
	expired := s.Token(t, "alice")
	offset.Store(0)
	world := recordedWorld(t, s, expired)

	names := map[string]bool{}
	for _, row := range rows {
		if row.Name == "" || names[row.Name] || row.Source == "" || row.Call == "" || row.Status == 0 {
			t.Fatalf("%q needs a name of its own, a source, a call and a status", row.Name)
		}
		names[row.Name] = true

		t.Run(row.Name, func(t *testing.T) {
			got := recorded(t, s, row, world)
			if got.Status != row.Status {
				t.Errorf("status %d, want %d: %s", got.Status, row.Status, got.Body)
			}
			have := membersOf(t, got)
			var want map[string]any
			fill(t, world, row.Answer, &want)

			for name, value := range want {
				if member, is := have[name]; !is || !isRecorded(member, value) {
					t.Errorf("%s = %v, want %v", name, member, value)
				}
			}

			for _, name := range row.Lacks {
				if member, is := have[name]; is {
					t.Errorf("%s = %v, want none", name, member)
				}
			}
		})
	}
}

// isRecorded compares a member with its row of the file.
func isRecorded(have, want any) bool {
	text, isText := want.(string)
	if pattern, is := strings.CutPrefix(text, "~"); isText && is {
		member, _ := have.(string)
		return regexp.MustCompile(pattern).MatchString(member)
	}
	return reflect.DeepEqual(have, want)
}

// fill writes value to out as JSON has it, with the world's names filled in.
func fill(t *testing.T, world *strings.Replacer, value, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(world.Replace(string(wiretest.Must(json.Marshal(value))(t)))), out); err != nil {
		t.Fatal(err)
	}
}

// recorded sends the request of a row.
func recorded(t *testing.T, s *wiretest.Server, row recordedAnswer, world *strings.Replacer) wiretest.Answer {
	t.Helper()
	service, action, isQuery := strings.Cut(row.Call, ":")
	if !isQuery {
		request := map[string]any{}
		fill(t, world, row.Request, &request)
		return s.Raw(t, row.Call, string(wiretest.Must(json.Marshal(request))(t)), row.Signed)
	}

	versions := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}
	members := map[string]string{}
	fill(t, world, row.Request, &members)

	values := wiretest.Form(action, "Version", versions[service])
	for name, value := range members {
		values.Set(name, value)
	}
	body := values.Encode()
	request := wiretest.Must(
		http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(body)),
	)(t)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	wiretest.Sign(t, request, body, service)

	return wiretest.Do(t, request)
}

// membersOf returns the members of a JSON answer, or the elements of an XML one by name.
func membersOf(t *testing.T, a wiretest.Answer) map[string]any {
	t.Helper()
	members := map[string]any{}
	if !strings.HasPrefix(a.Body, "<") {
		if err := json.Unmarshal([]byte(a.Body), &members); a.Body != "" && err != nil {
			t.Fatalf("%v in %s", err, a.Body)
		}
		return members
	}

	var open []string
	for decoder := xml.NewDecoder(strings.NewReader(a.Body)); ; {
		token, err := decoder.Token()
		if err == io.EOF {
			return members
		}
		if err != nil {
			t.Fatalf("%v in %s", err, a.Body)
		}

		switch v := token.(type) {
		case xml.StartElement:
			open = append(open, v.Name.Local)
			members[v.Name.Local] = ""
		case xml.CharData:
			if name := open[len(open)-1]; strings.TrimSpace(string(v)) != "" {
				members[name] = string(v)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
}

// recordedWorld makes the pools, identities and tokens that the rows name.
func recordedWorld(t *testing.T, s *wiretest.Server, expired string) *strings.Replacer {
	t.Helper()
	const corp = "arn:aws:iam::" + poolhouse.DevAccount + ":saml-provider/corp"
	info := wiretest.DevInfo(s)
	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{corp} })
	bare := func(name string, change func(*ci.CreateIdentityPoolInput)) string {
		in := &ci.CreateIdentityPoolInput{IdentityPoolName: &name}
		change(in)
		return *wiretest.Must(s.Admin().CreateIdentityPool(t.Context(), in))(t).IdentityPoolId
	}

	closed := bare("closed", func(*ci.CreateIdentityPoolInput) {})
	noClassic := bare("no classic flow", func(in *ci.CreateIdentityPoolInput) {
		in.AllowUnauthenticatedIdentities, in.AllowClassicFlow = true, aws.Bool(false)
	})
	otherProviders := bare("other providers", func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = map[string]string{"graph.facebook.com": "7"}
	})

	alice := s.Logins(t, "alice")
	mapped := s.NewPool(t)
	mappedGuest, mappedUser := s.GetID(t, mapped, nil), s.GetID(t, mapped, alice)
	wiretest.Must(s.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &mapped,
		Roles:          map[string]string{"unauthenticated": wiretest.GuestRole},
		RoleMappings: map[string]types.RoleMapping{info.OIDCProviderARN: {
			Type:                    types.RoleMappingTypeToken,
			AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny,
		}},
	}))(t)

	developer := func(user string) *ci.GetOpenIdTokenForDeveloperIdentityOutput {
		return wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{
				IdentityPoolId: &pool,
				Logins:         map[string]string{"login.my.app": user},
			}))(t)
	}

	merged, own := developer("source"), developer("destination")
	wiretest.Must(s.Admin().MergeDeveloperIdentities(t.Context(), &ci.MergeDeveloperIdentitiesInput{
		IdentityPoolId:            &pool,
		DeveloperProviderName:     aws.String("login.my.app"),
		SourceUserIdentifier:      aws.String("source"),
		DestinationUserIdentifier: aws.String("destination"),
	}))(t)

	token := s.Token(t, "alice")
	middle := strings.LastIndexByte(token, '.') + 10
	changed := "A"
	if token[middle] == 'A' {
		changed = "B"
	}

	return strings.NewReplacer(
		"$ACCOUNT", poolhouse.DevAccount,
		"$ISSUER", info.LoginKey,
		"$POOL", pool,
		"$CLOSED", closed,
		"$OTHERPROVIDERS", otherProviders,
		"$NOCLASSICGUEST", s.GetID(t, noClassic, nil),
		"$MAPPEDGUEST", mappedGuest,
		"$MAPPEDUSER", mappedUser,
		"$MERGED", *merged.IdentityId,
		"$OWN", *own.Token,
		"$GUEST", s.GetID(t, pool, nil),
		"$USER", s.GetID(t, pool, alice),
		"$ALICE", token,
		"$BOB", s.Token(t, "bob"),
		"$EXPIRED", expired,
		"$OTHERCLIENT", s.Token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Audience = "other" }),
		"$FORGED", token[:middle]+changed+token[middle+1:],
	)
}
