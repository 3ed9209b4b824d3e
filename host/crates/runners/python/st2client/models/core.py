"""Objects of the API, and what manages them. The names and their arguments are those of StackStorm's client."""

from petrel_api import ApiError, segment
from st2client.exceptions.operations import OperationFailureException

# Arguments that say how to ask, and not for what.
OF_THE_CALL = ("token", "api_key", "raw")


class Resource:
    """An object of the API, with its fields as attributes."""

    path = None

    def __init__(self, *args, **kwargs):
        for name, value in kwargs.items():
            setattr(self, name, value)

    def to_dict(self, exclude_attributes=None):
        """The fields, but for some."""
        return {name: value for name, value in vars(self).items() if name not in (exclude_attributes or ())}

    def serialize(self):
        """The fields that are not private."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    @classmethod
    def deserialize(cls, doc):
        """An object of its fields."""
        return cls(**doc) if isinstance(doc, dict) else doc

    def __repr__(self):
        named = getattr(self, "ref", None) or getattr(self, "name", None) or getattr(self, "id", None)
        return "<%s %s>" % (type(self).__name__, named)


class ResourceManager:
    """Asks for objects of one kind."""

    def __init__(self, resource, api):
        self.resource, self.api = resource, api

    def get_all(self, **kwargs):
        """All objects, or those up to `limit`."""
        return self._list(self._path(), dict({"limit": -1}, **params_of(kwargs)))

    def get_by_id(self, id, **kwargs):  # noqa: A002
        """An object, or None."""
        found = self._ask("GET", self._path(id), kwargs, or_none=True)
        return None if found is None else self.resource.deserialize(found)

    def get_by_ref_or_id(self, ref_or_id, **kwargs):
        """An object, or None."""
        return self.get_by_id(ref_or_id, **kwargs)

    def get_property(self, id_, property_name, self_deserialize=True, **kwargs):
        """A part of an object that is an object itself, or None."""
        found = self._ask("GET", self._path(id_, property_name), kwargs, or_none=True)
        if found is None or not self_deserialize:
            return found
        return [self.resource.deserialize(one) for one in found] if isinstance(found, list) else found

    def query(self, **kwargs):
        """The objects with these fields."""
        if not kwargs:
            raise Exception("Query parameter is not provided.")
        return self._list(self._path(), params_of(kwargs))

    def query_with_count(self, **kwargs):
        """As `query`, with their number."""
        found = self.query(**kwargs)
        return found, len(found)

    def get_by_name(self, name, **kwargs):
        """The object of this name, or None."""
        found = self.query(name=name, **kwargs)
        if len(found) > 1:
            raise Exception('More than one %s named "%s" are found.' % (self.resource.__name__.lower(), name))
        return found[0] if found else None

    def create(self, instance, **kwargs):
        """Creates an object, and returns it as it is then."""
        return self.resource.deserialize(self._ask("POST", self._path(), kwargs, body=instance.serialize()))

    def update(self, instance, **kwargs):
        """Replaces an object, and returns it as it is then."""
        path = self._path(instance.id)
        return self.resource.deserialize(self._ask("PUT", path, kwargs, body=instance.serialize()))

    def delete(self, instance, **kwargs):
        """Deletes an object, or finds that there is none."""
        return self.delete_by_id(instance.id, **kwargs)

    def delete_by_id(self, instance_id, **kwargs):
        """Deletes an object, or finds that there is none."""
        return self._ask("DELETE", self._path(instance_id), kwargs, or_none=True) or True

    def _list(self, path, params):
        found = self._ask("GET", path, {"params": params}, or_none=True)
        return [self.resource.deserialize(one) for one in found or []]

    def _path(self, *parts):
        return "/" + "/".join([self.resource.path] + [segment(part) for part in parts if part is not None])

    def _ask(self, method, path, given, body=None, or_none=False):
        try:
            return self.api.ask(method, path, body=body, params=params_of(given))
        except ApiError as error:
            if or_none and error.status == 404:
                return None
            # Clients tell the kinds of failures apart by these words.
            raise Exception("%s\nMESSAGE: %s for url: %s" % (error.status, error, self.api.url + path)) from error


def params_of(given):
    """The parameters of a request among the arguments of a call."""
    given = dict(given)
    params = {name: value for name, value in (given.pop("params", None) or {}).items() if value is not None}
    params.update({name: value for name, value in given.items() if name not in OF_THE_CALL and value is not None})
    return params


class ActionManager(ResourceManager):
    """Actions."""

    def get_entrypoint(self, ref_or_id, **kwargs):
        """The text of the file that an action runs."""
        return self._ask("GET", self._path("views", "entry_point", ref_or_id), kwargs)


class ExecutionManager(ResourceManager):
    """Executions."""

    def re_run(self, execution_id, parameters=None, tasks=None, no_reset=None, delay=None, **kwargs):
        """Runs the action of an execution again."""
        body = {"parameters": parameters or {}, "tasks": tasks or []}
        body["reset"] = [task for task in tasks or [] if task not in (no_reset or [])]
        if delay:
            body["delay"] = delay
        return self.resource.deserialize(self._ask("POST", self._path(execution_id, "re_run"), kwargs, body=body))

    def get_output(self, execution_id, output_type=None, **kwargs):
        """The output of an execution."""
        return self._ask("GET", self._path(execution_id, "output"), dict(kwargs, output_type=output_type))

    def get_result(self, execution_id, **kwargs):
        """The result of an execution."""
        return self._ask("GET", self._path(execution_id), dict(kwargs, include_attributes="result")).get("result")

    def get_children(self, execution_id, **kwargs):
        """The executions inside a workflow."""
        return self._list(self._path(execution_id, "children"), dict({"depth": -1}, **params_of(kwargs)))

    def pause(self, execution_id, **kwargs):
        """Pauses a workflow."""
        return self._change(execution_id, "pausing", kwargs)

    def resume(self, execution_id, **kwargs):
        """Lets a workflow go on."""
        return self._change(execution_id, "resuming", kwargs)

    def _change(self, execution_id, status, given):
        return self.resource.deserialize(self._ask("PUT", self._path(execution_id), given, body={"status": status}))


class InquiryManager(ResourceManager):
    """Questions to people."""

    def respond(self, inquiry_id, inquiry_response, **kwargs):
        """Answers a question."""
        body = {"id": inquiry_id, "response": inquiry_response}
        return self.resource.deserialize(self._ask("PUT", self._path(inquiry_id), kwargs, body=body))


class KeyManager(ResourceManager):
    """Keys of the datastore."""

    def get_by_name(self, name, **kwargs):
        """A key, or None."""
        return self.get_by_id(name, **kwargs)


class TriggerInstanceManager(ResourceManager):
    """Events."""

    def re_emit(self, trigger_instance_id, **kwargs):
        """Has an event happen again."""
        return self._ask("POST", self._path(trigger_instance_id, "re_emit"), kwargs, body={})


class PackManager(ResourceManager):
    """Packs."""

    def register(self, packs=None, types=None, **kwargs):
        """Registers packs again."""
        body = {name: value for name, value in (("packs", packs), ("types", types)) if value}
        return Resource.deserialize(self._ask("POST", self._path("register"), kwargs, body=body))

    def install(self, packs, force=False, skip_dependencies=False, **kwargs):
        """Packs are installed by operators."""
        raise OperationFailureException(
            "Petrel installs packs by its command line; use: petrel pack install %s" % " ".join(packs)
        )

    remove = search = install


class ConfigManager(ResourceManager):
    """Configurations of packs."""

    def update(self, instance, **kwargs):
        """Replaces the configuration of a pack."""
        body = instance.serialize()
        return self._ask("PUT", self._path(body.pop("pack")), kwargs, body=body.get("values", body))


class WebhookManager(ResourceManager):
    """Webhooks."""

    def post_generic_webhook(self, trigger, payload=None, trace_tag=None, **kwargs):
        """Has an event of a trigger happen."""
        headers = {"St2-Trace-Tag": trace_tag} if trace_tag else None
        body = {"trigger": trigger, "payload": payload or {}}
        return self.api.ask("POST", "/webhooks/st2", body=body, headers=headers) or True


class AliasManager(ResourceManager):
    """Aliases."""

    def match(self, instance, **kwargs):
        """The alias for a command, and how it is represented."""
        found = self._ask("POST", self._path("match"), kwargs, body=instance.serialize())
        return self.resource.deserialize(found["actionalias"]), found["representation"]


class AliasExecutionManager(ResourceManager):
    """Executions of aliases."""

    def match_and_execute(self, instance, **kwargs):
        """Runs the alias for a command."""
        found = self._ask("POST", self._path("match_and_execute"), kwargs, body=instance.serialize())
        return [self.resource.deserialize(one["execution"]) for one in found["results"]]
