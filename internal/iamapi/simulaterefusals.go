package iamapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons about simulations.
var (
	simulationPolicy = Refusals.Add(explain.Reason{
		Code:     "simulation-policy",
		Check:    "simulation",
		Expected: "a policy that this server can evaluate",
		Got:      "{policy}: {problem}",
		Fix:      "rewrite the named part of the document; docs/iam.md lists what policies may contain",
		Message:  "{policy}: {problem}",
	})
	simulationBoundaries = Refusals.Add(explain.Reason{
		Code:     "simulation-boundaries",
		Check:    "simulation",
		Expected: "one permissions boundary at most",
		Got:      "several",
		Fix:      "give one; put its statements together",
		Message:  "The list of Permissions Boundary policies cannot exceed 1 items.",
	})
	simulationOrganization = Refusals.Add(explain.Reason{
		Code:     "simulation-organization",
		Check:    "simulation",
		Expected: "none: this server has no organisations",
		Got:      "OrderedOrganizationPolicyInputList",
		Fix:      "leave it out; give one policy that limits the principal as a permissions boundary",
		Message:  "OrderedOrganizationPolicyInputList is not supported.",
	})
	simulationAction = Refusals.Add(explain.Reason{
		Code:     "simulation-action",
		Check:    "simulation",
		Expected: "SERVICE:OPERATION without wildcards",
		Got:      "{name}",
		Fix:      "write the operation's whole name: s3:GetObject",
		Message:  "ActionNames must be SERVICE:OPERATION without wildcards: {name}.",
	})
	simulationResource = Refusals.Add(explain.Reason{
		Code:     "simulation-resource",
		Check:    "simulation",
		Expected: "ARNs, or a lone *",
		Got:      "{name}",
		Fix:      "write the ARN, or leave ResourceArns out",
		Message:  "ResourceNames are not in a valid ARN format: {name}.",
	})
	simulationOwner = Refusals.Add(explain.Reason{
		Code:     "simulation-owner",
		Check:    "simulation",
		Expected: "an account's number of 12 digits, or its ARN",
		Got:      "{owner}",
		Fix:      "write it as arn:aws:iam::ACCOUNT:root",
		Message:  "'{owner}' is not a valid as a Resource Owner.",
	})
	simulationEntity = Refusals.Add(explain.Reason{
		Code:     "simulation-entity",
		Check:    "simulation",
		Expected: "the ARN of a role or a user; CallerArn: of a user",
		Got:      "{arn}",
		Fix:      "name a session's role by its own ARN: arn:aws:iam::ACCOUNT:role/NAME",
		Message:  "Invalid Entity Arn: {arn} does not clearly define entity type and name.",
	})
	simulationCaller = Refusals.Add(explain.Reason{
		Code:     "simulation-caller",
		Check:    "simulation",
		Expected: "CallerArn, the ARN of a user, as the policy of a resource names principals",
		Got:      "none",
		Fix:      "give CallerArn; the user need not exist",
		Message:  "Invalid caller - Caller cannot be null or empty.",
	})
	simulationKey = Refusals.Add(explain.Reason{
		Code:     "simulation-key",
		Check:    "simulation",
		Expected: "a condition key of the form PREFIX:NAME",
		Got:      "{key}",
		Fix:      "write the key as policies do: aws:SourceIp",
		Message:  "Invalid context key: {key}.",
	})
	simulationKeyTwice = Refusals.Add(explain.Reason{
		Code:     "simulation-key-twice",
		Check:    "simulation",
		Expected: "each condition key once; case does not matter",
		Got:      "{key} twice",
		Fix:      "put all its values in one entry",
		Message:  "The context key {key} is given twice.",
	})
	simulationValue = Refusals.Add(explain.Reason{
		Code:     "simulation-value",
		Check:    "simulation",
		Expected: "values of the type {type}; more than one if it is a list",
		Got:      "other values for {key}",
		Fix:      "correct the values, or the type",
		Message:  "The values of the context key {key} are not of the type {type}.",
	})
	simulationOption = Refusals.Add(explain.Reason{
		Code:     "simulation-option",
		Check:    "simulation",
		Expected: "EC2-VPC-InstanceStore, EC2-VPC-InstanceStore-Subnet, EC2-VPC-EBS, EC2-VPC-EBS-Subnet",
		Got:      "{option}",
		Fix:      "leave it out unless you simulate ec2:RunInstances",
		Message:  "Invalid ResourceHandlingOption: {option}.",
	})
	simulationOptionResource = Refusals.Add(explain.Reason{
		Code:     "simulation-option-resource",
		Check:    "simulation",
		Expected: "the resources that {option} needs",
		Got:      "no {kind} among ResourceArns",
		Fix:      "add the ARN of a resource of that kind",
		Message:  "{option} requires a resource of the type {kind}.",
	})
	simulationResourcePolicy = Refusals.Add(explain.Reason{
		Code:     "simulation-resource-policy",
		Check:    "simulation",
		Expected: "resources by ARN that ResourcePolicy is about, and that are no roles",
		Got:      "{resource}",
		Fix:      "leave the resource out, or simulate it without ResourcePolicy",
		Message:  "ResourcePolicy does not apply to the resource {resource}.",
	})
	simulationSize = Refusals.Add(explain.Reason{
		Code:  "simulation-size",
		Check: "simulation",
		Expected: "policies and resources whose results can be found in one answer: up to {limit} bytes " +
			"for each action",
		Got:     "more",
		Fix:     "give fewer resources in one call",
		Message: "The simulation is too large: use fewer resources or smaller policies.",
	})
	simulationEvaluation = Refusals.Add(explain.Reason{
		Code:     "simulation-evaluation",
		Check:    "simulation",
		Expected: "policies of the role that this server can evaluate",
		Got:      "{problem}",
		Fix:      "write the policy again; docs/iam.md lists what policies may contain",
		Message:  "A policy of the role {role} cannot be evaluated: {problem}",
	})
)
