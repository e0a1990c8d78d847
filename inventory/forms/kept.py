"""What administrators keep for the whole inventory: tags and trusted roots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from inventory.forms.fields import ITEM_LENGTH, tag_name
from inventory.models import Tag, TrustStore
from inventory.trust import store_from_pem

# The stubs make these classes generic, Django itself does not.
if TYPE_CHECKING:
    TrustStoreFormBase = forms.ModelForm[TrustStore]
    TagFormBase = forms.ModelForm[Tag]
else:
    TrustStoreFormBase = TagFormBase = forms.ModelForm


class TagForm(TagFormBase):
    name = forms.CharField(label=_("Name"), max_length=ITEM_LENGTH)

    class Meta:
        model = Tag
        fields = ["name"]

    def clean_name(self) -> str:
        return tag_name(str(self.cleaned_data["name"]))


class TrustStoreForm(TrustStoreFormBase):
    """Private roots: every block must be a certificate, and there must be one."""

    class Meta:
        model = TrustStore
        fields = ["name", "pem"]

    def clean_pem(self) -> str:
        pem = str(self.cleaned_data["pem"])
        store = store_from_pem("", pem)
        if store.refused:
            raise ValidationError(list(store.refused))
        if not store.anchors:
            raise ValidationError(_("There is no certificate in it."))
        return pem
