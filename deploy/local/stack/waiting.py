"""Waiting for a condition, with a deadline."""
import time

POLL_S = 0.03


def until(condition, within_s):
    """Asks again and again until the answer is true; returns that answer, or the last one once `within_s` have passed."""
    deadline = time.monotonic() + within_s
    while True:
        answer = condition()
        if answer or time.monotonic() >= deadline:
            return answer
        time.sleep(POLL_S)  # between two questions, never instead of one
