// Sign a user in by the classic flow. The variable TOKEN has the token of the provider.
import java.net.URI;
import java.util.Map;
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
    var logins = Map.of("__LOGIN_KEY__", System.getenv("TOKEN"));
    var pools = CognitoIdentityClient.builder().endpointOverride(ENDPOINT).region(REGION)
        .credentialsProvider(AnonymousCredentialsProvider.create()).build();
    var id = pools.getId(r -> r.identityPoolId(POOL).logins(logins)).identityId();
    var token = pools.getOpenIdToken(r -> r.identityId(id).logins(logins)).token();

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
