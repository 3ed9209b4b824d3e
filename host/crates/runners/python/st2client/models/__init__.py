"""The objects of the API."""

from st2client.models.action import Action, Execution, LiveAction, RunnerType
from st2client.models.action_alias import ActionAlias, ActionAliasMatch
from st2client.models.aliasexecution import ActionAliasExecution
from st2client.models.core import Resource
from st2client.models.keyvalue import KeyValuePair

__all__ = ["Action", "ActionAlias", "ActionAliasExecution", "ActionAliasMatch", "Execution", "KeyValuePair"]
__all__ += ["LiveAction", "Resource", "RunnerType"]


def _kind(name, path):
    globals()[name] = type(name, (Resource,), {"path": path, "__module__": __name__})
    __all__.append(name)


for _name, _path in [
    ("ApiKey", "apikeys"),
    ("Config", "configs"),
    ("ConfigSchema", "config_schemas"),
    ("Inquiry", "inquiries"),
    ("Pack", "packs"),
    ("Policy", "policies"),
    ("PolicyType", "policytypes"),
    ("Rule", "rules"),
    ("RuleEnforcement", "ruleenforcements"),
    ("Sensor", "sensortypes"),
    ("Token", "tokens"),
    ("Trace", "traces"),
    ("Trigger", "triggers"),
    ("TriggerInstance", "triggerinstances"),
    ("TriggerType", "triggertypes"),
    ("Webhook", "webhooks"),
]:
    _kind(_name, _path)
