// Sign a user of your backend in by the classic flow. The variable USER_ID has the user's ID there.
// The first call is signed with the backend's own key.
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
    var pools = CognitoIdentityClient.builder().endpointOverride(ENDPOINT).region(REGION).build();
    var user = Map.of("__LOGIN_KEY__", System.getenv("USER_ID"));
    var answer = pools.getOpenIdTokenForDeveloperIdentity(r -> r.identityPoolId(POOL).logins(user));
    var id = answer.identityId();
    var token = answer.token();

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
