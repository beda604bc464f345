"""The only writer of a job's status. Each change names the status it expects and, once claimed,
the attempt; who lost the race writes nothing. The drawing is in ``jobs.states``."""

from .bulk import record_many
from .claims import Claim, as_claims, claim, has_waiting, is_one_message, take
from .outcomes import Outcome, endings, finish, write_endings
from .patience import bounded_waits, waited_for_lock
from .places import beat, beats_beside, bury, leave, living_on, open_places, register, set_paused
from .recording import record
from .requests import CancelAnswer, cancel, retry
from .rescue import disown, orphans, rescue
from .retention import prune
from .running import ArtifactNote, Words, cancellations, keep_artifact, write_words
from .schedule import next_due, promote_due
from .sweeping import Sweeper
from .writing import writing

__all__ = [
    "ArtifactNote",
    "CancelAnswer",
    "Claim",
    "Outcome",
    "Sweeper",
    "Words",
    "as_claims",
    "beat",
    "beats_beside",
    "bounded_waits",
    "bury",
    "cancel",
    "cancellations",
    "claim",
    "disown",
    "endings",
    "finish",
    "has_waiting",
    "is_one_message",
    "keep_artifact",
    "leave",
    "living_on",
    "next_due",
    "open_places",
    "orphans",
    "promote_due",
    "prune",
    "record",
    "record_many",
    "register",
    "rescue",
    "retry",
    "set_paused",
    "take",
    "waited_for_lock",
    "write_endings",
    "write_words",
    "writing",
]
