package apply

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/template"
)

// MaxFile is how long a file may be, in bytes.
const MaxFile = template.MaxFile

// DefaultName is the name of a file that has none.
const DefaultName = "stdin"

// maxDepth is how deep the JSON of a policy document may be nested.
const maxDepth = template.MaxDepth

// ReadOptions say what a file does not say itself.
type ReadOptions struct {
	// Name is the file's, for AWS::StackName; "" = that of the CDK stack, if it is one, or else
	// DefaultName.
	Name string
	// Region is the server's; "" = it is known when the file is applied, and conditions cannot
	// depend on it.
	Region string
	// Account tells the caller's account if a condition or mapping depends on it; nil = none can.
	Account func() (string, error)
	// Parameters are values for the file's Parameters, by name.
	Parameters map[string]string
	// IgnoreUnknown leaves out resources of types that Poolhouse does not have.
	IgnoreUnknown bool
}

// File has the resources and outputs that a file asks for.
type File struct {
	// Name is ReadOptions.Name, that of the CDK stack, or DefaultName. It is meant for Options.
	Name string
	// Resources come in an order in which each follows what it refers to.
	Resources []Resource
	Outputs   []Output
	// Skipped are resources that are left out.
	Skipped []Skipped
	// Notes tell what else differs from the file.
	Notes []string

	secrets []string // values of parameters with NoEcho
}

// Skipped is a resource that is left out.
type Skipped struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

// Output is an output of a file.
type Output struct {
	Name, Description string
	Value             any    // text or *Reference
	Export            any    // text, *Reference, or nil
	Unknown           string // why there is no value; "" = there is one
}

// Resource is one resource of a file. Properties hold strings, booleans,
// json.Number, []any, map[string]any and *Reference.
type Resource struct {
	Name, Type string
	Line       int
	PinnedID   string // of a pool; "" = the server chooses
	DependsOn  []string
	Properties map[string]any

	given string // name on the server, where the file has none; "" = Name
}

// serverName is what a resource without a name of its own is called.
func (r Resource) serverName() string { return cmp.Or(r.given, r.Name) }

// Reference is that of the file's template.
type Reference = template.Reference

// Part is a part of a Reference.
type Part = template.Part

type oddNumber = template.OddNumber

// fileReader reads a template. Its faults name lines.
type fileReader struct {
	*template.Template

	options   ReadOptions
	file      *File
	resources []*Resource
	byName    map[string]*Resource
	policies  []*template.Resource // that become parts of roles
	folded    map[string][]string  // policy to its roles
	left      map[string]Skipped   // by name
	onlyFor   map[string]string    // roles that only a resource uses which is left out
	refused   map[string]bool      // resources whose types are unknown, a fault of its own
	// attachments attach managed policies to roles, after these have been read.
	attachments []func()
}

func (f *fileReader) fault(line int, format string, args ...any) { f.Fault(line, format, args...) }

func (f *fileReader) unknown(line int, what, name string, known []string) {
	f.Unknown(line, what, name, known)
}

// Read reads a file: YAML or JSON in the form of a CloudFormation template.
func Read(text []byte, o ReadOptions) (*File, error) {
	const seeds = "files of `poolhouse dev --seed`"
	f, err := newReader(text, o, template.Options{
		Elsewhere: map[string]string{usersSection: seeds, identitiesSection: seeds},
	})
	if err != nil {
		return nil, err
	}

	return f.read()
}

// newReader evaluates the constants of a template. Its options may have what o does not say.
func newReader(text []byte, o ReadOptions, t template.Options) (*fileReader, error) {
	pseudo := map[string]string{}
	if o.Region != "" {
		pseudo["AWS::Region"] = o.Region
		pseudo["AWS::Partition"] = identitypool.Partition(o.Region)
		pseudo["AWS::URLSuffix"] = urlSuffix(pseudo["AWS::Partition"])
	}
	t.Name, t.OtherName, t.Pseudo, t.Account, t.Parameters = o.Name, DefaultName, pseudo, o.Account, o.Parameters
	t.SkipSAM = o.IgnoreUnknown
	evaluated, err := template.Read(text, t)
	if err != nil {
		return nil, err
	}

	return &fileReader{
		Template: evaluated,
		options:  o,
		file:     &File{Name: evaluated.Name()},
		byName:   map[string]*Resource{},
		folded:   map[string][]string{},
		left:     map[string]Skipped{},
		onlyFor:  map[string]string{},
		refused:  map[string]bool{},
	}, nil
}

// read reads resources and outputs.
func (f *fileReader) read() (*File, error) {
	f.sortOut()

	for _, r := range f.Resources {
		if f.byName[r.Name] != nil {
			f.properties(r)
		}
	}
	f.foldPolicies()
	f.outputs()

	if f.Err() == nil {
		f.references()
	}
	if err := f.Err(); err != nil {
		return nil, err
	}

	for _, r := range f.resources {
		if f.byName[r.Name] != nil {
			f.file.Resources = append(f.file.Resources, *r)
		}
	}
	f.file.Notes = append(f.Notes, f.file.Notes...)
	f.file.secrets = f.Secrets

	ordered, err := inOrder(f.file.Resources)
	if err != nil {
		return nil, err
	}
	f.file.Resources = ordered

	return f.file, nil
}

// urlSuffix is AWS::URLSuffix of a partition.
func urlSuffix(partition string) string {
	switch partition {
	case "aws-cn":
		return "amazonaws.com.cn"
	case "aws-eusc":
		return "amazonaws.eu"
	default:
		return "amazonaws.com"
	}
}

// properties evaluates the properties of a resource and checks them.
func (f *fileReader) properties(from *template.Resource) {
	r := f.byName[from.Name]
	k := types[r.Type]
	if r.PinnedID = f.pinnedID(from); r.PinnedID != "" && !k.pinned {
		f.fault(r.Line, "%s: only a pool's ID can be chosen with PoolhouseId", r.Name)
	}
	if from.Retained {
		f.note("%s: its DeletionPolicy is not kept: --prune deletes what the file no longer has", r.Name)
	}

	properties := f.Properties(from)
	given, ok := properties.(map[string]any)
	if !ok && properties != nil {
		f.fault(r.Line, "%s: Properties must be a mapping", r.Name)
		return
	}
	if from.Type == customOIDCProvider {
		given = oidcProperties(given)
	}
	if by := f.onlyFor[r.Name]; by != "" && trustsServices(given) {
		f.leaveOut(from, "only "+by+" uses it, which is left out")
		return
	}
	if !f.withoutSkipped(r, given) {
		return
	}

	var roles any
	if r.Type == managedPolicyType {
		roles = given["Roles"]
		given = maps.Clone(given)
		delete(given, "Roles")
		f.refuseUsers(r.Line, r.Name, given)
	}
	r.Properties, _ = f.check(r.Line, r.Name, k.schema, given).(map[string]any)
	if roles != nil {
		f.attach(r, roles)
	}
}

const pinned = "PoolhouseId"

// pinnedID reads a pool's ID out of Metadata. A misspelt one would give the pool
// another ID; other metadata is anybody's.
func (f *fileReader) pinnedID(r *template.Resource) string {
	v, line := f.Metadata(r, pinned)
	for _, key := range f.MetadataKeys(r) {
		if key != pinned && explain.Nearest(key, []string{pinned}) != "" {
			f.fault(line, "unknown metadata %q: did you mean %s?", key, pinned)
		}
	}

	id, isText := v.(string)
	if v != nil && (!isText || !identitypool.ValidID(id)) {
		f.fault(line, "%s must be a pool ID, REGION: and a UUID in lower case", pinned)
	}

	return id
}

func (f *fileReader) note(format string, args ...any) {
	f.file.Notes = append(f.file.Notes, fmt.Sprintf(format, args...))
}

// take adds a resource of a type that Poolhouse has.
func (f *fileReader) take(from *template.Resource, typeName string) {
	r := &Resource{
		Name:       from.Name,
		Type:       typeName,
		Line:       from.Line,
		DependsOn:  from.DependsOn,
		Properties: map[string]any{},
	}
	f.resources = append(f.resources, r)
	f.byName[r.Name] = r
}

// leaveOut notes that a resource is not made, and why.
func (f *fileReader) leaveOut(r *template.Resource, reason string) {
	s := Skipped{Name: r.Name, Type: r.Type, Reason: reason}
	f.left[r.Name] = s
	delete(f.byName, r.Name)
	if r.Type != metadataType {
		f.file.Skipped = append(f.file.Skipped, s)
	}
}

// typeNames returns the types that a file may have.
func typeNames() []string {
	return slices.Collect(maps.Keys(types))
}

// isUserPool reports whether a type belongs to user pools.
func isUserPool(typeName string) bool { return strings.HasPrefix(typeName, "AWS::Cognito::UserPool") }
