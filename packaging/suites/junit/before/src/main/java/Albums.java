import java.util.Map;
import software.amazon.awssdk.services.cognitoidentity.CognitoIdentityClient;

/** The app: each user keeps photos in a folder of their own. */
final class Albums {
    static String folder(String poolId, Map<String, String> logins) {
        try (CognitoIdentityClient client = CognitoIdentityClient.create()) {
            return name(client.getId(r -> r.identityPoolId(poolId).logins(logins)).identityId());
        }
    }

    static String name(String identity) {
        return "albums/" + identity + "/";
    }
}
