package devuserpool

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

const largestPage = 60

// pageOf returns one page of a list that is ordered by unique keys, and the token of the next page. A limit
// that is absent or 0 means the largest page.
func pageOf[T any](list []T, key func(T) string, limit *int, token *string) (page []T, next *string, err error) {
	start := 0
	if token != nil {
		after, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(after) == 0 {
			return nil, nil, awsapi.Refused(invalidParameter, pageToken.With(), "Invalid pagination token.")
		}
		// What was removed meanwhile does not matter: the page begins after where it was.
		start = len(list)
		if i := slices.IndexFunc(list, func(t T) bool { return key(t) > string(after) }); i >= 0 {
			start = i
		}
	}

	size := largestPage
	if limit != nil && *limit > 0 {
		size = min(*limit, largestPage)
	}

	end := min(start+size, len(list))
	if end < len(list) {
		next = new(base64.RawURLEncoding.EncodeToString([]byte(key(list[end-1]))))
	}

	return list[start:end], next, nil
}

// sorted returns the values of a map in the order of their keys.
func sorted[T any](m map[string]T) []T {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, strings.Compare)

	values := make([]T, 0, len(m))
	for _, k := range keys {
		values = append(values, m[k])
	}

	return values
}
