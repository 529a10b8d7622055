import pytest

from albums import Albums


@pytest.fixture
def albums(poolhouse):
    return Albums(poolhouse.pool_id)


def test_users_have_their_own_folders(poolhouse, albums):
    alice, _ = albums.sign_in(poolhouse.logins("alice"))
    bob, _ = albums.sign_in(poolhouse.logins("bob"))
    assert alice != bob
    assert albums.sign_in(poolhouse.logins("alice"))[0] == alice


def test_the_session_is_the_users(poolhouse, albums):
    _, session = albums.sign_in(poolhouse.logins("alice"))
    assert ":assumed-role/User/" in session.client("sts").get_caller_identity()["Arn"]


def test_guests_are_refused(albums):
    with pytest.raises(albums.pools.exceptions.NotAuthorizedException, match="Unauthenticated access"):
        albums.sign_in({})


def test_users_of_another_app_are_refused(poolhouse, albums):
    with pytest.raises(albums.pools.exceptions.NotAuthorizedException, match="Incorrect token audience"):
        albums.sign_in(poolhouse.logins("alice", audience="another-app"))


def test_a_lost_connection_is_tried_again(poolhouse, albums):
    poolhouse.fail("GetId", disconnect="after", times=1)
    folder, _ = albums.sign_in(poolhouse.logins("alice"))
    assert folder == albums.sign_in(poolhouse.logins("alice"))[0]
