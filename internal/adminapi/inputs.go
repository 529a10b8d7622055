package adminapi

import (
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// outOfRange refuses a member that has a value of the right type, and not one of those expected.
func outOfRange(member, expected string) *awsapi.Error {
	return badInput(inputRange.With("member", member, "expected", member+" that is "+expected),
		fmt.Sprintf("%s must be %s.", member, expected))
}

// pageSize returns the number of results for a page; most is also the number if the caller gives none.
func pageSize(asked *int, most int) (int, error) {
	if asked == nil {
		return most, nil
	}
	if *asked < 1 || *asked > most {
		return 0, outOfRange("MaxResults", fmt.Sprintf("a number from 1 to %d", most))
	}
	return *asked, nil
}

// pageStart returns the key after which a page begins. scope tells everything that the question consists of.
func (s *Service) pageStart(c awsapi.Caller, scope []string, token *string) (string, error) {
	if token == nil {
		return "", nil
	}

	last, err := s.options.Sealer.OpenText(*token, pageScope(c, scope))
	if err != nil {
		return "", badInput(pageForeign.With(), "NextToken is not one of this operation, account and question.").
			Because(err)
	}

	return string(last), nil
}

func (s *Service) pageToken(c awsapi.Caller, scope []string, last string) *string {
	return new(s.options.Sealer.SealText([]byte(last), pageScope(c, scope)))
}

// pageScope keeps the parts apart by their quotes.
func pageScope(c awsapi.Caller, scope []string) string {
	return fmt.Sprintf("page/administration/%q %q %q", c.Account, c.Region, scope)
}

// maxEpoch bounds times of inputs, seconds: the end of the year 9999.
const maxEpoch = 253402300799

// inputTime reads a time in seconds since 1970, with a fraction.
func inputTime(member string, seconds float64) (time.Time, error) {
	if !(seconds >= 0 && seconds <= maxEpoch) { // also NaN
		return time.Time{}, outOfRange(member, "a time in seconds since 1970")
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
}

// inputText checks the length of text, in bytes.
func inputText(member string, text *string, least, most int) error {
	if text != nil && (len(*text) < least || len(*text) > most) {
		return outOfRange(member, fmt.Sprintf("text of %d to %d bytes", least, most))
	}
	return nil
}
