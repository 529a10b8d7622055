package devuserpool

import "slices"

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = slices.Concat(
	poolMessages,
	clientMessages,
	userMessages,
	signupMessages,
	signinMessages,
	tokenMessages,
)
