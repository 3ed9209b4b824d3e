"""A registry by django-oci, without logins: in the working directory, on loopback, at the port that is the first argument."""

import os
import secrets
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY=secrets.token_hex(),
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    APPEND_SLASH=False,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework.authtoken",
        "django_oci",
    ],
    MIDDLEWARE=[],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "registry.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    # A name is a path below both: newer versions of Django refuse the absolute ones that the library makes by default.
    MEDIA_ROOT=os.getcwd(),
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    # What is to be logged of a failure.
    DEBUG_PROPAGATE_EXCEPTIONS=True,
    DJANGO_OCI={
        "DISABLE_AUTHENTICATION": True,
        "MEDIA_ROOT": "blobs",
        "VIEW_RATE_LIMIT": "1000000/1s",
        "VIEW_RATE_LIMIT_BLOCK": False,
    },
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [path("", include("django_oci.urls"))]

# It comes without migrations.
call_command("migrate", verbosity=0, run_syncdb=True)
call_command("runserver", f"127.0.0.1:{sys.argv[1]}", use_reloader=False, skip_checks=True)
