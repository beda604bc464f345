"""Moving the database of a project with models of its own, of every kind, there and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from .databases import new_postgres_database
from .maker import Project

pytestmark = [pytest.mark.processes, pytest.mark.postgres]

SETTINGS: Final = """
DATABASES["new"] = {new!r}
DATABASES["back"] = {{**DATABASES["default"], "NAME": BASE_DIR / "back.sqlite3"}}
"""
MODELS: Final = """
from django.db import models
from django.db.models import F


class Hidden(models.Manager):
    def get_queryset(self):
        return super().get_queryset().none()


class Label(models.Model):
    code = models.CharField(max_length=20, primary_key=True)


class Base(models.Model):
    title = models.CharField(max_length=20)


class Thing(Base):
    parent = models.ForeignKey("self", models.CASCADE, null=True)
    labels = models.ManyToManyField(Label)
    facts = models.JSONField()
    maybe = models.JSONField(null=True)
    blob = models.BinaryField()
    price = models.DecimalField(max_digits=9, decimal_places=3)
    took = models.DurationField()
    day = models.DateField()
    at = models.TimeField()
    made_at = models.DateTimeField()
    address = models.GenericIPAddressField()
    good = models.BooleanField()
    ratio = models.FloatField()
    size = models.IntegerField()
    twice = models.GeneratedField(
        expression=F("size") * 2, output_field=models.BigIntegerField(), db_persist=True
    )
    objects = Hidden()


class Egg(models.Model):
    hen = models.ForeignKey("Hen", models.CASCADE, null=True, related_name="+")


class Hen(models.Model):
    egg = models.OneToOneField(Egg, models.CASCADE, primary_key=True, related_name="+")


class Pair(models.Model):
    pk = models.CompositePrimaryKey("left", "right")
    left = models.IntegerField()
    right = models.CharField(max_length=9)
"""
FILL: Final = """
from datetime import date, time
from decimal import Decimal
from django.db.models import JSONField, QuerySet, Value
from django.contrib.contenttypes.models import ContentType
from jobs.catalog import get_task
from jobs.models import Token
from shop.models import Egg, Hen, Label, Pair, Thing

user = get_user_model().objects.create_superuser("ada")
Token.objects.issue(user)
sign_in(user)
labels = Label.objects.bulk_create([Label(code=f"l{n}") for n in range(30)])
last = None
for n in range(40):
    # The older one refers to the newer one.
    thing = Thing(
        title=f"thing {n} \\U0001f600", facts={"b": [n, None], "a": 1.5}, blob=bytes([0, n, 255]),
        price=Decimal(n) / 8, took=timedelta(days=n, microseconds=7), day=date(2024, 2, 29),
        at=time(23, 59, 59, 999999), address="::1", good=n % 2 == 0, ratio=n / 3, size=n,
        made_at=datetime(2025, 10, 26, 1, 30, 0, n, tzinfo=UTC), maybe={} if n % 3 else None,
    )
    thing.save()
    thing.labels.set(labels[n % 5 : n % 7])
every = QuerySet(Thing)
every.filter(size=1).update(facts=Value(None, JSONField()), maybe=Value(None, JSONField()))
every.filter(size=0).update(parent=every.get(size=39))
egg = Egg.objects.create()
egg.hen = Hen.objects.create(egg=egg)
egg.save()
Pair.objects.bulk_create(Pair(left=n // 20, right=str(n)) for n in range(250))
for n in range(3):
    get_task("shop.double").enqueue(n=n)
"""
COMPARE: Final = """
from django.apps import apps
from django.db import connections
from django.db.models import JSONField, QuerySet, TextField
from django.db.models.functions import Cast
from jobs.models import Job
from shop.models import Base


def rows(model, alias):
    fields = model._meta.local_concrete_fields
    read = [Cast(f.attname, TextField()) if isinstance(f, JSONField) else f.attname for f in fields]
    for row in QuerySet(model, using=alias).values_list(*read):
        yield repr([plain(f, value) for f, value in zip(fields, row)])


def plain(field, value):
    if isinstance(field, JSONField) and value is not None:
        return json.dumps(json.loads(value), sort_keys=True)
    return bytes(value) if isinstance(value, memoryview) else value


def all_of(alias):
    models = apps.get_models(include_auto_created=True)
    return {model._meta.label: sorted(rows(model, alias)) for model in models}


first = all_of("default")
found = {
    "new": [name for name, rows in all_of("new").items() if rows != first[name]],
    "back": [name for name, rows in all_of("back").items() if rows != first[name]],
    "empty": [name for name, rows in first.items() if not rows],
    "waiting": Job.objects.using("new").filter(status="queued").count(),
    "tables": [
        name for alias in ("new", "back")
        for name in connections[alias].introspection.table_names() if "move" in name
    ],
    "keys": [
        Base.objects.using(alias).create(title="next").pk == 41 for alias in ("new", "back")
    ],
}
with connections["new"].cursor() as cursor:
    cursor.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"
                   " AND conrelid::regclass::text LIKE 'shop_%%'")
    found["foreign keys"] = cursor.fetchone()[0]
"""


def test_all_rows_of_all_apps_are_moved_to_postgres_and_back(
    make_project: Callable[..., Project],
) -> None:
    with new_postgres_database() as new:
        settings = SETTINGS.format(new={**new, "CONN_MAX_AGE": 0})
        project = make_project(settings=settings, files={"shop/models.py": MODELS})
        project.do("migrate", "--run-syncdb", "--verbosity=0")
        project.python(FILL)
        there = project.do("movedatabase", "new")
        assert "shop_thing" in there
        assert 'let DATABASES["default"] be what "new" is' in there
        back = project.do("movedatabase", "back", "--database=new")
        assert "Each table has as many rows as before." in back
        found = project.python(COMPARE)
    assert (found["new"], found["back"], found["tables"]) == ([], [], [])
    filled = {"auth.User", "jobs.Job", "jobs.Token", "sessions.Session"}
    empty = {name for name in found["empty"] if name in filled or name.startswith("shop.")}
    assert not empty, "nothing of these was compared"
    assert found["waiting"] == 3
    assert found["keys"] == [True, True]
    assert found["foreign keys"] == 6


ROUTER: Final = """
class Router:
    def db_for_read(self, model, **hints):
        return "work" if model._meta.app_label == "jobs" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "work") == (app_label == "jobs")
"""
ROUTED: Final = """
DATABASES["work"] = {**DATABASES["default"], "NAME": BASE_DIR / "work.sqlite3"}
DATABASES["new"] = %r
DATABASE_ROUTERS = ["shop.router.Router"]
"""


def test_the_database_that_a_router_gives_to_jobs_is_moved_alone(
    make_project: Callable[..., Project],
) -> None:
    with new_postgres_database() as new:
        project = make_project(settings=ROUTED % new, files={"shop/router.py": ROUTER})
        project.migrate()
        project.do("migrate", "jobs", "--database=work", "--verbosity=0")
        project.do("submit", "shop.double", "n=4")
        moved = project.do("movedatabase", "new", "--database=work")
        assert "auth_user" not in moved
        project.write("shop/settings.py", (project.folder / "shop/settings.py").read_text() + (
            '\nDATABASES["work"] = DATABASES["new"]\n'
        ))  # fmt: skip
        project.consume()
        found = project.python(
            """
            from jobs.models import Job
            found = list(Job.objects.values_list("status", "result"))
            """
        )
    assert found == [["succeeded", 8]]
