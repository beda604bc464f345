"""Limits on attempts to sign in, for any view that checks or sets a password."""

from .view import limit_hashing, limit_sign_ins

__all__ = ["limit_hashing", "limit_sign_ins"]
