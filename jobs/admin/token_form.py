"""The admin's form of a new token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms

from jobs.catalog import exposed_tasks
from jobs.core.credentials import SCOPES
from jobs.errors import InvalidOptions
from jobs.models import Token
from jobs.queries.stats import configured_queues
from jobs.queries.token_grants import checked_grant

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Token]
else:
    _ModelForm = forms.ModelForm

_ALL: Final = "None ticked: all of them."


def _several(label: str) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label, required=False, widget=forms.CheckboxSelectMultiple, help_text=_ALL
    )


class TokenForm(_ModelForm):
    """``cleaned_data["grant"]`` is what the token can do; the columns are written by the model."""

    scopes = _several("Scopes")
    tasks = _several("Only these tasks")
    queues = _several("Only these queues")
    lifetime = forms.CharField(
        label="Valid for", required=False, max_length=12, help_text="90m, 12h, 30d; empty: for ever"
    )

    class Meta:
        model = Token
        fields = ("user", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        choices = {
            "scopes": [(name, f"{name}: {what}") for name, what in SCOPES.items()],
            "tasks": [(task.name, task.title) for task in exposed_tasks()],
            "queues": [(name, name) for name in sorted(configured_queues())],
        }
        for name in choices.keys() & fields.keys():
            fields[name].choices = choices[name]

    def clean(self) -> dict[str, Any]:
        """Check all of it together."""
        values = super().clean() or self.cleaned_data
        try:
            values["grant"] = checked_grant(
                values.get("scopes") or None,
                values.get("tasks") or None,
                values.get("queues") or None,
                values.get("lifetime") or None,
            )
        except InvalidOptions as error:
            for one in error.errors:
                name = one["pointer"][1:].replace("expires", "lifetime")
                self.add_error(name, one["detail"])
        # Texts, as the columns have them: the instance gets them before it is issued.
        return {**values, "scopes": "", "tasks": "", "queues": ""}
