import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.poolhouseid.junit5.*;
import org.junit.jupiter.api.Test;

class AlbumsTest {
    @Test
    void name() {
        assertEquals("albums/us-east-1:1/", Albums.name("us-east-1:1"));
    }

    @Test @WithPoolhouse
    void aUserKeepsTheFolderInSpiteOfThrottling(Poolhouse poolhouse) {
        Session alice = poolhouse.signIn("alice");
        poolhouse.fail(Fault.operation("GetId").error("TooManyRequestsException").times(1));
        assertEquals("albums/" + alice.identityId() + "/", Albums.folder(poolhouse.poolId(), alice.logins()));
    }
}
