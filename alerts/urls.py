"""Addresses of mails: the list of letters, one's own daily mail, who was told, and mails to owners."""

from django.urls import path

from alerts.views import daily, letters, owners, told

app_name = "alerts"
urlpatterns = [
    path("alerts/letters/", letters.letter_list, name="letter_list"),
    path("alerts/letters/<int:pk>/", letters.letter_detail, name="letter_detail"),
    path("alerts/letters/<int:pk>/again/", letters.letter_again, name="letter_again"),
    path("alerts/daily/", daily.daily, name="daily"),
    path("certificates/mail/", owners.owner_mail, name="owner_mail"),
    path("certificates/mail/<int:pk>/", owners.mailing_detail, name="mailing_detail"),
    path("certificates/<int:pk>/told/", told.certificate_told, name="certificate_told"),
]
