package iamapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// The policy simulator. Decisions are those of iam.Authorizer, which asks the policies as it does for
// real calls.

const resourcePolicyID = "ResourcePolicy"

// numbered returns the name of an element of an input's list, as IAM writes it.
func numbered(member string, i int) string { return member + "." + strconv.Itoa(i+1) }

type position struct{ Line, Column int }

type matchedStatement struct {
	SourcePolicyId   string
	SourcePolicyType string
	StartPosition    position
	EndPosition      position
}

type boundaryDetail struct{ AllowedByPermissionsBoundary bool }

type decisionEntry struct {
	Key   string                `xml:"key"`
	Value iam.SimulatedDecision `xml:"value"`
}

type decisionDetails struct {
	Entries []decisionEntry `xml:"entry"`
}

// findings are the part of results that all of them have.
type findings struct {
	MatchedStatements                 list[matchedStatement]
	MissingContextValues              list[string]
	PermissionsBoundaryDecisionDetail *boundaryDetail  `xml:",omitempty"`
	EvalDecisionDetails               *decisionDetails `xml:",omitempty"`
}

type resourceResult struct {
	EvalResourceName     string
	EvalResourceDecision iam.SimulatedDecision
	findings
}

type evaluationResult struct {
	EvalActionName   string
	EvalResourceName string
	EvalDecision     iam.SimulatedDecision
	findings
	ResourceSpecificResults *list[resourceResult] `xml:",omitempty"`
}

type simulatePolicyOutput struct {
	EvaluationResults list[evaluationResult]
	pageEnd
}

func (s *Service) simulateCustomPolicy(
	ctx context.Context, c awsapi.Caller, in *simulateCustomPolicyInput,
) (*simulatePolicyOutput, error) {
	sim, err := simulationOf(c, &in.simulationInput)
	if err != nil {
		return nil, err
	}

	return s.simulate(ctx, c, sim, &in.simulationInput)
}

func (s *Service) simulatePrincipalPolicy(
	ctx context.Context, c awsapi.Caller, in *simulatePrincipalPolicyInput,
) (*simulatePolicyOutput, error) {
	entity, err := s.entity(ctx, c, *in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	sim, err := simulationOf(c, &in.simulationInput)
	if err != nil {
		return nil, err
	}

	sim.Principal, sim.Identity = entity.principal, slices.Concat(entity.policies, sim.Identity)
	if sim.Boundary == nil {
		sim.Boundary = entity.boundary
	}

	return s.simulate(ctx, c, sim, &in.simulationInput)
}

// entity is a role or a user with its policies.
type entity struct {
	principal iam.SimulatedPrincipal
	policies  []iam.SourcePolicy
	boundary  *iam.SourcePolicy
}

// entity finds the caller's role or user with an ARN.
func (s *Service) entity(ctx context.Context, c awsapi.Caller, arn string) (*entity, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" {
		return nil, refuse(invalidInput, simulationEntity.With("arn", arn))
	}

	kind, path, _ := strings.Cut(parts[5], "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case name == "" || !slices.Contains([]string{"role", "user", "group"}, kind):
		return nil, refuse(invalidInput, simulationEntity.With("arn", arn))
	case kind == "role" && parts[4] == c.Account:
		return s.roleEntity(ctx, arn, name)
	case kind == "user" && parts[4] == c.Account:
		return s.userEntity(ctx, c, arn, name)
	default: // there are no groups
		return nil, noEntity(kind, name)
	}
}

func noEntity(kind, name string) error {
	missing := "The " + kind + " with name " + name + " cannot be found."
	return words{what: kind, missing: missing}.fault(iam.ErrNotFound)
}

func (s *Service) roleEntity(ctx context.Context, arn, name string) (*entity, error) {
	role, err := s.view.Directory.RoleOf(ctx, arn)
	if fault, ok := errors.AsType[*policy.ParseError](err); ok {
		return nil, refuse(policyEvaluation, simulationEvaluation.With("role", name, "problem", fault.Error()))
	}
	if err != nil {
		return nil, roleWords(name).fault(err)
	}

	e := &entity{}
	e.principal, e.policies, e.boundary = iam.SimulatedRole(role)

	return e, nil
}

// userEntity finds the user of an access key with a policy.
func (s *Service) userEntity(ctx context.Context, c awsapi.Caller, arn, name string) (*entity, error) {
	found, err := s.keyOwner(ctx, name)
	if err != nil && !errors.Is(err, iam.ErrNotFound) && !errors.Is(err, iam.ErrDisabled) {
		return nil, err
	}

	principal, policies, ok := iam.SimulatedKey(found)
	if err != nil || !ok || found.Account != accountOf(c) || !principal.Is(s.view.Directory.ToStored(arn)) {
		return nil, noEntity("user", name)
	}

	return &entity{principal: principal, policies: policies}, nil
}

// simulate evaluates a page of the actions of an input.
func (s *Service) simulate(
	ctx context.Context, c awsapi.Caller, sim *iam.Simulation, in *simulationInput,
) (*simulatePolicyOutput, error) {
	if in.CallerArn != nil {
		user, ok := iam.SimulatedUser(s.view.Directory.ToStored(*in.CallerArn))
		if !ok {
			return nil, refuse(invalidInput, simulationEntity.With("arn", *in.CallerArn))
		}
		if !sim.Principal.Is(s.view.Directory.ToStored(*in.CallerArn)) {
			sim.Principal = user
		}
	}

	resources, err := s.resources(in)
	if err != nil {
		return nil, err
	}
	if err := checkHandling(in.ResourceHandlingOption, resources); err != nil {
		return nil, err
	}
	if err := addResourcePolicy(sim, in.ResourcePolicy, resources); err != nil {
		return nil, err
	}

	from, err := in.firstAction(c)
	if err != nil {
		return nil, err
	}

	run := &simulationRun{authorizer: s.authorizer, simulation: sim, input: in, resources: resources}
	out := &simulatePolicyOutput{}
	if out.EvaluationResults.Members, err = run.page(ctx, in.ActionNames[from:]); err != nil {
		return nil, err
	}

	if next := from + len(out.EvaluationResults.Members); next < len(in.ActionNames) {
		out.pageEnd = pageEnd{IsTruncated: true, Marker: new(in.markerOf(c, next))}
	}

	return out, nil
}

// markerOf returns the marker of a page that begins with the action of that index. It belongs to the list of
// actions and to the caller's account.
func (in *simulationInput) markerOf(c awsapi.Caller, index int) string {
	sum := sha256.Sum256([]byte(c.Account + "\n" + strings.Join(in.ActionNames, "\n")))
	return base64.RawURLEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:8]) + "." + strconv.Itoa(index)))
}

// firstAction returns the index of the page's first action.
func (in *simulationInput) firstAction(c awsapi.Caller) (int, error) {
	after, err := in.after()
	if err != nil || after == "" {
		return 0, err
	}

	_, number, _ := strings.Cut(after, ".")
	index, err := strconv.Atoi(number)
	if err != nil || index < 1 || index >= len(in.ActionNames) || in.markerOf(c, index) != *in.Marker {
		return 0, awsapi.RefusedAs(awsapi.InvalidInput, markerForeign.With(), markerForeign.Message)
	}

	return index, nil
}
