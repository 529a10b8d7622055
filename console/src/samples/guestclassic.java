// Sign a guest in by the classic flow.
import java.net.URI;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cognitoidentity.CognitoIdentityClient;
import software.amazon.awssdk.services.sts.StsClient;

class App {
  static final URI ENDPOINT = URI.create("__ENDPOINT__");
  static final Region REGION = Region.of("__REGION__");
  static final String POOL = "__POOL_ID__";
  static final String ROLE = "__ROLE_ARN__";

  public static void main(String[] args) {
    var pools = CognitoIdentityClient.builder().endpointOverride(ENDPOINT).region(REGION)
        .credentialsProvider(AnonymousCredentialsProvider.create()).build();
    var id = pools.getId(r -> r.identityPoolId(POOL)).identityId();
    var token = pools.getOpenIdToken(r -> r.identityId(id)).token();

    var anybody = StsClient.builder().endpointOverride(ENDPOINT).region(REGION)
        .credentialsProvider(AnonymousCredentialsProvider.create()).build();
    var keys = anybody.assumeRoleWithWebIdentity(r -> r.roleArn(ROLE).roleSessionName("app").webIdentityToken(token))
        .credentials();
    var session = AwsSessionCredentials.create(keys.accessKeyId(), keys.secretAccessKey(), keys.sessionToken());

    try (var sts = StsClient.builder().endpointOverride(ENDPOINT).region(REGION)
        .credentialsProvider(StaticCredentialsProvider.create(session)).build()) {
      System.out.println(id);
      System.out.println(sts.getCallerIdentity().arn());
    }
  }
}
