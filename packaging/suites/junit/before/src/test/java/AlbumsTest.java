import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class AlbumsTest {
    @Test
    void name() {
        assertEquals("albums/us-east-1:1/", Albums.name("us-east-1:1"));
    }
}
