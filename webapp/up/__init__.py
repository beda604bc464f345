"""What ``manage.py up`` does: prepare, serve the site, keep the consumers running."""


class StartupError(Exception):
    """``up`` can't start; the message is one sentence or two that say what to do.

    ``exit_code`` is that of the command.
    """

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        self.exit_code = exit_code
        super().__init__(sentence)
