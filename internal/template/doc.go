// Package template reads CloudFormation templates and evaluates what can be known without a
// server.
//
// A text becomes nodes with their lines (source.go, json.go). Parameters, mappings, conditions and
// rules are evaluated first (parameters.go, conditions.go), and the properties of a resource when
// they are asked for (functions.go). Names of resources, and pseudo parameters whose values are
// not known, stay in the values as references.
//
// The rules are those of the AWS CloudFormation User Guide, "Template reference".
package template
