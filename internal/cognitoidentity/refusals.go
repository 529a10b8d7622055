package cognitoidentity

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which this package refuses calls.
var Refusals explain.Catalogue
