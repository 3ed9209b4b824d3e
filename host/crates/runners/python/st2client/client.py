"""The client of the API. Address and token are by default those of the execution."""

import os
from urllib import parse

import petrel_api
from st2client import models
from st2client.models import core


class Client:
    """A client, with one manager for each kind of object."""

    def __init__(
        self,
        base_url=None,
        auth_url=None,
        api_url=None,
        stream_url=None,
        api_version=None,
        cacert=None,
        debug=False,
        token=None,
        api_key=None,
        basic_auth=None,
    ):
        if token:
            # As in StackStorm: what the action starts has it too.
            os.environ["ST2_AUTH_TOKEN"] = token
        api = petrel_api.Api(api_url or address(base_url, api_version), token, api_key, cacert)
        self.api, self.token, self.api_key, self.debug, self.cacert = api, token, api_key, debug, cacert
        self.endpoints = {"base": base_url, "api": api.url, "auth": auth_url or api.url, "stream": stream_url or api.url}
        self.managers = {
            "Action": core.ActionManager(models.Action, api),
            "ActionAlias": core.AliasManager(models.ActionAlias, api),
            "ActionAliasExecution": core.AliasExecutionManager(models.ActionAliasExecution, api),
            "ApiKey": core.ResourceManager(models.ApiKey, api),
            "Config": core.ConfigManager(models.Config, api),
            "ConfigSchema": core.ResourceManager(models.ConfigSchema, api),
            "Execution": core.ExecutionManager(models.Execution, api),
            "Inquiry": core.InquiryManager(models.Inquiry, api),
            "KeyValuePair": core.KeyManager(models.KeyValuePair, api),
            "LiveAction": core.ExecutionManager(models.LiveAction, api),
            "Pack": core.PackManager(models.Pack, api),
            "Policy": core.ResourceManager(models.Policy, api),
            "PolicyType": core.ResourceManager(models.PolicyType, api),
            "Rule": core.ResourceManager(models.Rule, api),
            "RuleEnforcement": core.ResourceManager(models.RuleEnforcement, api),
            "RunnerType": core.ResourceManager(models.RunnerType, api),
            "Sensor": core.ResourceManager(models.Sensor, api),
            "Token": core.ResourceManager(models.Token, api),
            "Trace": core.ResourceManager(models.Trace, api),
            "Trigger": core.ResourceManager(models.Trigger, api),
            "TriggerInstance": core.TriggerInstanceManager(models.TriggerInstance, api),
            "TriggerType": core.ResourceManager(models.TriggerType, api),
            "Webhook": core.WebhookManager(models.Webhook, api),
        }

    def __getattr__(self, name):
        managers = self.__dict__.get("managers", {})
        known = managers.get(NAMES.get(name))
        if known is None:
            raise AttributeError(
                "Petrel's st2client has no manager %r; it has: %s. Ask the API itself" % (name, ", ".join(sorted(NAMES)))
            )
        return known

    def get_user_info(self, **kwargs):
        """The user of the token."""
        return self.api.ask("GET", "/user")


# The attributes of a client, with the managers that they name.
NAMES = {
    "actionaliases": "ActionAlias",
    "actions": "Action",
    "aliasexecution": "ActionAliasExecution",
    "apikeys": "ApiKey",
    "config_schemas": "ConfigSchema",
    "configs": "Config",
    "executions": "Execution",
    "inquiries": "Inquiry",
    "keys": "KeyValuePair",
    "liveactions": "LiveAction",
    "packs": "Pack",
    "policies": "Policy",
    "policytypes": "PolicyType",
    "rules": "Rule",
    "runners": "RunnerType",
    "sensors": "Sensor",
    "tokens": "Token",
    "traces": "Trace",
    "triggerinstances": "TriggerInstance",
    "triggers": "TriggerType",
    "triggertypes": "TriggerType",
    "webhooks": "Webhook",
}


def address(base_url, api_version=None):
    """The address of the API. Packs name their own machine, where the host that runs them may listen elsewhere."""
    own = os.environ.get("ST2_API_URL") or os.environ.get("ST2_ACTION_API_URL")
    if not base_url:
        return own
    given = parse.urlsplit(base_url if "://" in base_url else "http://" + base_url)
    if own and (given.hostname or "") in petrel_api.LOCAL and given.port is None:
        return own
    place = base_url.rstrip("/")
    if given.port is None and not given.path.strip("/"):
        place += ":9101"
    return "%s/%s" % (place, api_version or "v1")
