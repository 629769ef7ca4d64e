"""What several tests of downloads share."""

import pytest
from tests.corpora.downloads import Server


@pytest.fixture
def server():
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()
