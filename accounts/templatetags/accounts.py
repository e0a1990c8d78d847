"""What pages about people ask of the installation."""

from __future__ import annotations

from django import template

from accounts.services import can_send_mail

register = template.Library()


@register.simple_tag
def sends_mail() -> bool:
    """Whether a link can be mailed; without, only an administrator can hand one over."""
    return can_send_mail()
