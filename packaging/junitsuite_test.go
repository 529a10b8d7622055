package packaging

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJUnitPackage runs suites with the extension from a Maven repository that has what was built.
func TestJUnitPackage(t *testing.T) {
	caches, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	// Maven keeps what it takes from a repository: a former build of this commit must not count. What the user
	// has installed stays.
	kept := filepath.Join(caches, "poolhouse-tests", "maven")
	if err := os.RemoveAll(filepath.Join(kept, "io/github/poolhouse-id")); err != nil {
		t.Fatal(err)
	}

	folder := suiteFolder(t, t.TempDir(), "junit/after")
	if err := os.CopyFS(folder, os.DirFS("suites/junit/more")); err != nil {
		t.Fatal(err)
	}
	page := pageFolder(t, t.TempDir(), "junit.md")
	useBuilt(t, filepath.Join(page, "pom.xml"), "0.1.0")
	if err := os.Rename(filepath.Join(folder, "pom.xml"), filepath.Join(folder, "pom-of-the-suite.xml")); err != nil {
		t.Fatal(err)
	}
	useBuilt(t, filepath.Join(folder, "pom-of-the-suite.xml"), "VERSION")
	if err := os.CopyFS(folder, os.DirFS(page)); err != nil { // with its pom.xml: one start of Maven for all
		t.Fatal(err)
	}

	temporary := t.TempDir()
	own := "-DargLine=-Daws.sessionToken=own -Daws.profile=own"
	mvn := suite{folder, []string{"JAVA_TOOL_OPTIONS=-Djava.io.tmpdir=" + temporary},
		[]string{"mvn", "-B", "-Dmaven.repo.local=" + kept, own, "test"}}
	mvn.passes(t, "Tests run: 16, Failures: 0, Errors: 0, Skipped: 0")
	leavesNothing(t, temporary)

	failing := `import io.github.poolhouseid.junit5.*;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@WithPoolhouse
class FailingTest {
    @BeforeEach
    void fails(Poolhouse poolhouse) {
        poolhouse.session(poolhouse.poolId(), poolhouse.logins(Map.of("user", "alice", "expires_in", -600)));
    }

    @Test
    void isNotReached() {
    }
}
`
	source := filepath.Join(folder, "src/test/java/FailingTest.java")
	if err := os.WriteFile(source, []byte(failing), 0o600); err != nil {
		t.Fatal(err)
	}
	command := append(mvn.command, "-f", "pom-of-the-suite.xml", "-Dtest=FailingTest")
	suite{folder, mvn.environment, command}.tells(t)
}

// useBuilt lets a suite take the built extension, in place of the version that it names.
func useBuilt(t *testing.T, pom, version string) {
	t.Helper()
	repository, err := filepath.Abs(filepath.Join(dist, "maven"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(pom)
	if err != nil {
		t.Fatal(err)
	}
	named := "<version>" + version + "</version>"
	if strings.Count(string(text), named) != 1 {
		t.Fatalf("%s does not name version %s once", pom, version)
	}

	repositories := "<repositories><repository><id>built</id><url>file://" + repository +
		"</url></repository></repositories></project>"
	text = []byte(strings.NewReplacer(named, "<version>"+built.Version+"</version>", "</project>", repositories).
		Replace(string(text)))
	if err := os.WriteFile(pom, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
