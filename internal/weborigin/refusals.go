package weborigin

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which this package refuses.
var Refusals explain.Catalogue

var (
	hostForeign = Refusals.Add(explain.Reason{
		Code:  "host-of-the-request",
		Check: "host of the request",
		Expected: "an IP address, localhost, a name without a dot, the host of issuer_url, " + dockerHost +
			", or a name of " + hostsSetting,
		Got: "{host}",
		Fix: "add the name to " + hostsSetting + ", if it is yours",
	})
	pageForeign = Refusals.Add(explain.Reason{
		Code:  "origin-of-the-request",
		Check: "origin of the request",
		Expected: "an origin on localhost or a loopback address, with http or https also on a name without a dot or " +
			"the host of the request, or one of " + originsSetting,
		Got: "{page}",
		Fix: "add the origin (scheme://host:port) to " + originsSetting + ", if the page is yours",
	})
	originUnlisted = Refusals.Add(explain.Reason{
		Code:     "origin-of-the-request-listed",
		Check:    "origin of the request",
		Expected: "one of {setting}",
		Got:      "{origin}",
		Fix:      "add the origin (scheme://host:port) to {setting}, if the page is yours",
	})
)

// Unlisted is the reason why a page of an origin may not call that a setting does not
// list.
func Unlisted(setting, origin string) *explain.Refusal {
	link := explain.Link{Kind: explain.LinkSetting, ID: setting, Add: origin, Source: explain.SourceFile}

	return originUnlisted.With("setting", setting, "origin", quote(origin)).At(link)
}
