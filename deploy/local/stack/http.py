"""Asking a server of the set how it is."""
import urllib.error
import urllib.request

# the set is on this machine: a proxy configured for the outside has no place in between
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url, timeout_s=5):
    """The status and the body of the answer; status 0 and the reason when there is none."""
    try:
        with _opener.open(url, timeout=timeout_s) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")
    except OSError as error:
        return 0, str(error)


def status_of(url):
    return get(url)[0]
