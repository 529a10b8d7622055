package clienttests

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/poolhouse-id/poolhouse/internal/devcontrol"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

const openAPI = "../docs/control-api/openapi.yaml"

// description is the OpenAPI description of the control API.
type description struct {
	document map[string]any
	compiler *jsonschema.Compiler
}

func readDescription(t *testing.T) description {
	t.Helper()
	text, err := os.ReadFile(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	converted, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(converted))
	if err != nil {
		t.Fatal(err)
	}

	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}

	return description{document: document.(map[string]any), compiler: compiler}
}

// at returns what is at a place of the document, and the place without references.
func (d description) at(place ...string) (any, []string) {
	var value any = d.document
	for n, name := range place {
		object, _ := value.(map[string]any)
		if value = object[name]; value == nil {
			return nil, nil
		}
		object, _ = value.(map[string]any)
		if reference, ok := object["$ref"].(string); ok {
			target := strings.Split(strings.TrimPrefix(reference, "#/"), "/")
			return d.at(append(target, place[n+1:]...)...)
		}
	}

	return value, place
}

// check validates a body against the schema at a place. It also reports members that the schema does not have.
func (d description) check(t *testing.T, body []byte, place ...string) error {
	t.Helper()
	_, place = d.at(place...)
	for n, name := range place {
		place[n] = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	schema, err := d.compiler.Compile("openapi.json#/" + strings.Join(place, "/"))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}

	return schema.Validate(value)
}

// undocumented returns the members of a value that the schema at a place does not name.
func (d description) undocumented(value any, place ...string) []string {
	found, place := d.at(place...)
	schema, _ := found.(map[string]any)

	switch value := value.(type) {
	case []any:
		var all []string
		for _, one := range value {
			all = append(all, d.undocumented(one, append(slices.Clone(place), "items")...)...)
		}

		return all
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		if properties == nil {
			return nil // any members
		}

		var all []string
		for name, one := range value {
			if properties[name] == nil {
				all = append(all, strings.Join(append(slices.Clone(place), name), "/"))
				continue
			}
			all = append(all, d.undocumented(one, append(slices.Clone(place), "properties", name)...)...)
		}
		return all
	default:
		return nil
	}
}

// operations returns "METHOD /path" of each operation.
func (d description) operations() (all []string) {
	for path, item := range d.document["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				all = append(all, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(all)

	return all
}

// The description has exactly the operations that the server has.
func TestControlAPIDescribesAllRoutes(t *testing.T) {
	server := poolhousetest.Start(t).DevRoutes()
	slices.Sort(server)
	if described := readDescription(t).operations(); !slices.Equal(described, server) {
		t.Errorf("%s has\n%q\nand the server\n%q", openAPI, described, server)
	}
}

// controlExchange is a request with its answer's status.
type controlExchange struct {
	operation string // "METHOD /path" as in the description
	path      string // with its query; "" = that of the operation
	body      string
	header    string // "Name: value"; "" = a JSON body
	status    int
}

// do sends a request and holds it and its answer to the description. A request that the server takes must be as
// described, and a body that is refused with status 400 must not be.
func (d description) do(t *testing.T, url string, e controlExchange) map[string]any {
	t.Helper()
	method, path, _ := strings.Cut(e.operation, " ")
	if e.path == "" {
		e.path = path
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url+e.path, strings.NewReader(e.body))
	if err != nil {
		t.Fatal(err)
	}
	if e.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if name, value, given := strings.Cut(e.header, ": "); given {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != e.status {
		t.Fatalf("%s %s %s = %d %s", method, e.path, e.body, answer.StatusCode, body)
	}

	here := []string{"paths", path, strings.ToLower(method)}
	inRequest := append(slices.Clone(here), "requestBody", "content", request.Header.Get("Content-Type"), "schema")
	if schema, _ := d.at(inRequest...); schema != nil && strings.Contains(inRequest[5], "json") && e.body != "" {
		fault := d.check(t, []byte(e.body), inRequest...)
		if e.status == http.StatusOK && fault != nil {
			t.Errorf("the server takes %s %s, and the description does not: %v", e.operation, e.body, fault)
		}
		if e.status == http.StatusBadRequest && fault == nil && !slices.Contains(beyondSchemas, e.body) {
			t.Errorf("the server refuses %s %s, and the description does not: %s", e.operation, e.body, body)
		}
	}

	inAnswer := append(here, "responses", strconv.Itoa(e.status), "content", "application/json", "schema")
	if schema, _ := d.at(inAnswer...); schema == nil {
		t.Fatalf("%s does not describe status %d", e.operation, e.status)
	}
	if err := d.check(t, body, inAnswer...); err != nil {
		t.Errorf("%s answers %s: %v", e.operation, body, err)
	}
	var value map[string]any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatal(err)
	}
	if unknown := d.undocumented(value, inAnswer...); len(unknown) > 0 {
		t.Errorf("%s answers members that are not described: %q", e.operation, unknown)
	}

	return value
}

// beyondSchemas are bodies that the server refuses for reasons that a schema cannot tell.
var beyondSchemas = []string{
	`{"user":"nobody"}`, `{"operation":"GetIdd","error":"X"}`, `{"operation":"GetId","error":"NoSuchEntity"}`,
	`{"now":"1999-01-01T00:00:00Z"}`, `{"sub":"a","claims":{"iss":"x"}}`, `{"database":"reads","error":"disk_full"}`,
	`{"provider":"*","answer":"down","status":500}`, `{"operation":"GetId","delay_ms":1,"message":"m"}`,
	`{"operation":"GetId","service":"nope","delay_ms":1}`, `{"Resources":1}`,
}

// controlExchanges are those of the test: each operation with each of its members, and what it refuses.
var controlExchanges = []controlExchange{
	{operation: "GET /_poolhouse/dev/info", status: 200},
	{operation: "GET /_poolhouse/dev/info", header: "Origin: https://evil.example", status: 403},
	{operation: "GET /_poolhouse/dev/pools", status: 200},
	{operation: "GET /_poolhouse/dev/codes", status: 200},
	{operation: "PUT /_poolhouse/dev/users/{name}", path: "/_poolhouse/dev/users/dora", body: `{}`, status: 200},
	{operation: "PUT /_poolhouse/dev/users/{name}", path: "/_poolhouse/dev/users/dora",
		body: `{"sub":"d","claims":{"email":"d@example.com","groups":["a"]}}`, status: 200},
	{operation: "PUT /_poolhouse/dev/users/{name}", path: "/_poolhouse/dev/users/x", body: `{"claims":1}`, status: 400},
	{operation: "GET /_poolhouse/dev/users", status: 200},
	{operation: "POST /_poolhouse/dev/token", body: `{"user":"dora"}`, status: 200},
	{operation: "POST /_poolhouse/dev/token", status: 200,
		body: `{"sub":"a","aud":"b","expires_in":-5,"claims":{"c":[1]}}`},
	{operation: "POST /_poolhouse/dev/token", body: `{"user":"dora","sub":"a"}`, status: 400},
	{operation: "POST /_poolhouse/dev/token", body: `{}`, status: 400},
	{operation: "POST /_poolhouse/dev/token", body: `{"sub":"a","expires_in":86401}`, status: 400},
	{operation: "POST /_poolhouse/dev/token", body: `{"sub":"a","other":1}`, status: 400},
	{operation: "POST /_poolhouse/dev/token", body: `{"user":"nobody"}`, status: 400},
	{operation: "POST /_poolhouse/dev/token", body: `{"sub":"a"}`, header: "Content-Type: text/plain", status: 415},
	{operation: "POST /_poolhouse/dev/saml-response", body: `{"user":"dora"}`, status: 200},
	{operation: "POST /_poolhouse/dev/saml-response", status: 200,
		body: `{"name_id":"bob","attributes":{"a":["b","c"]},"audience":"urn:x","expires_in":60}`},
	{operation: "POST /_poolhouse/dev/saml-response", body: `{"attributes":{"a":["b"]}}`, status: 400},
	{operation: "POST /_poolhouse/dev/saml-response", body: `{"name_id":"bob","attributes":{"a":[]}}`, status: 400},
	{operation: "POST /_poolhouse/dev/saml-response", body: `{"name_id":"bob","user":"dora"}`, status: 400},
	{operation: "DELETE /_poolhouse/dev/users/{name}", path: "/_poolhouse/dev/users/dora", status: 200},
	{operation: "DELETE /_poolhouse/dev/users/{name}", path: "/_poolhouse/dev/users/dora", status: 404},
	{operation: "POST /_poolhouse/dev/rotate-key", status: 200},
	{operation: "POST /_poolhouse/dev/seed", body: "Users:\n  erin: {email: e@example.com}\nResources:\n" +
		"  Pool: {Type: AWS::Cognito::IdentityPool, Properties: {AllowUnauthenticatedIdentities: true}}\n" +
		"  Queue: {Type: AWS::SQS::Queue}\n",
		header: "Content-Type: application/yaml", status: 200},
	{operation: "POST /_poolhouse/dev/seed", path: "/_poolhouse/dev/seed?name=other", body: `{"Users":{"frank":{}}}`,
		status: 200},
	{operation: "POST /_poolhouse/dev/seed", path: "/_poolhouse/dev/seed?name=a/b", body: "Users: {}",
		header: "Content-Type: application/yaml", status: 400},
	{operation: "POST /_poolhouse/dev/seed", path: "/_poolhouse/dev/seed?names=a", body: "Users: {}",
		header: "Content-Type: application/yaml", status: 400},
	{operation: "POST /_poolhouse/dev/seed", path: "/_poolhouse/dev/seed?name=a&name=b", body: "Users: {}",
		header: "Content-Type: application/yaml", status: 400},
	{operation: "POST /_poolhouse/dev/seed", body: `{"Resources":1}`, status: 400},
	{operation: "POST /_poolhouse/dev/seed", body: "a", header: "Content-Type: text/plain", status: 415},
	{operation: "POST /_poolhouse/dev/seed", body: strings.Repeat(" ", devcontrol.MaxSeed+1),
		header: "Content-Type: application/yaml", status: 413},
	{operation: "GET /_poolhouse/dev/clock", status: 200},
	{operation: "PUT /_poolhouse/dev/clock", body: `{"advance_seconds":1.5,"stopped":true,"skewed":false}`,
		status: 200},
	{operation: "PUT /_poolhouse/dev/clock", body: `{"now":"2030-01-31T12:00:00+01:00"}`, status: 200},
	{operation: "PUT /_poolhouse/dev/clock", body: `{"now":"2030-01-31T12:00:00Z","advance_seconds":1}`, status: 400},
	{operation: "PUT /_poolhouse/dev/clock", body: `{"now":"1999-01-01T00:00:00Z"}`, status: 400},
	{operation: "PUT /_poolhouse/dev/clock", body: `{"now":"tomorrow"}`, status: 400},
	{operation: "PUT /_poolhouse/dev/clock", body: `{"stopped":"yes"}`, status: 400},
	{operation: "DELETE /_poolhouse/dev/clock", status: 200},
	{operation: "POST /_poolhouse/dev/faults", status: 200,
		body: `{"operation":"GetId","service":"cognito-identity","error":"TooManyRequestsException","message":"m",` +
			`"delay_ms":1,"after":1,"times":2}`},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"*","disconnect":"before"}`, status: 200},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"*","disconnect":"after"}`, status: 200},
	{operation: "POST /_poolhouse/dev/faults", status: 200,
		body: `{"provider":"a.example","answer":"status","status":500,"delay_ms":1,"after":1,"times":2}`},
	{operation: "POST /_poolhouse/dev/faults", status: 200,
		body: `{"database":"writes","error":"unavailable","delay_ms":1,"after":1,"times":2}`},
	{operation: "POST /_poolhouse/dev/faults", body: `{"database":"writes","error":"disk_full"}`, status: 200},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetIdd","error":"X"}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetId","error":"NoSuchEntity"}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetId"}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetId","error":true}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetId","disconnect":true}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetId","database":"all","error":"unavailable"}`,
		status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetId","delay_ms":60001}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetId","delay_ms":1,"times":-1}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetId","delay_ms":1,"message":"m"}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"operation":"GetId","service":"nope","delay_ms":1}`,
		status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"provider":"*","answer":"gone"}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"provider":"*","answer":"down","status":500}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"database":"reads","error":"disk_full"}`, status: 400},
	{operation: "POST /_poolhouse/dev/faults", body: `{"database":"writes","error":"broken"}`, status: 400},
	{operation: "GET /_poolhouse/dev/faults", status: 200},
	{operation: "GET /_poolhouse/dev/faults/{id}", path: "/_poolhouse/dev/faults/fault-1", status: 200},
	{operation: "GET /_poolhouse/dev/faults/{id}", path: "/_poolhouse/dev/faults/nope", status: 404},
	{operation: "DELETE /_poolhouse/dev/faults/{id}", path: "/_poolhouse/dev/faults/fault-1", status: 200},
	{operation: "DELETE /_poolhouse/dev/faults/{id}", path: "/_poolhouse/dev/faults/fault-1", status: 404},
	{operation: "DELETE /_poolhouse/dev/faults", status: 200},
	{operation: "GET /_poolhouse/dev/calls", path: "/_poolhouse/dev/calls?after=0&limit=5", status: 200},
	{operation: "GET /_poolhouse/dev/calls", path: "/_poolhouse/dev/calls?limit=5000", status: 400},
	{operation: "GET /_poolhouse/dev/calls/wait", path: "/_poolhouse/dev/calls/wait?operation=GetId&status=400&error=" +
		"ResourceNotFoundException&service=cognito-identity&after=0&timeout_seconds=5", status: 200},
	{operation: "GET /_poolhouse/dev/calls/wait", path: "/_poolhouse/dev/calls/wait?operation=No&timeout_seconds=0",
		status: 408},
	{operation: "GET /_poolhouse/dev/calls/wait", path: "/_poolhouse/dev/calls/wait?opration=GetId", status: 400},
	{operation: "DELETE /_poolhouse/dev/calls", status: 200},
	{operation: "POST /_poolhouse/dev/reset", body: `{"empty":true}`, status: 200},
	{operation: "POST /_poolhouse/dev/reset", body: `{"empty":1}`, status: 400},
	{operation: "POST /_poolhouse/dev/reset", status: 200},
}

// What the server takes, refuses and answers is as described, for each operation.
func TestControlAPIIsAsDescribed(t *testing.T) {
	server := poolhousetest.Start(t)
	d := readDescription(t)

	refused, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL,
		strings.NewReader(`{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`))
	if err != nil {
		t.Fatal(err)
	}
	refused.Header.Set("Content-Type", "application/x-amz-json-1.1")
	refused.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetId")
	answer, err := http.DefaultClient.Do(refused) // a call to see
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()

	answered, sent := map[string]bool{}, map[string]bool{}
	for _, e := range controlExchanges {
		d.do(t, server.URL, e)
		if e.status != http.StatusOK {
			continue
		}
		answered[e.operation] = true
		var members map[string]any
		if json.Unmarshal([]byte(e.body), &members) == nil {
			for name := range members {
				sent[e.operation+" "+name] = true
			}
		}
	}

	if all := slices.Sorted(maps.Keys(answered)); !slices.Equal(all, d.operations()) {
		t.Errorf("of\n%q\nthese were tried:\n%q", d.operations(), all)
	}
	for operation, schemas := range map[string][]string{
		"POST /_poolhouse/dev/token":         {"TokenRequest"},
		"POST /_poolhouse/dev/saml-response": {"SAMLRequest"},
		"POST /_poolhouse/dev/reset":         {"ResetRequest"},
		"PUT /_poolhouse/dev/users/{name}":   {"UserRequest"},
		"PUT /_poolhouse/dev/clock":          {"ClockChange"},
		"POST /_poolhouse/dev/faults":        {"OperationFault", "ProviderFault", "DatabaseFault"},
	} {
		for _, schema := range schemas {
			properties, _ := d.at("components", "schemas", schema, "properties")
			for name := range properties.(map[string]any) {
				if !sent[operation+" "+name] {
					t.Errorf("no request has the member %s of %s", name, schema)
				}
			}
		}
	}
}

// The description would notice an answer that is not as described: a negative control.
func TestControlAPIDescriptionNotices(t *testing.T) {
	d := readDescription(t)
	place := []string{"components", "schemas", "Clock"}
	for body, good := range map[string]bool{
		`{"now":"2030-01-31T12:00:00Z","offset_seconds":0,"stopped":true,"skewed":false}`: true,
		`{"now":"noon","offset_seconds":0,"stopped":true,"skewed":false}`:                 false,
		`{"now":"2030-01-31T12:00:00Z","offset_seconds":0,"stopped":true}`:                false,
	} {
		if err := d.check(t, []byte(body), place...); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
	if found := d.undocumented(map[string]any{"now": "", "other": 1}, place...); len(found) != 1 {
		t.Errorf("undocumented members: %q", found)
	}
}
