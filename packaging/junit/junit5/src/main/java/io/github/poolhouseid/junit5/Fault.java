package io.github.poolhouseid.junit5;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** What goes wrong. Each method returns a new fault with one more member. */
public final class Fault {
    final Map<String, Object> members;

    private Fault(Map<String, Object> members) {
        this.members = members;
    }

    /** Returns a fault of an operation, or of all with "*". */
    public static Fault operation(String name) {
        return new Fault(Map.of("operation", name));
    }

    /** Returns a fault of requests to a login provider, by its key in Logins or its host, or of all with "*". */
    public static Fault provider(String name) {
        return new Fault(Map.of("provider", name));
    }

    /** Returns a fault of the database's "writes", "reads" or "all". */
    public static Fault database(String accesses) {
        return new Fault(Map.of("database", accesses));
    }

    /** The operation answers this error, such as "TooManyRequestsException". */
    public Fault error(String name) {
        return with("error", name);
    }

    /** The database fails. */
    public Fault error() {
        return with("error", true);
    }

    /** It takes longer. */
    public Fault delay(Duration time) {
        return with("delay_ms", time.toMillis());
    }

    /** The connection is cut: "before" the operation is carried out, or "after". */
    public Fault disconnect(String when) {
        return with("disconnect", when);
    }

    /** The provider is "down" or "slow", or answers a "status", "foreign_keys" or "garbage". */
    public Fault answer(String kind) {
        return with("answer", kind);
    }

    /** The first ones are spared. */
    public Fault after(int count) {
        return with("after", count);
    }

    /** So many are struck. Without it all are, until the fault is deleted or the server is reset. */
    public Fault times(int count) {
        return with("times", count);
    }

    /** Another member of the control API. */
    public Fault with(String name, Object value) {
        Map<String, Object> more = new LinkedHashMap<>(members);
        more.put(name, value);
        return new Fault(more);
    }
}
