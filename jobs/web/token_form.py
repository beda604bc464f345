"""The form of a new token on one's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms

from jobs.catalog import exposed_tasks
from jobs.core.credentials import SCOPES
from jobs.errors import InvalidOptions
from jobs.models import Token
from jobs.models.token import Grant
from jobs.queries.stats import configured_queues
from jobs.queries.token_grants import checked_grant
from jobs.submission import may_use

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LIFETIMES: Final = (
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("90d", "90 days"),
    ("365d", "a year"),
    ("", "for ever"),
)


class TokenForm(forms.Form):
    """Asks for a name and what the token can do; ``grant`` is that, once the form is valid."""

    name = forms.CharField(
        label="What it is for", max_length=Token._meta.get_field("name").max_length
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(name, f"{name}: {what}") for name, what in SCOPES.items()],
        initial=["read", "submit"],
        widget=forms.CheckboxSelectMultiple,
    )
    tasks = forms.MultipleChoiceField(
        label="Only these tasks", required=False, widget=forms.CheckboxSelectMultiple
    )
    queues = forms.MultipleChoiceField(
        label="Only these queues", required=False, widget=forms.CheckboxSelectMultiple
    )
    expires = forms.ChoiceField(label="Valid for", choices=LIFETIMES, initial="30d", required=False)

    grant: Grant

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        fields: Any = self.fields
        tasks = [task for task in exposed_tasks() if may_use(task, user)]
        fields["tasks"].choices = [(task.name, task.title) for task in tasks]
        queues = sorted(configured_queues())
        fields["queues"].choices = [(name, name) for name in queues]
        if len(queues) < 2:
            del fields["queues"]

    def clean(self) -> None:
        """Check all of it together; nothing that is ticked is everything."""
        values = self.cleaned_data
        try:
            self.grant = checked_grant(
                values.get("scopes") or None,
                values.get("tasks") or None,
                values.get("queues") or None,
                values.get("expires") or None,
            )
        except InvalidOptions as error:
            for one in error.errors:
                self.add_error(one["pointer"][1:], one["detail"])
