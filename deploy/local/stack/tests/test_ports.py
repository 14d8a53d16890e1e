"""Ports come from the environment, and a wrong or taken one is named with its variable."""
import socket
import unittest

from stack import ports
from stack.trouble import Trouble


class PortsTest(unittest.TestCase):
    def test_without_variables_the_defaults_hold(self):
        chosen = ports.from_environment({})
        self.assertEqual("http://localhost:8080", chosen.vigie_url)
        self.assertEqual("http://127.0.0.1:9464", chosen.private_url)
        self.assertEqual("postgres://vigie_intake:secret@127.0.0.1:15432/vigie", chosen.database_url("vigie_intake", "secret"))

    def test_what_is_no_port_is_refused_by_name(self):
        for text in ("0", "65536", "http", "-1"):
            with self.assertRaisesRegex(Trouble, "VIGIE_PORT"):
                ports.from_environment({"VIGIE_PORT": text})

    def test_the_same_port_twice_is_refused(self):
        with self.assertRaisesRegex(Trouble, "VIGIE_PORT|VIGIE_PG_PORT"):
            ports.from_environment({"VIGIE_PORT": "15432"})

    def test_a_taken_port_is_named_with_its_variable(self):
        with socket.socket() as other:
            other.bind((ports.HOST, 0))
            other.listen()
            taken = other.getsockname()[1]
            chosen = ports.from_environment({"VIGIE_SMPP_PORT": str(taken)})
            with self.assertRaisesRegex(Trouble, "port %d is taken.*VIGIE_SMPP_PORT" % taken):
                ports.require_free(chosen, ["smpp"])
