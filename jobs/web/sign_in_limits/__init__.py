"""Limits on attempts to sign in, for any view that checks a password."""

from .view import limit_sign_ins

__all__ = ["limit_sign_ins"]
