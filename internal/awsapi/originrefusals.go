package awsapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// OriginRefusals lists the reasons for refusing requests by host and origin.
var OriginRefusals explain.Catalogue

var (
	hostForeign = OriginRefusals.Add(explain.Reason{
		Code:  "host-of-the-request",
		Check: "host of the request",
		Expected: "an IP address, localhost, a name without a dot, the host of issuer_url, " + dockerHost +
			", or a name of " + hostsSetting,
		Got: "{host}",
		Fix: "add the name to " + hostsSetting + ", if it is yours",
	})
	pageForeign = OriginRefusals.Add(explain.Reason{
		Code:  "origin-of-the-request",
		Check: "origin of the request",
		Expected: "an origin on localhost or a loopback address, with http or https also on a name without a dot or " +
			"the host of the request, or one of " + originsSetting,
		Got: "{page}",
		Fix: "add the origin (scheme://host:port) to " + originsSetting + ", if the page is yours",
	})
	originUnlisted = OriginRefusals.Add(explain.Reason{
		Code:     "origin-of-the-request-listed",
		Check:    "origin of the request",
		Expected: "one of {setting}",
		Got:      "{origin}",
		Fix:      "add the origin (scheme://host:port) to {setting}, if the page is yours",
	})
)

// unlisted refuses a call from a page whose origin the setting does not list.
func unlisted(setting, origin string) *explain.Refusal {
	link := explain.Setting(setting).Adding(origin)
	return originUnlisted.With("setting", setting, "origin", quoteAddress(origin)).At(link)
}
