"""What people type about the inventory: owners, details, trust, and reasons for taking endpoints out of it."""

from inventory.forms.details import DetailsForm
from inventory.forms.kept import TagForm, TrustStoreForm
from inventory.forms.owner import OwnerForm, ReasonForm
from inventory.forms.rules import RuleForm

__all__ = ["DetailsForm", "OwnerForm", "ReasonForm", "RuleForm", "TagForm", "TrustStoreForm"]
