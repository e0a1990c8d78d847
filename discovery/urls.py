"""Addresses of this app."""

from django.urls import URLPattern

app_name = "discovery"
urlpatterns: list[URLPattern] = []
