import pytest
from pytest_poolhouse import PoolhouseError


@pytest.mark.parametrize("run", range(2))
def test_the_seed_is_there_again(poolhouse, run):
    assert [pool["name"] for pool in poolhouse.pools] == ["shop"]
    assert poolhouse.token("ann")
    with pytest.raises(PoolhouseError, match="no such user"):
        poolhouse.token("alice")
    poolhouse.delete_user("ann")
