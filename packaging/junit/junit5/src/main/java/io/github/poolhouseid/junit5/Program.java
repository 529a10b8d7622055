package io.github.poolhouseid.junit5;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** The program for this platform: of the artifact poolhouse-binary, or of POOLHOUSE_BINARY. */
final class Program implements AutoCloseable {
    final Path path;
    private final Path folder; // null = the program is not ours

    Program() {
        String named = System.getenv("POOLHOUSE_BINARY");
        if (named != null && !named.isEmpty()) {
            path = Path.of(named);
            folder = null;
            return;
        }

        String executable = isWindows() ? "poolhouse.exe" : "poolhouse";
        String name = "/io/github/poolhouseid/binary/" + platform() + "/" + executable;
        try (InputStream content = Program.class.getResourceAsStream(name)) {
            if (content == null) {
                throw new PoolhouseException("there is no " + name + " on the class path: is poolhouse-binary "
                    + "excluded? For another program set POOLHOUSE_BINARY to its path", 0, "");
            }
            folder = Files.createTempDirectory("poolhouse");
            path = folder.resolve(executable);
            Files.copy(content, path);
            if (!isWindows() && !path.toFile().setExecutable(true, true)) {
                throw new IOException(path + " cannot be made executable");
            }
        } catch (IOException e) {
            throw new PoolhouseException("the program cannot be unpacked: " + e.getMessage(), e);
        }
    }

    static boolean isWindows() {
        return System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("windows");
    }

    private static String platform() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String machine = switch (System.getProperty("os.arch")) {
            case "amd64", "x86_64" -> "amd64";
            case "aarch64", "arm64" -> "arm64";
            default -> System.getProperty("os.arch");
        };
        return (isWindows() ? "windows" : system.startsWith("mac") ? "darwin" : system) + "-" + machine;
    }

    /** Says that the program runs. Elsewhere than on Windows its file is needed no more: nothing is left behind. */
    void started() {
        if (!isWindows()) {
            close();
        }
    }

    /** Deletes what was unpacked. */
    @Override
    public void close() {
        if (folder == null) {
            return;
        }
        try {
            Files.deleteIfExists(path);
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            folder.toFile().deleteOnExit();
        }
    }
}
