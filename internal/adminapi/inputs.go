package adminapi

import (
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// An input has bounds of two kinds. What one member may be, its method Validate tells: ValidationException. How
// members go together, and whose page token it is, the operation tells: InvalidParameterException.
var (
	poolIDShape = awsapi.String{Min: 1, Max: 55}
	epochShape  = awsapi.Number{Max: 253402300799} // seconds since 1970, until the end of the year 9999
)

// outOfRange refuses a member whose value another member does not allow.
func outOfRange(member, expected string) *awsapi.Error {
	return badInput(inputRange.With("member", member, "expected", member+" that is "+expected),
		fmt.Sprintf("%s must be %s.", member, expected))
}

// pageSize returns the number of results for a page.
func pageSize(asked *int, unlessAsked int) int {
	if asked == nil {
		return unlessAsked
	}
	return *asked
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

// inputTime reads a time in seconds since 1970, with a fraction.
func inputTime(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)).UTC() }
