#!/usr/bin/env python
"""Django's command line, which first sees to it that what it needs is installed."""

import sys

if sys.version_info < (3, 11):  # written so that any Python can read it, and say this
    sys.exit("Jobdesk needs Python 3.11 or newer; this is %d.%d." % sys.version_info[:2])

# Guarded, because a spawned process imports this file again.
if __name__ == "__main__":
    from webapp import bootstrap

    sys.exit(bootstrap.main(sys.argv))
