"""The Prometheus text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = dict[str, str]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric and its samples: a number for each set of labels."""

    name: str
    help: str
    type: Literal["gauge", "counter"]
    samples: Sequence[Sample]

    def lines(self) -> list[str]:
        """Its lines in the format."""
        return [
            *_heading(self.name, self.help, self.type),
            *(_sample(self.name, labels, value) for labels, value in self.samples),
        ]


@dataclass(frozen=True, slots=True)
class HistogramMetric:
    """A metric whose samples are histograms.

    Attributes:
        bounds: the upper bounds of the buckets; the last bucket has none.
        samples: labels, how many were not above each bound and at the end all, their sum.
    """

    name: str
    help: str
    bounds: Sequence[float]
    samples: Sequence[tuple[Labels, Sequence[int], float]]

    def lines(self) -> list[str]:
        """Its lines in the format."""
        edges = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        lines = _heading(self.name, self.help, "histogram")
        for labels, cumulative, total in self.samples:
            lines += [
                _sample(f"{self.name}_bucket", {**labels, "le": edge}, number)
                for edge, number in zip(edges, cumulative, strict=True)
            ]
            lines.append(_sample(f"{self.name}_sum", labels, total))
            lines.append(_sample(f"{self.name}_count", labels, cumulative[-1]))
        return lines


def text_of(metrics: Iterable[Metric | HistogramMetric]) -> str:
    """Return metrics as text; those without a sample are left out."""
    return "".join(f"{line}\n" for one in metrics if one.samples for line in one.lines())


def _heading(name: str, meaning: str, kind: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]


def _sample(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {value!r}" if inside else f"{name} {value!r}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
