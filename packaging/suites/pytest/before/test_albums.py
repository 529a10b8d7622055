import albums


def test_name():
    assert albums.name("us-east-1:1") == "albums/us-east-1:1/"
