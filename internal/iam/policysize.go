package iam

import (
	"context"
	"errors"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// longestValue is the longest value of a tag, which a policy variable can stand for (IAM quotas).
const longestValue = 256

// PolicySize returns how many bytes of policies a decision about c reads at most, variables
// included. Callers bound their work with it, if they decide about many things in one call.
func (a *Authorizer) PolicySize(ctx context.Context, c Caller) (int, error) {
	if c.kind == nobody {
		return 0, nil
	}
	b, err := a.boundsOf(ctx, c, Access{})
	if _, refused := errors.AsType[*DeniedError](err); refused {
		return 0, nil // every decision is that, without a policy
	} else if err != nil {
		return 0, err
	}

	size := 0
	for _, list := range [][]*policy.Document{b.identity, {b.boundary}, b.session} {
		for _, document := range list {
			if document != nil {
				text := document.String()
				size += len(text) + strings.Count(text, "${")*longestValue
			}
		}
	}

	return size, nil
}
