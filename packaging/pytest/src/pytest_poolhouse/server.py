"""A `poolhouse dev` in a process of its own, and its control API."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Deque, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

from .program import binary

START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 10.0  # seconds
END_TIMEOUT = 1  # s, for the system to tell that a server has ended which no longer answers
REQUEST_TIMEOUT = 90.0  # seconds
KEPT_CALLS = 1000  # by the server
SHOWN_CALLS = 20  # by explain

# The server is on this machine: no proxy of the environment leads there.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class PoolhouseError(Exception):
    """An answer of the server that is no success."""

    def __init__(self, message: str, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status."""
        self.code = code
        """The error of AWS, such as NotAuthorizedException; empty for the control API."""


class Credentials(NamedTuple):
    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime

    def __repr__(self) -> str:
        """Shows no secret, as pytest prints what a failed assertion compares."""
        return f"Credentials(access_key_id={self.access_key_id!r}, expiration={self.expiration!r})"

    def boto3(self) -> Dict[str, str]:
        """Returns the arguments for boto3.client or boto3.Session."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "aws_session_token": self.session_token,
        }


class Session(NamedTuple):
    """Who has signed in, or a guest."""

    identity_id: str
    logins: Dict[str, str]
    """What get_id and get_credentials_for_identity take as Logins. Empty for a guest."""
    credentials: Credentials

    def __repr__(self) -> str:
        """Shows no token."""
        return f"Session(identity_id={self.identity_id!r}, credentials={self.credentials!r})"


class Clock:
    """The server's clock."""

    def __init__(self, server: Poolhouse) -> None:
        self._server = server

    def now(self) -> datetime:
        return _time(self._server.control("GET", "clock")["now"])

    def advance(self, seconds: Union[float, timedelta]) -> datetime:
        """Moves the clock on, and returns the time there."""
        if isinstance(seconds, timedelta):
            seconds = seconds.total_seconds()
        return _time(self._server.control("PUT", "clock", {"advance_seconds": seconds})["now"])

    def set(self, time: datetime) -> datetime:
        """Sets the clock to a time with a time zone. It goes on from there."""
        if not isinstance(time, datetime):
            raise TypeError(
                f"clock.set takes a datetime, such as datetime(2030, 1, 31, 12, tzinfo=timezone.utc), not {time!r}"
            )
        text = time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        return _time(self._server.control("PUT", "clock", {"now": text})["now"])

    def skew(self, seconds: float) -> datetime:
        """Moves the clock, and lets it count for signatures, too: SDKs notice that the clocks differ."""
        return _time(self._server.control("PUT", "clock", {"advance_seconds": seconds, "skewed": True})["now"])

    def stop(self) -> datetime:
        return _time(self._server.control("PUT", "clock", {"stopped": True})["now"])

    def reset(self) -> datetime:
        """Puts the clock back to the real time."""
        return _time(self._server.control("DELETE", "clock")["now"])


class Poolhouse:
    """A running server. It ends with stop, and also with this process, however that ends."""

    def __init__(
        self, *, seeds: Sequence[Union[str, "os.PathLike[str]"]] = (), demo: Optional[bool] = None,
        arguments: Sequence[str] = (),
    ) -> None:
        """Starts a server on a free port, and returns once it answers.

        seeds are files, or folders of files, of pools, roles, providers, users and identities to have. Without
        any there is the demo pool with the users alice, bob and carol, unless demo is False.
        """
        command = [binary(), "dev", "--memory", "--listen", "127.0.0.1:0", "--ready-file", "-", "--exit-with-parent"]
        if demo if demo is not None else not seeds:
            command.append("--demo")
        for seed in seeds:
            command += ["--seed", os.fspath(seed)]

        # Settings and keys of this machine's user are meant for other servers.
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POOLHOUSE_"))}
        self._process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment)
        self._lines: Deque[str] = collections.deque(maxlen=1000)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.clock = Clock(self)
        self._ready = self._wait()
        self.endpoint: str = self._ready["endpoint"]
        self.info: Dict[str, str] = self.control("GET", "info")
        """What GET /_poolhouse/dev/info answers."""
        self.region: str = self.info["region"]

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.append(line.decode("utf-8", "replace"))

    def _wait(self) -> Dict[str, Any]:
        assert self._process.stdout is not None
        timer = threading.Timer(START_TIMEOUT, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if line:
            ready: Dict[str, Any] = json.loads(line)
            return ready

        self.stop()
        raise RuntimeError("poolhouse dev did not start:\n" + self.output)

    def stop(self) -> None:
        """Stops the server. It may be called more than once."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # the server has ended before
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._reader.join(STOP_TIMEOUT)
        if not self._reader.is_alive() and self._process.stderr is not None:
            self._process.stderr.close()

    def __enter__(self) -> Poolhouse:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def output(self) -> str:
        """The end of what the server has printed: why it refused calls, among others."""
        return "".join(self._lines)

    @property
    def pools(self) -> List[Dict[str, Any]]:
        """The identity pools that seeds have made: id, name, allow_guests."""
        pools: List[Dict[str, Any]] = self._ready["pools"]
        return pools

    @property
    def pool_id(self) -> str:
        """The ID of the only pool; else an error."""
        if len(self.pools) == 1:
            return str(self.pools[0]["id"])
        raise LookupError(f"there are {len(self.pools)} pools: choose one of poolhouse.pools")

    @property
    def environment(self) -> Dict[str, str]:
        """The variables with which AWS SDKs find the server."""
        variables = {
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY": self.endpoint,
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": self.endpoint,
            "AWS_ENDPOINT_URL_STS": self.endpoint,
            "AWS_ENDPOINT_URL_IAM": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.info["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.info["secret_access_key"],
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }
        if len(self.pools) == 1:
            variables["POOLHOUSE_POOL_ID"] = self.pool_id
        return variables

    def client(self, service: str, session: Optional[Session] = None, **more: Any) -> Any:
        """Returns a boto3 client, which must be installed: of who has signed in, else of an administrator."""
        import boto3  # type: ignore[import-not-found,import-untyped,unused-ignore]

        keys = session.credentials.boto3() if session else {
            "aws_access_key_id": self.info["access_key_id"], "aws_secret_access_key": self.info["secret_access_key"]}
        return boto3.client(service, **{"endpoint_url": self.endpoint, "region_name": self.region, **keys, **more})

    def token(
        self, user: Optional[str] = None, *, sub: Optional[str] = None, expires_in: Optional[int] = None,
        audience: Optional[str] = None, claims: Optional[Mapping[str, Any]] = None,
    ) -> str:
        """Returns an ID token of the built-in issuer.

        Name a user of the demo or a seed, or anybody by sub. expires_in is in seconds; negative for a token
        that has expired. claims come beside the user's, or in their place.
        """
        body = {"user": user, "sub": sub, "expires_in": expires_in, "aud": audience, "claims": claims}
        return str(self.control("POST", "token", _given(body))["token"])

    def logins(self, user: Optional[str] = None, **more: Any) -> Dict[str, str]:
        """Returns a token as get_id and get_credentials_for_identity take it. The arguments are those of token."""
        return {self.info["login_key"]: self.token(user, **more)}

    def sign_in(self, user: Optional[str] = None, *, pool_id: Optional[str] = None, **more: Any) -> Session:
        """Signs a user in: GetId and GetCredentialsForIdentity. More arguments are those of token."""
        return self._session(pool_id, self.logins(user, **more))

    def guest(self, *, pool_id: Optional[str] = None) -> Session:
        """Makes a new guest: GetId and GetCredentialsForIdentity."""
        return self._session(pool_id, {})

    def _session(self, pool_id: Optional[str], logins: Dict[str, str]) -> Session:
        identity = self._identity("GetId", {"IdentityPoolId": pool_id or self.pool_id, "Logins": logins})["IdentityId"]
        keys = self._identity("GetCredentialsForIdentity", {"IdentityId": identity, "Logins": logins})["Credentials"]
        return Session(identity, logins, Credentials(
            keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"],
            datetime.fromtimestamp(keys["Expiration"], timezone.utc)))

    def fail(
        self, operation: Optional[str] = None, *, error: Optional[str] = None, times: Optional[int] = None,
        after: Optional[int] = None, delay_ms: Optional[int] = None, disconnect: Optional[str] = None,
        provider: Optional[str] = None, answer: Optional[str] = None, database: Optional[str] = None, **more: Any,
    ) -> Dict[str, Any]:
        """Lets something go wrong from now on, and returns the fault with its id.

        operation is that of a call, or "*"; provider is a login provider's key or host, or "*"; database is
        "writes", "reads" or "all". after spares the first ones; times counts the ones struck: without it, all
        until the fault is deleted or the server is reset.
        """
        fault = {
            "operation": operation, "error": error, "times": times, "after": after, "delay_ms": delay_ms,
            "disconnect": disconnect, "provider": provider, "answer": answer, "database": database, **more}
        return self.control("POST", "faults", _given(fault))

    def faults(self) -> List[Dict[str, Any]]:
        """Returns the faults that are set, each with its number of hits."""
        faults: List[Dict[str, Any]] = self.control("GET", "faults")["faults"]
        return faults

    def end_fault(self, fault_id: str) -> None:
        self.control("DELETE", "faults/" + urllib.parse.quote(fault_id, safe=""))

    def end_faults(self) -> None:
        """Ends all faults."""
        self.control("DELETE", "faults")

    def reset(self, *, empty: bool = False) -> None:
        """Makes everything as after a start; with empty, without seeds and demo."""
        self._ready["pools"] = self.control("POST", "reset", {"empty": True} if empty else {})["pools"]

    def seed(self, seed: Union[str, "os.PathLike[str]", Mapping[str, Any]]) -> Dict[str, Any]:
        """Applies a seed: a file by its path, or a dictionary. Returns what it made."""
        if isinstance(seed, Mapping):
            outcome = self.control("POST", "seed", seed)
        else:
            outcome = self._control("POST", "seed", Path(seed).read_bytes(), "application/yaml")
        self._ready["pools"] = self.control("GET", "pools")["pools"]
        return outcome

    def saml_response(self, **members: Any) -> Dict[str, Any]:
        """Returns a signed response of the server's SAML identity provider, and the key for Logins."""
        return self.control("POST", "saml-response", members)

    def put_user(
        self, name: str, *, sub: Optional[str] = None, claims: Optional[Mapping[str, Any]] = None,
    ) -> Dict[str, Any]:
        return self.control(
            "PUT", "users/" + urllib.parse.quote(name, safe=""), _given({"sub": sub, "claims": claims}))

    def delete_user(self, name: str) -> Dict[str, Any]:
        return self.control("DELETE", "users/" + urllib.parse.quote(name, safe=""))

    def rotate_key(self) -> str:
        """Gives the built-in issuer a new key, and returns the key's ID."""
        return str(self.control("POST", "rotate-key", {})["kid"])

    def codes(self) -> List[Dict[str, Any]]:
        """Returns the newest codes that the server's user pools have sent."""
        codes: List[Dict[str, Any]] = self.control("GET", "codes")["codes"]
        return codes

    def calls(self, *, after: Optional[int] = None, limit: int = KEPT_CALLS) -> List[Dict[str, Any]]:
        """Returns the calls of clients since the test began, oldest first, at most the newest 1000."""
        path = "calls" + _query({"after": after, "limit": limit})
        calls: List[Dict[str, Any]] = self.control("GET", path)["calls"]
        return calls

    def wait_for_call(
        self, operation: Optional[str] = None, *, status: Optional[int] = None, error: Optional[str] = None,
        after: Optional[int] = None, timeout_seconds: Optional[int] = None,
    ) -> Dict[str, Any]:
        """Waits for a call, also for one that was there before, unless after is its id or a later one."""
        return self.control("GET", "calls/wait" + _query({
            "operation": operation, "status": status, "error": error, "after": after,
            "timeout_seconds": timeout_seconds}))

    def explain(self, *, limit: int = SHOWN_CALLS) -> str:
        """Returns the last calls as text, with the reason of each refusal."""
        return "\n".join(_shown(call) for call in self.calls()[-limit:])

    def control(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        """Calls the control API at a path below /_poolhouse/dev/."""
        return self._control(method, path, None if body is None else json.dumps(body).encode(), "application/json")

    def _control(self, method: str, path: str, body: Optional[bytes], content_type: str) -> Dict[str, Any]:
        address = f"{self._ready['endpoint']}/_poolhouse/dev/{path}"
        headers = {} if body is None else {"Content-Type": content_type}
        return self._send(urllib.request.Request(address, body, headers, method=method), f"{method} {path}")

    def _identity(self, operation: str, body: Mapping[str, Any]) -> Dict[str, Any]:
        """Calls an operation of the identity pools as a client does that has no keys."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSCognitoIdentityService." + operation}
        return self._send(urllib.request.Request(self.endpoint, json.dumps(body).encode(), headers), operation)

    def _send(self, request: urllib.request.Request, name: str) -> Dict[str, Any]:
        try:
            return _send(request, name)
        except OSError as error:
            try:
                status = self._process.wait(END_TIMEOUT)
            except subprocess.TimeoutExpired:
                raise error from None  # it runs
            raise RuntimeError(f"poolhouse dev has ended with status {status}:\n{self.output}") from None


def _send(request: urllib.request.Request, name: str) -> Dict[str, Any]:
    try:
        with _opener.open(request, timeout=REQUEST_TIMEOUT) as answer:
            content: Dict[str, Any] = json.loads(answer.read() or b"{}")
            return content
    except urllib.error.HTTPError as refusal:
        text = refusal.read().decode("utf-8", "replace")
        try:
            refused = json.loads(text)
        except ValueError:
            refused = {}
        message = refused.get("error") or refused.get("message") or text
        raise PoolhouseError(f"{name}: {message}", refusal.code, refused.get("__type", "")) from None


def _given(members: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _query(members: Mapping[str, Any]) -> str:
    given = _given(members)
    return "?" + urllib.parse.urlencode(given) if given else ""


def _time(text: str) -> datetime:
    # Before Python 3.11 fromisoformat takes neither Z nor any number of digits.
    whole, _, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole + "." + (rest + "000000")[:6]).replace(tzinfo=timezone.utc)


def _shown(call: Mapping[str, Any]) -> str:
    lines = [" ".join(str(part) for part in (call["operation"], call.get("status"), call.get("error")) if part)]
    if call.get("request_id"):
        lines[0] += f" (request {call['request_id']})"
    if call.get("message"):
        lines.append("  " + call["message"])
    if call.get("explain"):
        lines.append("  " + call["explain"]["text"].replace("\n", "\n  "))
    return "\n".join(lines)
