"""A process is stopped only if it is the one that was started."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from stack import paths, processes
from stack.trouble import Trouble


class Processes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="a path with spaces ")
        self.addCleanup(folder.cleanup)
        for name in ("RUN", "LOG"):
            patch = mock.patch.object(paths, name, Path(folder.name))
            patch.start()
            self.addCleanup(patch.stop)

    def test_a_started_process_runs_until_it_is_stopped(self):
        pid = processes.start("sleeper", ["sleep", "60"])
        self.assertEqual(pid, processes.running("sleeper"))
        self.assertEqual("stopped", processes.stop("sleeper"))
        self.assertIsNone(processes.running("sleeper"))
        self.assertIsNone(processes.stop("sleeper"))

    def test_a_process_that_ignores_the_request_is_killed(self):
        processes.start("deaf", ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"])
        processes.wait_ready("deaf", lambda: "deaf" in processes.log_tail("deaf"), 5)
        self.assertEqual("killed after 0 s", processes.stop("deaf", within_s=0))

    def test_a_pid_that_now_belongs_to_another_process_is_left_alone(self):
        stranger = subprocess.Popen(["sleep", "60"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        processes.claim("stale")
        processes.pid_file("stale").write_text(str(stranger.pid))
        self.assertIsNone(processes.stop("stale"))
        self.assertIsNone(stranger.poll())

    def test_a_process_that_ends_while_starting_is_reported_with_its_last_words(self):
        processes.start("short", ["sh", "-c", "echo no such doctrine; exit 3"])
        with self.assertRaisesRegex(Trouble, "ended while starting(.|\n)*no such doctrine"):
            processes.wait_ready("short", lambda: False, 10)

    def test_a_claim_of_this_very_process_is_running(self):
        processes.claim("me")
        self.assertEqual(os.getpid(), processes.running("me"))
        processes.forget("me")
        self.assertIsNone(processes.running("me"))
