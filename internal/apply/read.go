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
	// UserPools is true if the server has user pools, as a development server does.
	UserPools bool
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

	chosenName string // by nameAll, for a resource whose properties have no name; "" = Name
}

// serverName is the name on the server of a resource whose properties have none.
func (r Resource) serverName() string { return cmp.Or(r.chosenName, r.Name) }

// Reference is that of the file's template.
type Reference = template.Reference

// Part is a part of a Reference.
type Part = template.Part

type oddNumber = template.OddNumber

// fileReader turns a template into a File. Its faults name lines.
type fileReader struct {
	template *template.Template
	options  ReadOptions
	file     *File
	outcomes map[string]*outcome // of the template's resources, by name
}

func (f *fileReader) fault(line int, format string, args ...any) {
	f.template.Fault(line, format, args...)
}

func (f *fileReader) unknown(line int, what, name string, known []string) {
	f.template.Unknown(line, what, name, known)
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
	t.Name, t.DefaultName, t.Pseudo, t.Account, t.Parameters = o.Name, DefaultName, pseudo, o.Account, o.Parameters
	t.SkipSAM = o.IgnoreUnknown
	evaluated, err := template.Read(text, t)
	if err != nil {
		return nil, err
	}

	return &fileReader{
		template: evaluated,
		options:  o,
		file:     &File{Name: evaluated.Name()},
		outcomes: map[string]*outcome{},
	}, nil
}

// read reads resources and outputs.
func (f *fileReader) read() (*File, error) {
	f.decide()

	for _, from := range f.template.Resources {
		if f.made(from.Name) != nil {
			f.properties(from)
		}
	}
	f.attachPolicies()
	f.foldPolicies()
	f.outputs()

	if f.template.Err() == nil {
		f.references()
	}
	if err := f.template.Err(); err != nil {
		return nil, err
	}

	for r := range f.allMade() {
		f.file.Resources = append(f.file.Resources, *r)
	}
	f.file.Notes = append(f.template.Notes, f.file.Notes...)
	f.file.secrets = f.template.Secrets

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
	o := f.outcomes[from.Name]
	r := o.made
	k := types[r.Type]
	if r.PinnedID = f.pinnedID(from, k); r.PinnedID != "" && !k.pinned {
		f.fault(r.Line, "%s: only a pool's ID can be chosen with PoolhouseId", r.Name)
	}
	if from.Retained {
		f.note("%s: its DeletionPolicy is not kept: --prune deletes what the file no longer has", r.Name)
	}

	properties := f.template.Properties(from)
	given, ok := properties.(map[string]any)
	if !ok && properties != nil {
		f.fault(r.Line, "%s: Properties must be a mapping", r.Name)
		return
	}
	if from.Type == customOIDCProvider {
		given = oidcProperties(given)
	}
	if o.usedBy != "" && trustsServices(given) {
		f.leaveOut(from, "only "+o.usedBy+" uses it, which is left out")
		return
	}
	if k.withoutUserPools != nil {
		if gone := k.withoutUserPools(f, r.Name, given); gone != "" {
			f.leaveOut(from, gone)
			return
		}
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
		o.attachTo, _ = f.check(r.Line, r.Name+".Roles", schemaOf([]string{}), roles).([]any)
	}
}

const pinned = "PoolhouseId"

// pinnedID reads a pool's ID out of Metadata. A misspelt one would give the pool
// another ID; other metadata is anybody's.
func (f *fileReader) pinnedID(r *template.Resource, k *kind) string {
	v, line := f.template.Metadata(r, pinned)
	for _, key := range f.template.MetadataKeys(r) {
		if key != pinned && explain.Nearest(key, []string{pinned}) != "" {
			f.fault(line, "unknown metadata %q: did you mean %s?", key, pinned)
		}
	}

	id, isText := v.(string)
	switch {
	case v == nil:
	case k.validID != nil && (!isText || !k.validID(id)):
		f.fault(line, "%s must be an ID of the form that %s has", pinned, k.new().typeName())
	case k.validID == nil && (!isText || !identitypool.ValidID(id)):
		f.fault(line, "%s must be a pool ID, REGION: and a UUID in lower case", pinned)
	}

	return id
}

func (f *fileReader) note(format string, args ...any) {
	f.file.Notes = append(f.file.Notes, fmt.Sprintf(format, args...))
}

// typeNames returns the types that a file may have.
func (f *fileReader) typeNames() []string {
	return slices.DeleteFunc(slices.Collect(maps.Keys(types)), func(name string) bool { return !f.hasType(name) })
}

// isUserPool reports whether a type belongs to user pools.
func isUserPool(typeName string) bool { return strings.HasPrefix(typeName, "AWS::Cognito::UserPool") }
