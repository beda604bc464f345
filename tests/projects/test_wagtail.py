"""Wagtail's start page beside Jobdesk: install, start, save a page, search it, run a job of ours.

Wagtail enqueues its own tasks (the index of a search, references between pages) through the
backport of Django's framework, which reads the same setting TASKS.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

import pytest

from tests.subprocesses import ROOT, environment

pytestmark = [pytest.mark.processes, pytest.mark.install]

# The README's lines; what `check` advises for SQLite, because Wagtail's tasks read before they
# write; and no fsync, for its 200 migrations.
SETTINGS: Final = """
INSTALLED_APPS = [*INSTALLED_APPS, "carried", "shop", "jobs"]
TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend", "QUEUES": ["default"]}}
JOBS = {"DATA_DIR": BASE_DIR / "var"}
DATABASES["default"]["OPTIONS"] = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA synchronous=OFF",
}
"""
TASKS: Final = """
from jobs import job


@job
def count_pages() -> int:
    \"\"\"How many pages the site has.\"\"\"
    from wagtail.models import Page

    return Page.objects.count()
"""
PREPARED: Final = """
import json
import django

django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
from wagtail.models import Page
from jobs.models import Job

"""
SAVE: Final = """
user = get_user_model().objects.create_superuser("ada", password="long-enough-7")
browser = Client()
browser.force_login(user)
home = Page.objects.get(depth=2)
comments = {f"comments-{name}": 0 for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS")}
page = {"title": "Walrus days", "slug": home.slug, "action-publish": "yes", **comments,
        "comments-MAX_NUM_FORMS": ""}
saved = browser.post(f"/admin/pages/{home.pk}/edit/", page)
sent = browser.post("/desk/tasks/shop.count_pages/")
found = {
    "saved": saved.status_code,
    "title": Page.objects.get(pk=home.pk).title,
    "sent": sent.status_code,
    "waiting": sorted({job.task for job in Job.objects.all()}),
    "stranger": Client().get("/desk/").headers["Location"],
}
print(json.dumps(found))
"""
LOOK: Final = """
browser = Client()
browser.force_login(get_user_model().objects.get())
job = Job.objects.get(task="shop.count_pages")
found = {
    "found": "Walrus days" in browser.get("/search/?query=walrus").content.decode(),
    "errors": [f"{job.task} {job.error_type}: {job.error_message}" for job in Job.objects.all()
               if job.status != "succeeded"],
    "result": job.result,
    "pages": [browser.get(one).status_code for one in
              ("/", "/desk/", f"/desk/jobs/{job.pk}/", "/admin/", "/django-admin/jobs/job/")],
}
print(json.dumps(found))
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python with Wagtail; what it has in common with this Python is not installed again."""
    if "install" not in os.environ.get("JOBS_TEST_REQUIRE", ""):
        pytest.skip("it downloads packages: set JOBS_TEST_REQUIRE=install to run it")
    made = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(made)], check=True)
    python = made / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    (Path(packages) / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-compile", "wagtail>=7"], check=True)
    return python


def test_a_page_is_saved_and_found_and_a_job_counts_pages(python: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()

    def run(*command: str) -> str:
        env = environment(tmp_path / "unused", PYTHONPATH=f"{site}{os.pathsep}{ROOT}")
        done = subprocess.run(
            [str(python), *command],
            cwd=site,
            env=env | {"DJANGO_SETTINGS_MODULE": "mysite.settings.dev", "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run("-c", "from wagtail.bin.wagtail import main; main()", "start", "mysite", str(site))
    with (site / "mysite" / "settings" / "base.py").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    urls = site / "mysite" / "urls.py"
    ours = 'urlpatterns = [\n    path("desk/", include("jobs.urls")),'
    urls.write_text(
        urls.read_text(encoding="utf-8").replace("urlpatterns = [", ours, 1), encoding="utf-8"
    )
    for app in ("shop", "carried"):
        (site / app).mkdir()
        (site / app / "__init__.py").touch()
    (site / "shop" / "tasks.py").write_text(TASKS, encoding="utf-8")
    shutil.copytree(ROOT / "templates" / "jobs", site / "carried" / "templates" / "jobs")

    run("manage.py", "migrate", "--verbosity=0")
    run("manage.py", "makemigrations", "--check", "--dry-run")
    saved = json.loads(run("-c", PREPARED + SAVE).splitlines()[-1])
    assert (saved["saved"], saved["title"]) == (302, "Walrus days")
    assert saved["sent"] == 303
    assert "wagtail.tasks.update_reference_index_task" in saved["waiting"]
    # Wagtail takes any address; LOGIN_URL's default has no page there.
    assert saved["stranger"] == "/desk/sign-in/?next=/desk/"

    # One at a time: of two jobs of Wagtail's that index one page at once, one fails.
    run("manage.py", "runconsumers", "--until-idle", "--concurrency", "1")
    seen = json.loads(run("-c", PREPARED + LOOK).splitlines()[-1])
    assert seen["errors"] == []
    assert seen["result"] == 2
    assert seen["found"]
    assert seen["pages"] == [200] * 5
