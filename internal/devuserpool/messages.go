package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = []explain.Message{
	{
		Code:    "ResourceNotFoundException",
		Text:    "User pool {id} does not exist.",
		Reasons: []explain.Code{"development-user-pool"},
	},
}
