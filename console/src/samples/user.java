// Sign a user in. The variable TOKEN has the token of the provider.
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

  public static void main(String[] args) {
    var logins = Map.of("__LOGIN_KEY__", System.getenv("TOKEN"));
    var pools = CognitoIdentityClient.builder().endpointOverride(ENDPOINT).region(REGION)
        .credentialsProvider(AnonymousCredentialsProvider.create()).build();
    var id = pools.getId(r -> r.identityPoolId(POOL).logins(logins)).identityId();
    var keys = pools.getCredentialsForIdentity(r -> r.identityId(id).logins(logins)).credentials();
    var session = AwsSessionCredentials.create(keys.accessKeyId(), keys.secretKey(), keys.sessionToken());

    try (var sts = StsClient.builder().endpointOverride(ENDPOINT).region(REGION)
        .credentialsProvider(StaticCredentialsProvider.create(session)).build()) {
      System.out.println(id);
      System.out.println(sts.getCallerIdentity().arn());
    }
  }
}
