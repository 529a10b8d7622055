"""Amazon Cognito identity pools inside tests: a server, users, faults and a clock."""

from .program import binary
from .server import Clock, Credentials, Poolhouse, PoolhouseError, Session

__all__ = ["Clock", "Credentials", "Poolhouse", "PoolhouseError", "Session", "binary"]
