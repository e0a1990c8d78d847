"""Users, their one role, and the teams whose certificates they see."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    AUDITOR = "auditor", _("Auditor")
    ADMINISTRATOR = "administrator", _("Administrator")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, **{**fields, "role": Role.ADMINISTRATOR})

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """One person who may sign in. The e-mail address is the login; ``ends_at`` closes the account by itself."""

    email = models.EmailField(_("e-mail"), max_length=254, unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.VIEWER)
    is_active = models.BooleanField(_("active"), default=True)
    ends_at = models.DateTimeField(
        _("ends"),
        null=True,
        blank=True,
        help_text=_("After this time the account cannot sign in and its sessions end."),
    )
    timezone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("theme"), max_length=8, blank=True)
    daily_mail = models.BooleanField(
        _("daily mail"),
        default=True,
        db_default=True,
        help_text=_("What expires, has no owner, did not run."),
    )
    keyboard_shortcuts = models.BooleanField(_("keyboard shortcuts"), default=True)
    # "Since your last visit" compares with the visit before this one.
    visited_at = models.DateTimeField(null=True, blank=True, editable=False)
    previous_visit_at = models.DateTimeField(null=True, blank=True, editable=False)
    date_joined = models.DateTimeField(_("joined"), null=True, blank=True, editable=False)
    teams: models.ManyToManyField[Team, Membership] = models.ManyToManyField(
        "Team", through="Membership", related_name="members"
    )

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["email"]
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    @property
    def is_administrator(self) -> bool:
        return self.role == Role.ADMINISTRATOR

    @property
    def sees_everything(self) -> bool:
        return self.role in {Role.ADMINISTRATOR, Role.AUDITOR}

    @property
    def may_change(self) -> bool:
        """Operators change what they see, administrators everything; the other two roles only read."""
        return self.role in {Role.ADMINISTRATOR, Role.OPERATOR}

    @property
    def is_staff(self) -> bool:
        return self.is_administrator

    @property
    def is_superuser(self) -> bool:
        return self.is_administrator

    def has_perm(self, _perm: str, _obj: object = None) -> bool:
        return self.is_active and self.is_administrator

    def has_perms(self, _perm_list: object, _obj: object = None) -> bool:
        return self.is_active and self.is_administrator

    def has_module_perms(self, _app_label: str) -> bool:
        return self.is_active and self.is_administrator

    def has_ended(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now


class Team(models.Model):
    """A group of people who own certificates together."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    slug = models.SlugField(_("short name"), max_length=100, unique=True)
    contact_email = models.EmailField(_("contact address"), blank=True)
    description = models.TextField(_("description"), blank=True)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person in one team."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["user", "team"], name="one_membership_per_user_and_team")]

    def __str__(self) -> str:
        return f"{self.user} · {self.team}"
