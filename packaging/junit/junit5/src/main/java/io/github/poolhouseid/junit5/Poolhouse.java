package io.github.poolhouseid.junit5;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;

/** A {@code poolhouse dev} in a process of its own, which ends with this one. */
public final class Poolhouse implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(30);
    private static final Duration STOP = Duration.ofSeconds(10);
    private static final Duration REQUEST = Duration.ofSeconds(90);
    private static final int LINES = 1000;
    private static final int SHOWN = 20; // calls

    // The server is on this machine: no proxy of the settings leads there.
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
        .proxy(HttpClient.Builder.NO_PROXY).build();
    private final Program program = new Program();
    private final Deque<String> lines = new ArrayDeque<>();
    private final Clock clock = new Clock();
    private final Process process;
    private final URI endpoint;
    private final Map<String, String> info = new LinkedHashMap<>();
    private List<Map<String, Object>> pools;

    /**
     * Starts a server on a free port, and returns once it answers.
     *
     * @param seeds files, or folders of files, of pools, roles, providers, users and identities to have; without
     *     any there is the demo pool with the users alice, bob and carol
     * @param arguments more arguments of {@code poolhouse dev}
     */
    public static Poolhouse start(List<String> seeds, List<String> arguments) {
        return new Poolhouse(seeds, arguments);
    }

    private Poolhouse(List<String> seeds, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of(program.path.toString(), "dev", "--memory", "--listen",
            "127.0.0.1:0", "--ready-file", "-", "--exit-with-parent"));
        if (seeds.isEmpty()) {
            command.add("--demo");
        }
        seeds.forEach(seed -> command.addAll(List.of("--seed", seed)));
        command.addAll(arguments);

        ProcessBuilder builder = new ProcessBuilder(command);
        // Settings and keys of this machine's user are meant for other servers.
        builder.environment().keySet().removeIf(name -> name.startsWith("AWS_") || name.startsWith("POOLHOUSE_"));
        try {
            process = builder.start();
        } catch (IOException e) {
            program.close();
            throw new PoolhouseException("poolhouse dev cannot be run: " + e.getMessage(), e);
        }

        Thread reader = new Thread(this::readOutput, "poolhouse-output");
        reader.setDaemon(true);
        reader.start();
        Map<String, Object> ready = waitUntilReady(reader);
        endpoint = URI.create(ready.get("endpoint").toString());
        pools = Json.objects(ready.get("pools"));
        control("GET", "info", null).forEach((name, value) -> info.put(name, String.valueOf(value)));
    }

    private Map<String, Object> waitUntilReady(Thread reader) {
        BufferedReader output = process.inputReader(StandardCharsets.UTF_8);
        CompletableFuture<String> first = CompletableFuture.supplyAsync(() -> {
            try {
                return output.readLine();
            } catch (IOException e) {
                return null;
            }
        });

        String line = null;
        try {
            line = first.get(START.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            // told below
        }
        if (line == null) {
            close();
            join(reader);
            throw new PoolhouseException("poolhouse dev did not start:\n" + output(), 0, "");
        }
        program.started();

        return Json.object(Json.read(line));
    }

    private static void join(Thread thread) {
        try {
            thread.join(STOP.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void readOutput() {
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                synchronized (lines) {
                    if (lines.size() == LINES) {
                        lines.removeFirst();
                    }
                    lines.add(line);
                }
            }
        } catch (IOException e) {
            // the server has ended
        }
    }

    /** Stops the server. It may be called more than once. */
    @Override
    public void close() {
        try {
            process.getOutputStream().close();
        } catch (IOException e) {
            // the server has ended before
        }
        try {
            if (!process.waitFor(STOP.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        program.close();
    }

    /** Returns the end of what the server has printed: why it refused calls, among others. */
    public String output() {
        synchronized (lines) {
            return String.join("\n", lines);
        }
    }

    /** Returns the server's address. */
    public URI endpoint() {
        return endpoint;
    }

    /** Returns the region, for clients of the AWS SDK. */
    public String region() {
        return info.get("region");
    }

    /** Returns the access key ID of an administrator. */
    public String accessKeyId() {
        return info.get("access_key_id");
    }

    /** Returns the key of an administrator. */
    public String secretAccessKey() {
        return info.get("secret_access_key");
    }

    /** Returns what {@code GET /_poolhouse/dev/info} answers. */
    public Map<String, String> info() {
        return Map.copyOf(info);
    }

    /** Returns the identity pools that seeds have made: id, name, allow_guests. */
    public List<Map<String, Object>> pools() {
        return pools;
    }

    /** Returns the ID of the only pool; fails if there are several, or none. */
    public String poolId() {
        if (pools.size() != 1) {
            throw new IllegalStateException("there are " + pools.size() + " pools: choose one of pools()");
        }
        return pools.get(0).get("id").toString();
    }

    /** Returns the system properties by which the AWS SDK for Java finds the server. */
    public Map<String, String> systemProperties() {
        Map<String, String> properties = new LinkedHashMap<>();
        for (String service : List.of("CognitoIdentity", "CognitoIdentityProvider", "Sts", "Iam")) {
            properties.put("aws.endpointUrl" + service, endpoint.toString());
        }
        properties.put("aws.region", region());
        properties.put("aws.accessKeyId", accessKeyId());
        properties.put("aws.secretAccessKey", secretAccessKey());
        if (pools.size() == 1) {
            properties.put("poolhouse.poolId", poolId());
        }
        return properties;
    }

    /** Returns an ID token of a user of the demo or a seed. */
    public String token(String user) {
        return token(Map.of("user", user));
    }

    /** Returns an ID token. The members are those of the control API: user or sub, expires_in, aud, claims. */
    public String token(Map<String, ?> members) {
        return control("POST", "token", members).get("token").toString();
    }

    /** Returns a user's token as GetId and GetCredentialsForIdentity take it. */
    public Map<String, String> logins(String user) {
        return logins(Map.of("user", user));
    }

    /** Returns a token as GetId and GetCredentialsForIdentity take it, with the members of {@link #token(Map)}. */
    public Map<String, String> logins(Map<String, ?> members) {
        return Map.of(info.get("login_key"), token(members));
    }

    /** Signs a user in at the only pool: GetId and GetCredentialsForIdentity. */
    public Session signIn(String user) {
        return session(poolId(), logins(user));
    }

    /** Makes a new guest of the only pool: GetId and GetCredentialsForIdentity. */
    public Session guest() {
        return session(poolId(), Map.of());
    }

    /** Gets an identity of a pool and its credentials: GetId and GetCredentialsForIdentity. */
    public Session session(String poolId, Map<String, String> logins) {
        Object id = identity("GetId", Map.of("IdentityPoolId", poolId, "Logins", logins)).get("IdentityId");
        Map<String, Object> keys = Json.object(
            identity("GetCredentialsForIdentity", Map.of("IdentityId", id, "Logins", logins)).get("Credentials"));
        Instant expiration = Instant.ofEpochSecond(((BigDecimal) keys.get("Expiration")).longValue());
        return new Session(id.toString(), logins, keys.get("AccessKeyId").toString(), keys.get("SecretKey").toString(),
            keys.get("SessionToken").toString(), expiration);
    }

    /** Lets something go wrong from now on, and returns the fault's ID. */
    public String fail(Fault fault) {
        return control("POST", "faults", fault.members).get("id").toString();
    }

    /** Returns the faults that are set, each with its number of {@code hits}. */
    public List<Map<String, Object>> faults() {
        return Json.objects(control("GET", "faults", null).get("faults"));
    }

    /** Ends a fault. */
    public void endFault(String id) {
        control("DELETE", "faults/" + encoded(id), null);
    }

    /** Ends all faults. */
    public void endFaults() {
        control("DELETE", "faults", null);
    }

    /** Returns the server's clock. */
    public Clock clock() {
        return clock;
    }

    /** Makes everything as after a start. */
    public void reset() {
        pools = Json.objects(control("POST", "reset", Map.of()).get("pools"));
    }

    /** Applies a seed, and returns what it made. */
    public Map<String, Object> seed(Path file) {
        Map<String, Object> outcome;
        try {
            outcome = control("POST", "seed", Files.readString(file), "application/yaml");
        } catch (IOException e) {
            throw new PoolhouseException("the seed cannot be read: " + e.getMessage(), e);
        }
        pools = Json.objects(control("GET", "pools", null).get("pools"));
        return outcome;
    }

    /** Gives the built-in issuer a new key, and returns the key's ID. */
    public String rotateKey() {
        return control("POST", "rotate-key", Map.of()).get("kid").toString();
    }

    /**
     * Returns the calls of clients since the test began, oldest first, at most the newest 1000: operation, status,
     * error, explain and so on.
     */
    public List<Map<String, Object>> calls() {
        return Json.objects(control("GET", "calls?limit=1000", null).get("calls"));
    }

    /** Waits for a call of an operation, also for one that was there before. */
    public Map<String, Object> waitForCall(String operation, Duration timeout) {
        return control("GET", "calls/wait?operation=" + encoded(operation) + "&timeout_seconds=" + timeout.toSeconds(),
            null);
    }

    /** Returns the last calls as text, with the reason of each refusal. */
    public String explain() {
        List<Map<String, Object>> calls = calls();
        return calls.subList(Math.max(0, calls.size() - SHOWN), calls.size()).stream().map(Poolhouse::shown)
            .collect(Collectors.joining("\n"));
    }

    private static String shown(Map<String, Object> call) {
        StringBuilder out = new StringBuilder();
        for (String member : List.of("operation", "status", "error")) {
            if (call.get(member) != null) {
                out.append(out.isEmpty() ? "" : " ").append(call.get(member));
            }
        }
        if (call.get("request_id") != null) {
            out.append(" (request ").append(call.get("request_id")).append(")");
        }

        if (call.get("message") != null) {
            out.append("\n  ").append(call.get("message"));
        }
        if (call.get("explain") != null) {
            String text = Json.object(call.get("explain")).get("text").toString();
            out.append("\n  ").append(text.replace("\n", "\n  "));
        }
        return out.toString();
    }

    /** Calls the control API at a path below /_poolhouse/dev/; without a body if that is null. */
    public Map<String, Object> control(String method, String path, Map<String, ?> body) {
        return control(method, path, body == null ? null : Json.write(body), "application/json");
    }

    private Map<String, Object> control(String method, String path, String body, String type) {
        HttpRequest.Builder request = HttpRequest.newBuilder(endpoint.resolve("/_poolhouse/dev/" + path))
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        return send(body == null ? request : request.header("Content-Type", type), method + " " + path);
    }

    /** Calls an operation of the identity pools as a client does that has no keys. */
    private Map<String, Object> identity(String operation, Map<String, ?> body) {
        return send(HttpRequest.newBuilder(endpoint).header("Content-Type", "application/x-amz-json-1.1")
            .header("X-Amz-Target", "AWSCognitoIdentityService." + operation)
            .POST(BodyPublishers.ofString(Json.write(body))), operation);
    }

    private Map<String, Object> send(HttpRequest.Builder request, String name) {
        HttpResponse<String> answer;
        try {
            answer = http.send(request.timeout(REQUEST).build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new PoolhouseException(name + ": " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PoolhouseException(name + ": " + e, e);
        }

        Map<String, Object> content;
        try {
            content = answer.body().isEmpty() ? Map.of() : Json.object(Json.read(answer.body()));
        } catch (IllegalArgumentException | ClassCastException e) {
            content = Map.of("message", answer.body());
        }
        if (answer.statusCode() / 100 == 2) {
            return content;
        }
        Object message = content.getOrDefault("error", content.get("message"));
        throw new PoolhouseException(name + ": " + message, answer.statusCode(),
            String.valueOf(content.getOrDefault("__type", "")));
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** The server's clock. All methods return the time there. */
    public final class Clock {
        private Clock() {
        }

        /** Tells the time. */
        public Instant now() {
            return time(control("GET", "clock", null));
        }

        /** Moves the clock on. */
        public Instant advance(Duration time) {
            return time(control("PUT", "clock", Map.of("advance_seconds", time.toSeconds())));
        }

        /** Sets the clock. It goes on from there. */
        public Instant set(Instant time) {
            return time(control("PUT", "clock", Map.of("now", time.toString())));
        }

        /** Moves the clock, and lets it count for signatures, too: SDKs notice that the clocks differ. */
        public Instant skew(Duration time) {
            return time(control("PUT", "clock", Map.of("advance_seconds", time.toSeconds(), "skewed", true)));
        }

        /** Stops the clock. */
        public Instant stop() {
            return time(control("PUT", "clock", Map.of("stopped", true)));
        }

        /** Puts the clock back to the real time. */
        public Instant reset() {
            return time(control("DELETE", "clock", null));
        }

        private static Instant time(Map<String, Object> answer) {
            return Instant.parse(answer.get("now").toString());
        }
    }
}
