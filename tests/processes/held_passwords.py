"""The site's settings with a hash of passwords that takes as long as a test wants: while the file
``hold`` is in the folder ``TEST_HELD_PASSWORDS``. Each hash that is made has a file beside it."""

import os
import threading
from pathlib import Path

from django.contrib.auth.hashers import MD5PasswordHasher

from tests.waiting import wait_until
from webapp.settings import *  # noqa: F403


class HeldHasher(MD5PasswordHasher):
    """Hashes when it is let."""

    algorithm = "held"

    def encode(self, password: str, salt: str) -> str:
        folder = Path(os.environ["TEST_HELD_PASSWORDS"])
        hold = folder / "hold"
        if hold.exists():
            mark = folder / f"hashing-{threading.get_ident()}"
            mark.touch()
            wait_until(lambda: not hold.exists(), what="the hash may be made")
            mark.unlink()
        return super().encode(password, salt)


PASSWORD_HASHERS = [f"{__name__}.HeldHasher"]
