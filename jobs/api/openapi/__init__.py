"""The OpenAPI document and the page that shows it."""

from .document import document
from .views import show_docs, show_document

__all__ = ["document", "show_docs", "show_document"]
