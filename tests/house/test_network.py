"""The tests reach nothing outside this machine."""

import socket

import pytest


def test_a_connection_to_elsewhere_fails_the_test():
    """192.0.2.1 is set aside for documentation: no machine has it."""
    with (
        socket.socket() as outside,
        pytest.raises(pytest.fail.Exception, match=r"tried to reach 192\.0\.2\.1"),
    ):
        outside.connect(("192.0.2.1", 80))


def test_a_connection_to_this_machine_is_let_through():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as inside:
        inside.connect(server.getsockname())
        assert inside.getpeername() == server.getsockname()
