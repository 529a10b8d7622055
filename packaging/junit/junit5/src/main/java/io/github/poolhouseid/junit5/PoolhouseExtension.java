package io.github.poolhouseid.junit5;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Starts a server before the first test that needs it, and stops it after the last one. Use it by
 * {@link WithPoolhouse}. A test that fails prints the server's last calls.
 *
 * <p>Configuration parameters of JUnit: {@code poolhouse.seed} has files of pools, roles, providers, users and
 * identities, separated by commas (default: the demo pool with the users alice, bob and carol), and
 * {@code poolhouse.arguments} more arguments of {@code poolhouse dev}, separated by blanks.
 */
public final class PoolhouseExtension
        implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, ParameterResolver {
    private static final ExtensionContext.Namespace SPACE = ExtensionContext.Namespace.create(PoolhouseExtension.class);

    /** Makes the extension; JUnit does this. */
    public PoolhouseExtension() {
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        server(context); // constructors and methods before all tests need it already
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        server(context).reset();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        if (context.getExecutionException().isEmpty()) {
            return;
        }

        String calls;
        try {
            calls = server(context).explain();
        } catch (RuntimeException e) { // it must not hide why the test failed
            calls = "not to be had: " + e.getMessage();
        }
        if (!calls.isEmpty()) {
            System.err.println("Last calls of Poolhouse in " + context.getDisplayName() + ":\n" + calls);
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Poolhouse.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return server(context);
    }

    private static Poolhouse server(ExtensionContext context) {
        return context.getRoot().getStore(SPACE)
            .getOrComputeIfAbsent(Running.class, key -> new Running(context), Running.class).server;
    }

    /** The server of the run. JUnit closes it with the store, since version 5.13. */
    private static final class Running implements AutoCloseable {
        // Of the developer's own AWS account: the SDK would send the token with the server's keys.
        private static final List<String> FOREIGN = List.of("aws.sessionToken", "aws.profile");

        private final Poolhouse server;
        private final Map<String, String> before = new HashMap<>();

        Running(ExtensionContext context) {
            server = Poolhouse.start(parts(context, "poolhouse.seed", ","), parts(context, "poolhouse.arguments", " "));
            FOREIGN.forEach(name -> before.put(name, System.clearProperty(name)));
            server.systemProperties().forEach((name, value) -> before.put(name, System.setProperty(name, value)));
        }

        private static List<String> parts(ExtensionContext context, String parameter, String separator) {
            String text = context.getConfigurationParameter(parameter).orElse("");
            return Arrays.stream(text.split(separator)).map(String::strip).filter(part -> !part.isEmpty()).toList();
        }

        @Override
        public void close() {
            before.forEach((name, value) -> {
                if (value == null) {
                    System.clearProperty(name);
                } else {
                    System.setProperty(name, value);
                }
            });
            server.close();
        }
    }
}
