"""The tasks of this site, one file each. To add one, add a file here and nothing else.

``square.py`` is the shortest example. Restart the site and the consumers: the new task then has a
page with its form, is in the API, and runs.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in sorted(iter_modules(__path__), key=lambda found: found.name):
    import_module(f"{__name__}.{_module.name}")
