"""The addresses of a project that has the admin and none of Jobdesk's pages."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
