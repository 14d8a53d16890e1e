"""What stops a command, said in words meant for the person at the terminal."""


class Trouble(Exception):
    """A condition the person can act on: the message says what and how. `code` is the exit code."""

    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM. A BaseException, so that no handler of ordinary errors swallows it."""
