import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.poolhouseid.junit5.Fault;
import io.github.poolhouseid.junit5.Poolhouse;
import io.github.poolhouseid.junit5.PoolhouseException;
import io.github.poolhouseid.junit5.Session;
import io.github.poolhouseid.junit5.WithPoolhouse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the extension can do besides. */
@WithPoolhouse
class MoreTest {
    private final Poolhouse poolhouse;

    MoreTest(Poolhouse poolhouse) {
        this.poolhouse = poolhouse;
    }

    @Test
    void usersAndGuestsSignIn() {
        Session alice = poolhouse.signIn("alice");
        assertNotEquals(alice.identityId(), poolhouse.guest().identityId());
        assertEquals(alice.identityId(),
            poolhouse.session(poolhouse.poolId(), poolhouse.logins(Map.of("sub", "alice"))).identityId());
        assertTrue(alice.expiration().isAfter(Instant.now()));
        assertFalse(alice.toString().contains(alice.secretAccessKey()));
    }

    @Test
    void refusalsHaveTheErrorsName() {
        Map<String, String> expired = poolhouse.logins(Map.of("user", "alice", "expires_in", -600));
        var refusal = assertThrows(PoolhouseException.class, () -> poolhouse.session(poolhouse.poolId(), expired));
        assertEquals("NotAuthorizedException", refusal.code());
        assertEquals(400, refusal.status());
        assertTrue(poolhouse.explain().contains("GetId 400 NotAuthorizedException"), poolhouse.explain());
        assertTrue(poolhouse.explain().endsWith("\n  reason: token-expiry"), poolhouse.explain());
        refusal = assertThrows(PoolhouseException.class, () -> poolhouse.token("\"nobody\" \u00e9\n"));
        assertTrue(refusal.getMessage().contains("no such user"), refusal.getMessage());
    }

    @RepeatedTest(2)
    void eachTestBeginsAnew() {
        assertEquals(List.of(), poolhouse.calls());
        assertEquals(List.of(), poolhouse.faults());
        assertTrue(poolhouse.clock().now().isBefore(Instant.now().plusSeconds(3600)));
        poolhouse.fail(Fault.operation("*").error("TooManyRequestsException"));
        poolhouse.clock().advance(Duration.ofDays(1));
        assertThrows(PoolhouseException.class, poolhouse::guest);
    }

    @Test
    void faultsEnd() {
        String id = poolhouse.fail(Fault.operation("GetId").error("InternalErrorException").after(1));
        poolhouse.guest();
        assertEquals("InternalErrorException", assertThrows(PoolhouseException.class, poolhouse::guest).code());
        poolhouse.endFault(id);
        poolhouse.guest();
        poolhouse.fail(Fault.operation("*").delay(Duration.ofMinutes(1)));
        poolhouse.fail(Fault.provider("*").answer("down"));
        poolhouse.endFaults();
        poolhouse.guest();
    }

    @Test
    void theClockMoves() {
        Instant past = Instant.parse("2026-01-02T03:04:05Z");
        poolhouse.clock().stop();
        poolhouse.clock().set(past);
        assertEquals(past, poolhouse.clock().now());
        assertTrue(poolhouse.clock().reset().isAfter(past));
    }

    @Test
    void callsCanBeWaitedFor() {
        poolhouse.guest();
        assertEquals("GetId", poolhouse.waitForCall("GetId", Duration.ofSeconds(1)).get("operation"));
        assertEquals(408, assertThrows(PoolhouseException.class,
            () -> poolhouse.waitForCall("ListIdentities", Duration.ofSeconds(1))).status());
    }

    @Test
    void seeds(@TempDir Path folder) throws Exception {
        Path seed = Files.writeString(folder.resolve("seed.yaml"), "Users:\n  ed: {}\nResources:\n  Second:\n    "
            + "Type: AWS::Cognito::IdentityPool\n    Properties: {IdentityPoolName: second, "
            + "AllowUnauthenticatedIdentities: true}\n");
        poolhouse.seed(seed);
        assertEquals(2, poolhouse.pools().size());
        assertThrows(IllegalStateException.class, poolhouse::poolId);
        assertFalse(poolhouse.token("ed").isEmpty());
        assertNotEquals(poolhouse.rotateKey(), poolhouse.rotateKey());
    }

    @Test
    void theServerIsInTheSystemProperties() {
        assertEquals(poolhouse.endpoint().toString(), System.getProperty("aws.endpointUrlSts"));
        assertEquals(poolhouse.poolId(), System.getProperty("poolhouse.poolId"));
        assertNull(System.getProperty("aws.sessionToken"));
        assertNull(System.getProperty("aws.profile"));
    }

    @Test
    void aServerThatCannotStartTellsWhy() {
        var fault = assertThrows(PoolhouseException.class, () -> Poolhouse.start(List.of("gone.yaml"), List.of()));
        assertTrue(fault.getMessage().contains("gone.yaml"), fault.getMessage());
    }
}
