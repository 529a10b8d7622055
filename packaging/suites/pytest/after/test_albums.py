import albums


def test_name():
    assert albums.name("us-east-1:1") == "albums/us-east-1:1/"


def test_a_user_keeps_the_folder_in_spite_of_throttling(poolhouse):
    alice = poolhouse.sign_in("alice")
    poolhouse.fail("GetId", error="TooManyRequestsException", times=1)
    assert albums.folder(poolhouse.pool_id, alice.logins) == f"albums/{alice.identity_id}/"
    assert [call["status"] for call in poolhouse.calls()] == [200, 200, 429, 200]
