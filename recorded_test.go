package poolhouse_test

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
	text := must(os.ReadFile(filepath.Join("testdata", "recorded.yaml")))(t)
	var rows []recordedAnswer
	if err := yaml.UnmarshalWithOptions(text, &rows, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	var offset atomic.Int64 // of the server's clock
	s := start(t, func(c *poolhouse.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	})
	offset.Store(int64(-3 * time.Hour))
	expired := s.token(t, "alice")
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
			if got.status != row.Status {
				t.Errorf("status %d, want %d: %s", got.status, row.Status, got.body)
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

// isRecorded compares a member with what the file says of it.
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
	if err := json.Unmarshal([]byte(world.Replace(string(must(json.Marshal(value))(t)))), out); err != nil {
		t.Fatal(err)
	}
}

// recorded sends the request of a row.
func recorded(t *testing.T, s *testServer, row recordedAnswer, world *strings.Replacer) answer {
	t.Helper()
	service, action, isQuery := strings.Cut(row.Call, ":")
	if !isQuery {
		request := map[string]any{}
		fill(t, world, row.Request, &request)
		return s.raw(t, row.Call, string(must(json.Marshal(request))(t)), row.Signed)
	}

	versions := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}
	members := map[string]string{}
	fill(t, world, row.Request, &members)
	values := form(action, "Version", versions[service])
	for name, value := range members {
		values.Set(name, value)
	}
	body := values.Encode()
	request := must(http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(body)))(t)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sign(t, request, body, service)
	return do(t, request)
}

// membersOf returns the members of a JSON answer, or the elements of an XML one by name.
func membersOf(t *testing.T, a answer) map[string]any {
	t.Helper()
	members := map[string]any{}
	if !strings.HasPrefix(a.body, "<") {
		if err := json.Unmarshal([]byte(a.body), &members); a.body != "" && err != nil {
			t.Fatalf("%v in %s", err, a.body)
		}
		return members
	}

	var open []string
	for decoder := xml.NewDecoder(strings.NewReader(a.body)); ; {
		token, err := decoder.Token()
		if err == io.EOF {
			return members
		}
		if err != nil {
			t.Fatalf("%v in %s", err, a.body)
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
func recordedWorld(t *testing.T, s *testServer, expired string) *strings.Replacer {
	t.Helper()
	const corp = "arn:aws:iam::" + poolhouse.DevAccount + ":saml-provider/corp"
	info := devInfo(s)
	pool := s.newPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{corp} })
	bare := func(name string, change func(*ci.CreateIdentityPoolInput)) string {
		in := &ci.CreateIdentityPoolInput{IdentityPoolName: &name}
		change(in)
		return *must(s.admin().CreateIdentityPool(t.Context(), in))(t).IdentityPoolId
	}

	closed := bare("closed", func(*ci.CreateIdentityPoolInput) {})
	noClassic := bare("no classic flow", func(in *ci.CreateIdentityPoolInput) {
		in.AllowUnauthenticatedIdentities, in.AllowClassicFlow = true, aws.Bool(false)
	})
	otherProviders := bare("other providers", func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = map[string]string{"graph.facebook.com": "7"}
	})

	alice := s.logins(t, "alice")
	mapped := s.newPool(t)
	mappedGuest, mappedUser := s.getID(t, mapped, nil), s.getID(t, mapped, alice)
	must(s.admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &mapped,
		Roles:          map[string]string{"unauthenticated": guestRole},
		RoleMappings: map[string]types.RoleMapping{info.OIDCProviderARN: {
			Type:                    types.RoleMappingTypeToken,
			AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny,
		}},
	}))(t)

	developer := func(user string) *ci.GetOpenIdTokenForDeveloperIdentityOutput {
		return must(s.admin().GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: &pool,
			Logins:         map[string]string{"login.my.app": user},
		}))(t)
	}
	merged, own := developer("source"), developer("destination")
	must(s.admin().MergeDeveloperIdentities(t.Context(), &ci.MergeDeveloperIdentitiesInput{
		IdentityPoolId:            &pool,
		DeveloperProviderName:     aws.String("login.my.app"),
		SourceUserIdentifier:      aws.String("source"),
		DestinationUserIdentifier: aws.String("destination"),
	}))(t)

	token := s.token(t, "alice")
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
		"$NOCLASSICGUEST", s.getID(t, noClassic, nil),
		"$MAPPEDGUEST", mappedGuest,
		"$MAPPEDUSER", mappedUser,
		"$MERGED", *merged.IdentityId,
		"$OWN", *own.Token,
		"$GUEST", s.getID(t, pool, nil),
		"$USER", s.getID(t, pool, alice),
		"$ALICE", token,
		"$BOB", s.token(t, "bob"),
		"$EXPIRED", expired,
		"$OTHERCLIENT", s.token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Audience = "other" }),
		"$FORGED", token[:middle]+changed+token[middle+1:],
	)
}
