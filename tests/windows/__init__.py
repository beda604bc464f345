"""Jobdesk on Windows: a Python for Windows (under Wine, say) is driven from outside."""
