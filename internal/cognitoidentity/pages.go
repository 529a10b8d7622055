package cognitoidentity

import "github.com/poolhouse-id/poolhouse/internal/awsapi"

// A page token is the last key of the page, sealed for one operation and one scope
// (account, pool, ...). Clients cannot read it, alter it or use it elsewhere. MaxResults
// and HideDisabled are not part of the scope: they may change from page to page.

func (s *Service) pageToken(scope, last string) *string {
	return new(s.Sealer.SealText([]byte(last), "page/"+scope))
}

// pageStart returns the key after which the page begins, "" for the first page.
func (s *Service) pageStart(scope string, token *string) (string, error) {
	if token == nil {
		return "", nil
	}

	last, err := s.Sealer.OpenText(*token, "page/"+scope)
	if err != nil {
		return "", awsapi.Refused(invalidParameter, pageTokenForeign.With(), messageNextToken).Because(err)
	}

	return string(last), nil
}
