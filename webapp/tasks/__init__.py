"""The tasks of this site, one file each. To add one, add a file here; nothing else is to be edited.

``square.py`` is the shortest example. Restart the site and the consumers: the new task has its
page, its form, its place in the API and its worker.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in sorted(iter_modules(__path__), key=lambda found: found.name):
    import_module(f"{__name__}.{_module.name}")
