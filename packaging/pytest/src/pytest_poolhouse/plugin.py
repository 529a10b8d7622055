"""The fixtures of pytest-poolhouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generator, Iterator

import pytest

from .server import Poolhouse

# Settings of the developer's own AWS account. SDKs would send the token with the server's keys, look for the
# profile, or call AWS in place of the server.
FOREIGN = (
    "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")

RUNNING = pytest.StashKey[Poolhouse]()
USES_SERVER = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "poolhouse_seed", type="linelist", default=[],
        help="files, or folders of files, of pools, roles, providers, users and identities to have; "
        "without any there is the demo pool with the users alice, bob and carol")
    parser.addini(
        "poolhouse_arguments", type="args", default=[], help="more arguments of poolhouse dev")


@pytest.fixture(scope="session")
def poolhouse_server(request: pytest.FixtureRequest) -> Iterator[Poolhouse]:
    """A server for the whole run, or for each worker of pytest-xdist. Nothing resets it between tests."""
    root = Path(request.config.inipath).parent if request.config.inipath else Path(request.config.rootpath)
    seeds = [root / seed for seed in request.config.getini("poolhouse_seed")]
    with Poolhouse(seeds=seeds, arguments=request.config.getini("poolhouse_arguments")) as server:
        request.config.stash[RUNNING] = server
        yield server


@pytest.fixture
def poolhouse(
    request: pytest.FixtureRequest, poolhouse_server: Poolhouse, monkeypatch: pytest.MonkeyPatch,
) -> Poolhouse:
    """The server as it started, with its address and keys in the environment, where boto3 finds them.

    A test that fails shows the server's last calls, with the reason of each refusal.
    """
    request.node.stash[USES_SERVER] = True
    poolhouse_server.reset()
    for name, value in poolhouse_server.environment.items():
        monkeypatch.setenv(name, value)
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    return poolhouse_server


@pytest.hookimpl(hookwrapper=True)  # type: ignore[misc,unused-ignore]
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    server = item.config.stash.get(RUNNING, None)
    uses = item.stash.get(USES_SERVER, False) or "poolhouse_server" in getattr(item, "fixturenames", ())
    if report.failed and server and uses:
        try:
            calls = server.explain()
        except Exception as error:  # it must not hide why the test failed
            calls = f"not to be had: {error}"
        if calls:
            report.sections.append(("last calls of Poolhouse", calls))
