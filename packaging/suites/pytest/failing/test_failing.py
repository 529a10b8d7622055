"""Not a test of anything: the first one fails, the other waits to be killed."""

import sys

import pytest


def test_fails(poolhouse):
    poolhouse.sign_in("alice", expires_in=-600)


def test_waits(poolhouse, capfd):
    with capfd.disabled():
        print(poolhouse.endpoint, flush=True)
        sys.stdin.read()


@pytest.fixture
def refused(poolhouse):
    poolhouse.sign_in("alice", expires_in=-600)


def test_is_not_set_up(refused):
    pass
