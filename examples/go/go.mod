module example.com/albums

go 1.26.4

require (
	github.com/aws/aws-sdk-go-v2 v1.41.9
	github.com/aws/aws-sdk-go-v2/service/cognitoidentity v1.34.0
	github.com/poolhouse-id/poolhouse v0.0.0
)

// In this repository the example uses the Poolhouse beside it. Your module has no such line.
replace github.com/poolhouse-id/poolhouse => ../..
