package awsapi

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/overload"
)

var update = flag.Bool("update", false, "write the golden files of testdata/wire")

// testNow is the server's time: a whole second, so that Date is exact.
var testNow = time.Date(2026, 11, 24, 10, 20, 30, 0, time.UTC)

const testRequestID = "00000000-0000-4000-8000-000000000001"

// testGate knows the access key "good"; other keys fail in the way of their name.
type testGate struct{}

var gateKinds = map[string]Kind{
	"incomplete": IncompleteSignature, "unknown": UnknownKey, "bad": BadSignature, "late": RequestExpired,
	"token": InvalidToken, "expired": ExpiredToken,
}

func (testGate) Authenticate(r *http.Request, _ []byte, service string) (Caller, error) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if q := r.URL.Query().Get("X-Amz-Credential"); q != "" {
		key = q
	}

	switch kind, refused := gateKinds[key]; {
	case refused:
		return Caller{}, RefusedAs(kind, nil, "")
	case key == "broken":
		return Caller{}, errors.New("the key store is down: s3cr3t")
	case key != "good":
		return Caller{}, RefusedAs(UnknownKey, nil, "")
	}

	return Caller{
		Account:     "111122223333",
		ARN:         "arn:aws:iam::111122223333:user/" + key,
		AccessKeyID: key,
		Region:      "eu-central-1",
		Session:     service,
	}, nil
}

// onResource asks for the operation's own action on one resource.
func onResource[In any](arn func(caller Caller, in *In) string) Needs[In] {
	return func(_ context.Context, caller Caller, in *In) ([]Access, error) {
		return []Access{{Resource: arn(caller, in)}}, nil
	}
}

func (testGate) Authorize(_ context.Context, c Caller, needed Access) error {
	if needed.Resource == "arn:denied" || len(needed.Conditions["deny"]) > 0 {
		return RefusedAs(AccessDenied, nil, "User: "+c.ARN+" is not authorized to perform: "+needed.Action+
			" on resource: "+needed.Resource)
	}
	return nil
}

type (
	putInput struct {
		ID    *string           `json:"Id,omitzero"`
		Count *int              `json:"Count,omitzero"`
		Tags  map[string]string `json:"Tags,omitzero"`
	}
	putOutput struct {
		ID      *string           `json:"Id,omitzero"`
		Caller  *string           `json:"Caller,omitzero"`
		Created *Timestamp        `json:"Created,omitzero"`
		Updated *Timestamp        `json:"Updated,omitzero"`
		Tags    map[string]string `json:"Tags,omitzero"`
		Names   []string          `json:"Names,omitzero"`
		Absent  *bool             `json:"Absent,omitzero"`
	}
	failInput struct {
		How *string `json:"How,omitzero"`
	}
	nothing struct{}
)

func (in *putInput) Validate() []Violation {
	var v Validator
	v.String("id", in.ID, &storeIDShape, true)
	v.Integer("count", in.Count, &Integer{Min: 1, Max: 60}, false)
	return v.Violations()
}

// failures are the ways in which the operation Fail fails.
var failures = map[string]func() error{
	"named": func() error {
		return Refused("StoreClosedException", nil, "Store '%s' is closed; it's late.", "ä\n\"1\"")
	},
	"throttle": func() error { return RefusedAs(Throttled, nil, "") },
	"many":     func() error { return Refused("TooManyRequestsException", nil, "Rate exceeded") },
	"status":   func() error { return &Error{Code: "IDPRejectedClaim", Status: 403, Message: "no"} },
	"internal": func() error { return errors.New("disk s3cr3t is full") },
	"declared": func() error { return Refused("InternalErrorException", nil, "Try again.") },
	"wrapped":  func() error { return errors.Join(Refused("InnerException", nil, "inner")) },
	"panic":    func() error { panic("s3cr3t") },
	"nil map": func() error {
		var m map[string]int
		m["s3cr3t"] = 1 //nolint:staticcheck // the panic is tested
		return nil
	},
}

var doorClosed = new(explain.Catalogue).Add(explain.Reason{
	Code:     "door",
	Check:    "door",
	Expected: "open",
	Got:      "closed",
	Fix:      "wait",
})

func fail(ctx context.Context, in *failInput) (*NoOutput, error) {
	explain.FromContext(ctx).Refuse(doorClosed.With())
	return nil, failures[*in.How]()
}

func testAPIs() []API {
	put := func(_ context.Context, c Caller, in *putInput) (*putOutput, error) {
		return &putOutput{
			ID: in.ID, Caller: new(c.AccessKeyID + " for " + c.Session.(string)), Created: At(testNow),
			Updated: At(testNow.Add(123 * time.Millisecond)), Tags: in.Tags, Names: []string{},
		}, nil
	}

	store := API{Name: "store", Target: "StoreService", Operations: []Operation{
		Public("LookUp", overload.Reads, func(_ context.Context, in *lookUpInput) (*lookUpOutput, error) {
			return &lookUpOutput{ID: in.StoreID}, nil
		}),
		Public("Fail", overload.Reads, fail),
		Signed("Put", "store:Put", put,
			onResource(func(_ Caller, in *putInput) string { return "arn:" + in.Tags["resource"] })),
		Signed("Remove", "store:Remove",
			func(context.Context, Caller, *nothing) (*NoOutput, error) { return nil, nil }, nil),
		Signed("Mark", "store:Mark",
			func(context.Context, Caller, *nothing) (*nothing, error) { return &nothing{}, nil },
			func(_ context.Context, _ Caller, _ *nothing) ([]Access, error) {
				return []Access{{}, {Action: "store:Move", Conditions: map[string][]string{"deny": {"yes"}}}}, nil
			}),
	}}
	type showOutput struct {
		Arn  string
		Keys []string `xml:"Keys>member"`
	}
	desk := API{
		Name:      "desk",
		Version:   "2011-06-15",
		Namespace: "https://desk.example/doc/2011-06-15/",
		Operations: []Operation{
			Public("Show", overload.Reads, func(_ context.Context, in *queryInput) (*showOutput, error) {
				return &showOutput{Arn: *in.RoleArn, Keys: in.Keys}, nil
			}),
			Public("Fail", overload.Reads, func(ctx context.Context, in *struct{ How *string }) (*NoOutput, error) {
				return fail(ctx, &failInput{How: in.How})
			}),
			Signed("Who", "desk:Who", func(_ context.Context, c Caller, _ *nothing) (*showOutput, error) {
				return &showOutput{Arn: c.ARN}, nil
			}, nil),
			Signed("Clear", "desk:Clear",
				func(context.Context, Caller, *nothing) (*NoOutput, error) { return nil, nil }, nil),
			Signed("Never", "desk:Never",
				func(context.Context, Caller, *nothing) (*NoOutput, error) { return nil, nil },
				onResource(func(Caller, *nothing) string { return "arn:denied" })),
		},
	}

	return []API{store, desk}
}

func newTestService(t testing.TB, change func(*Options)) *Service {
	t.Helper()
	o := Options{
		APIs: testAPIs(), Gate: testGate{}, Now: func() time.Time { return testNow },
		NewID: func() string { return testRequestID },
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}

	return s
}

// TestWire sends the requests of testdata/wire to a listening server and
// compares the answers byte for byte (line ends apart). A request's
// Content-Length is added here.
func TestWire(t *testing.T) {
	files, err := filepath.Glob("testdata/wire/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}

	server := httptest.NewServer(newTestService(t, nil))
	defer server.Close()

	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out txtar.Archive
			out.Comment = archive.Comment

			for _, f := range archive.Files {
				name, isRequest := strings.CutSuffix(f.Name, "request")
				if !isRequest {
					continue
				}
				out.Files = append(out.Files, f, txtar.File{
					Name: name + "response",
					Data: []byte(roundTrip(t, server.Listener.Addr().String(), string(f.Data)) + "\n"),
				})
			}

			got := string(txtar.Format(&out))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}

			if diff := cmp.Diff(got, string(txtar.Format(archive))); diff != "" {
				t.Errorf("got -, want +\n%s", diff)
			}
		})
	}
}

// roundTrip sends a request, written as its head, an empty line and its body,
// and returns everything the server sends back.
func roundTrip(t *testing.T, address, request string) string {
	t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	w := bufio.NewWriter(conn)
	_, _ = w.WriteString(strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n"))
	_, _ = w.WriteString("\r\nHost: any.example\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(body)) +
		"\r\n\r\n" + body)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}

	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}

	return strings.ReplaceAll(string(answer), "\r\n", "\n")
}
