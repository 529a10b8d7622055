package wiretest

// Texts of the refusals of the classic flow.
const (
	ClassicFlowOff      = "Basic (classic) flow is not enabled, please use enhanced flow."
	ClassicFlowMappings = "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow."
)
