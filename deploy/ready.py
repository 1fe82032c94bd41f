"""Ends with 0 if the process at the URL says that it is ready: for the health check of an image."""

import ssl
import sys
from urllib.error import URLError
from urllib.request import urlopen

TIMEOUT_S = 4.0


def main(url: str) -> int:
    # No secret is said, and who answers is in the same container.
    anybody = ssl._create_unverified_context()  # noqa: S323
    try:
        with urlopen(url, timeout=TIMEOUT_S, context=anybody) as answer:  # noqa: S310
            return 0 if answer.status == 200 else 1
    except URLError as error:
        sys.stderr.write(f"{error.reason}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
