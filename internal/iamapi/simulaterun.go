package iamapi

import (
	"context"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// Bounds of a simulation's page. IAM, too, may return fewer results than MaxItems. An action that does
// not fit in a page of its own is refused.
const (
	// maxSimulationWork bounds the bytes of policies that are evaluated, once for each resource and for each value of
	// a context key; each of these counts once more for every 64 bytes, as a pattern with question marks takes that
	// long. A policy variable counts as the longest value that can take its place.
	maxSimulationWork = 32 << 20
	// maxSimulationOutput bounds the bytes of the answer, roughly.
	maxSimulationOutput = 8 << 20
	// maxMatched bounds the statements that a result names. The first ones are the policies' first.
	maxMatched = 100
)

// simulationRun evaluates actions.
type simulationRun struct {
	authorizer *iam.Authorizer
	simulation *iam.Simulation
	input      *simulationInput
	resources  []string
	output     int // bytes of the results, roughly
}

// page evaluates actions until the page is full.
func (r *simulationRun) page(ctx context.Context, actions []string) ([]evaluationResult, error) {
	work := r.work()
	if work > maxSimulationWork {
		return nil, tooLarge(maxSimulationWork)
	}

	var results []evaluationResult
	for i, action := range actions {
		if i == r.input.limit() || i > 0 && work*(i+1) > maxSimulationWork {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}

		result := r.action(action)
		if r.output > maxSimulationOutput {
			if i == 0 {
				return nil, tooLarge(maxSimulationOutput)
			}
			break
		}
		results = append(results, result)
	}

	return results, nil
}

// work returns what one action costs at most, in bytes of policies.
func (r *simulationRun) work() int {
	values, longest := 0, 0
	for _, list := range r.simulation.Keys {
		for _, value := range list {
			values += 1 + len(value)/64
			longest = max(longest, len(value))
		}
	}

	size := 0
	for _, source := range r.simulation.All() {
		text := source.Document.String()
		size += len(text) + strings.Count(text, "${")*longest
	}

	times := 0
	for _, resource := range r.resources {
		times += 1 + len(resource)/64 + values
	}

	return size * times
}

func tooLarge(limit int) error {
	return refuse(invalidInput, simulationSize.With("limit", strconv.Itoa(limit)))
}

// action evaluates one action for all resources.
func (r *simulationRun) action(name string) evaluationResult {
	missing := r.authorizer.MissingKeys(r.simulation, name)
	specific := &list[resourceResult]{}

	for i, resource := range r.resources {
		found := r.authorizer.Simulate(r.simulation, name, resource)
		result := resourceResult{
			EvalResourceName:     r.shown(i),
			EvalResourceDecision: found.Decision,
			findings:             r.findings(&found, missing, resource),
		}
		specific.Members = append(specific.Members, result)

		if r.output += result.size(); r.output > maxSimulationOutput {
			break // the caller drops the result
		}
	}

	whole := evaluationResult{
		EvalActionName:   name,
		EvalResourceName: "*",
		EvalDecision:     together(specific.Members),
	}
	if len(r.resources) == 1 {
		whole.EvalResourceName, whole.findings = r.shown(0), specific.Members[0].findings
	} else {
		whole.findings = r.joined(specific.Members, whole.EvalDecision)
	}
	if r.resources[0] != "*" {
		whole.ResourceSpecificResults = specific
	}

	return whole
}

// shown returns the name of a resource in the input.
func (r *simulationRun) shown(i int) string {
	if len(r.input.ResourceArns) == 0 {
		return "*"
	}
	return r.input.ResourceArns[i]
}

func (r *simulationRun) findings(found *iam.Simulated, missing []string, resource string) findings {
	f := findings{MissingContextValues: list[string]{Members: missing}}
	for _, m := range found.Matched[:min(len(found.Matched), maxMatched)] {
		start, end := m.Source.Document.Extent(m.Statement)
		f.MatchedStatements.Members = append(f.MatchedStatements.Members, matchedStatement{
			SourcePolicyId:   m.Source.ID,
			SourcePolicyType: sourceTypes[m.Layer],
			StartPosition:    position(start),
			EndPosition:      position(end),
		})
	}

	if r.simulation.Boundary != nil {
		f.PermissionsBoundaryDecisionDetail = &boundaryDetail{AllowedByPermissionsBoundary: found.BoundaryAllows}
	}
	if resource != "*" {
		f.EvalDecisionDetails = &decisionDetails{}
	}
	if found.CrossAccount {
		f.EvalDecisionDetails = &decisionDetails{Entries: []decisionEntry{
			{Key: sourceTypes[policy.IdentityLayer], Value: found.ByIdentity},
			{Key: sourceTypes[iam.ResourceLayer], Value: found.ByResource},
		}}
	}

	return f
}

// sourceTypes has the types of policies as IAM's simulator writes them, which are not those of its API model.
var sourceTypes = map[policy.Layer]string{
	policy.IdentityLayer: "IAM Policy",
	policy.BoundaryLayer: "Permissions Boundary Policy",
	iam.ResourceLayer:    "Resource Policy",
}

// size returns the bytes of a result in the answer, roughly; each is there twice if it is the only one.
func (r *resourceResult) size() int {
	n := 300 + len(r.EvalResourceName) + 320*len(r.MatchedStatements.Members)
	for _, key := range r.MissingContextValues.Members {
		n += 20 + len(key)
	}
	return 2 * n
}

// together returns the decision for several resources: one that denies counts for all.
func together(results []resourceResult) iam.SimulatedDecision {
	decision := iam.SimulatedAllow
	for i := range results {
		switch results[i].EvalResourceDecision {
		case iam.SimulatedExplicitDeny:
			return iam.SimulatedExplicitDeny
		case iam.SimulatedImplicitDeny:
			decision = iam.SimulatedImplicitDeny
		}
	}

	return decision
}

// joined returns the findings of the results with a decision, each statement once.
func (r *simulationRun) joined(results []resourceResult, decision iam.SimulatedDecision) findings {
	all := findings{EvalDecisionDetails: &decisionDetails{}}
	all.MissingContextValues = results[0].MissingContextValues
	if r.simulation.Boundary != nil {
		all.PermissionsBoundaryDecisionDetail = &boundaryDetail{AllowedByPermissionsBoundary: true}
	}

	seen := map[matchedStatement]bool{}
	for i := range results {
		f := &results[i].findings
		if detail := f.PermissionsBoundaryDecisionDetail; detail != nil && !detail.AllowedByPermissionsBoundary {
			all.PermissionsBoundaryDecisionDetail = detail
		}
		if results[i].EvalResourceDecision != decision {
			continue
		}

		for _, m := range f.MatchedStatements.Members {
			if !seen[m] && len(seen) < maxMatched {
				seen[m] = true
				all.MatchedStatements.Members = append(all.MatchedStatements.Members, m)
			}
		}
	}

	return all
}

type contextKeysOutput struct{ ContextKeyNames list[string] }

type customContextKeysInput struct{ PolicyInputList []string }

func (in *customContextKeysInput) Validate() []awsapi.Violation {
	v := &awsapi.Validator{}
	v.List("policyInputList", in.PolicyInputList, &awsapi.List{Element: &document}, true)
	return v.Violations()
}

func (s *Service) contextKeysForCustomPolicy(
	_ context.Context, _ awsapi.Caller, in *customContextKeysInput,
) (*contextKeysOutput, error) {
	policies, err := sources("PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	return contextKeys(policies), nil
}

func contextKeys(policies []iam.SourcePolicy) *contextKeysOutput {
	var documents []*policy.Document
	for _, source := range policies {
		documents = append(documents, source.Document)
	}
	return &contextKeysOutput{ContextKeyNames: list[string]{Members: policy.ContextKeys(documents)}}
}

type principalContextKeysInput struct {
	ofEntity
	PolicyInputList []string
}

func (in *principalContextKeysInput) Validate() []awsapi.Violation {
	v := checked(required("policySourceArn", in.PolicySourceArn, &arn))
	v.List("policyInputList", in.PolicyInputList, &awsapi.List{Element: &document}, false)
	return v.Violations()
}

func (s *Service) contextKeysForPrincipalPolicy(
	ctx context.Context, c awsapi.Caller, in *principalContextKeysInput,
) (*contextKeysOutput, error) {
	entity, err := s.entity(ctx, c, *in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	more, err := sources("PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}

	all := append(entity.policies, more...)
	if entity.boundary != nil { // a simulation asks it, too
		all = append(all, *entity.boundary)
	}

	return contextKeys(all), nil
}
