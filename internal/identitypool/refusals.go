package identitypool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for the refusals of this package.
var Refusals explain.Catalogue
