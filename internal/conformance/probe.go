// Package conformance asks a server what AWS is known to answer, and compares, byte for byte where a
// client could tell the difference. Its probes are data: the files of the folder probes, one family each.
// Recipes (recipes.yaml) make the pools, identities and tokens that probes name as $VARIABLES.
//
// Start reading at Kit.Run.
package conformance

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed probes/*.yaml recipes.yaml
var files embed.FS

// Source is the kind of evidence for a rule.
type Source string

// Kinds of evidence.
const (
	// Model is the published API model: AWS's own description of the shapes.
	Model Source = "model"
	// Guide is AWS's developer guide, API reference or the specification of the protocol.
	Guide Source = "guide"
	// Recorded is an answer of AWS that somebody published.
	Recorded Source = "recorded"
	// Measured is an answer that another project states to have measured at AWS.
	Measured Source = "measured"
)

// Sources lists all kinds of evidence.
var Sources = []Source{Model, Guide, Recorded, Measured}

// Probe is one rule, and the call that shows whether a server follows it.
type Probe struct {
	ID     string `yaml:"id"`
	Family string `yaml:"-"` // the name of its file
	Rule   string `yaml:"rule"`
	Source Source `yaml:"source"`
	Cite   string `yaml:"cite"` // an address, or a shape of the model

	Before []Step `yaml:"before"` // calls that prepare the probe; each must succeed
	Step   `yaml:",inline"`
	Want   Want `yaml:"want"`
}

// Step is one call.
type Step struct {
	// Call is an operation of identity pools, or one of another service: sts:NAME and iam:NAME, whose
	// Request has the parameters of the form, and idp:NAME. "http" is a plain request.
	Call    string         `yaml:"call"`
	Request map[string]any `yaml:"request"`

	// Sign tells how the call is signed; "" is as an SDK does. See Kit.sign.
	Sign    string            `yaml:"sign"`
	Method  string            `yaml:"method"`
	Path    string            `yaml:"path"`
	Headers map[string]string `yaml:"headers"` // "" removes one
	Body    *string           `yaml:"body"`    // in place of Request

	// Save has variables, and the members of the answer that they get.
	Save map[string]string `yaml:"save"`
}

// Want describes AWS's answer. A text that begins with "~" is a regular expression; one with "#" is a
// regular expression for the JSON text of a member.
type Want struct {
	Status  int               `yaml:"status" json:"status,omitempty"` // 0: 200, or of an error any 4xx
	Error   string            `yaml:"error" json:"error,omitempty"`   // as SDKs read it
	Message string            `yaml:"message" json:"message,omitempty"`
	Answer  map[string]any    `yaml:"answer" json:"answer,omitempty"` // members, by path
	Not     map[string]string `yaml:"not" json:"not,omitempty"`       // members that differ from this
	Lacks   []string          `yaml:"lacks" json:"lacks,omitempty"`
	Only    []string          `yaml:"only" json:"only,omitempty"`       // all members that the answer may have
	Headers map[string]string `yaml:"headers" json:"headers,omitempty"` // "!" means absent
	Body    string            `yaml:"body" json:"body,omitempty"`
	Token   *TokenWant        `yaml:"token" json:"token,omitempty"`
	// Ahead has members that are times, and how many seconds after the call they are.
	Ahead map[string]int64 `yaml:"ahead" json:"ahead,omitempty"`
}

// TokenWant describes a JSON Web Token of the answer.
type TokenWant struct {
	Member   string         `yaml:"member" json:"member"`
	Head     string         `yaml:"head" json:"head,omitempty"` // the decoded text of the header
	Claims   map[string]any `yaml:"claims" json:"claims,omitempty"`
	Lacks    []string       `yaml:"lacks" json:"lacks,omitempty"`
	Lifetime int64          `yaml:"lifetime" json:"lifetime,omitempty"` // seconds from iat to exp
}

// Recipe makes what probes need.
type Recipe struct {
	// Needs names what a server may lack: if a call of another service than identity pools fails, the probes
	// are not run. Any other failure is the server's fault.
	Needs string `yaml:"needs"`
	Whole bool   `yaml:"whole"` // any call may fail for the lack
	// Own is a recipe whose result each probe gets for itself.
	Own   bool   `yaml:"own"`
	Local bool   `yaml:"local"` // only for servers at a loopback address
	Steps []Step `yaml:"steps"`
}

// Probes returns all probes, by family.
func Probes() ([]Probe, error) {
	names, err := files.ReadDir("probes")
	if err != nil {
		return nil, err
	}

	var all []Probe
	for _, file := range names {
		text, err := files.ReadFile(path.Join("probes", file.Name()))
		if err != nil {
			return nil, err
		}
		var family []Probe
		if err := yaml.UnmarshalWithOptions(text, &family, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), err)
		}

		for _, p := range family {
			p.Family = strings.TrimSuffix(file.Name(), ".yaml")
			if err := p.complete(); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file.Name(), p.ID, err)
			}
			all = append(all, p)
		}
	}

	return all, nil
}

// complete refuses a probe that would show nothing.
func (p Probe) complete() error {
	switch {
	case p.ID == "" || p.Rule == "" || p.Cite == "" || p.Call == "":
		return errors.New("needs an ID, a rule, a citation and a call")
	case p.Source != Model && p.Source != Guide && p.Source != Recorded && p.Source != Measured:
		return fmt.Errorf("%q is no kind of source", p.Source)
	case p.Want.empty():
		return errors.New("expects nothing")
	}

	return nil
}

func (w Want) empty() bool {
	return w.Status == 0 && w.Error == "" && len(w.Answer) == 0 && len(w.Headers) == 0 && w.Body == "" &&
		w.Token == nil && len(w.Ahead) == 0 && len(w.Only) == 0 && len(w.Not) == 0
}

// recipes returns the recipes by each variable that they make.
func recipes() (map[string]*Recipe, error) {
	text, err := files.ReadFile("recipes.yaml")
	if err != nil {
		return nil, err
	}
	var all []*Recipe
	if err := yaml.UnmarshalWithOptions(text, &all, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("recipes.yaml: %w", err)
	}

	byName := map[string]*Recipe{}
	for _, r := range all {
		for _, s := range r.Steps {
			for name := range s.Save {
				if byName[name] != nil && byName[name] != r {
					return nil, fmt.Errorf("recipes.yaml: two recipes make %s", name)
				}
				byName[name] = r
			}
		}
	}

	return byName, nil
}
