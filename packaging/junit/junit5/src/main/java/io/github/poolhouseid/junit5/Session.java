package io.github.poolhouseid.junit5;

import java.time.Instant;
import java.util.Map;

/**
 * Who has signed in, or a guest.
 *
 * @param identityId the identity's ID
 * @param logins what GetId and GetCredentialsForIdentity take as Logins; empty for a guest
 * @param accessKeyId the access key's ID
 * @param secretAccessKey the access key
 * @param sessionToken the session token that belongs to the key
 * @param expiration until when the key is valid
 */
public record Session(String identityId, Map<String, String> logins, String accessKeyId, String secretAccessKey,
        String sessionToken, Instant expiration) {
    /** Shows no key. */
    @Override
    public String toString() {
        return "Session[identityId=" + identityId + ", accessKeyId=" + accessKeyId + "]";
    }
}
