package poolhouse_test

// Texts of the refusals of the classic flow.
const (
	classicFlowOff      = "Basic (classic) flow is not enabled, please use enhanced flow."
	classicFlowMappings = "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow."
)
