"""The form of a new webhook; what it says is checked where it is made, as for the API."""

from __future__ import annotations

from typing import Any

from django import forms

from jobs.catalog import exposed_tasks
from jobs.errors import InvalidOptions
from jobs.models.webhook import MAX_URL
from jobs.webhooks.events import EVENTS
from jobs.webhooks.permissions import may_have_everyones


class WebhookForm(forms.Form):
    """An address, its events, a task, and for those who may the jobs of everyone."""

    use_required_attribute = False
    url = forms.CharField(label="Address", max_length=MAX_URL, widget=forms.URLInput)
    events = forms.MultipleChoiceField(
        label="Events",
        choices=[(name, name) for name in EVENTS],
        initial=list(EVENTS),
        widget=forms.CheckboxSelectMultiple,
    )
    task = forms.ChoiceField(label="Task", required=False)

    def __init__(self, user: Any, data: Any = None) -> None:
        super().__init__(data)
        task: Any = self.fields["task"]
        task.choices = [("", "every task"), *((one.name, one.title) for one in exposed_tasks())]
        if may_have_everyones(user):
            self.fields["everyone"] = forms.BooleanField(
                label="Everyone's jobs, not only mine", required=False
            )

    def add_errors(self, error: InvalidOptions) -> None:
        """Add each error to its field."""
        for one in error.errors:
            name = one["pointer"].removeprefix("/")
            self.add_error(name if name in self.fields else None, one["detail"])
