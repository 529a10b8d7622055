package session

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Limits of session tags (STS API reference, Tag; IAM User Guide, "Pass session
// tags"). Those of keys and values are in characters.
const (
	MaxTags     = 50
	MaxTagKey   = 128
	MaxTagValue = 256
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// CheckTags returns why STS would refuse session tags; nil if it would not. The reason
// shows no value of a tag.
func CheckTags(tags map[string]string) *explain.Refusal {
	if len(tags) > MaxTags {
		return tagsCount.With("count", strconv.Itoa(len(tags)), "limit", strconv.Itoa(MaxTags))
	}

	seen := make(map[string]string, len(tags))
	for _, key := range sortedKeys(tags) {
		folded := strings.ToLower(key)
		switch value := tags[key]; {
		case key == "" || utf8.RuneCountInString(key) > MaxTagKey || !tagText.MatchString(key):
			return tagKeyForm.With("key", fmt.Sprintf("%.140q", key), "limit", strconv.Itoa(MaxTagKey))
		case strings.HasPrefix(folded, "aws:"):
			return tagKeyReserved.With("key", strconv.Quote(key))
		case seen[folded] != "":
			return tagKeysEqual.With("one", strconv.Quote(seen[folded]), "other", strconv.Quote(key))
		case utf8.RuneCountInString(value) > MaxTagValue || !tagText.MatchString(value):
			return tagValueForm.With("key", strconv.Quote(key), "bytes", strconv.Itoa(len(value)),
				"limit", strconv.Itoa(MaxTagValue))
		}

		seen[folded] = key
	}

	return nil
}
