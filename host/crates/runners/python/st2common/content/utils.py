"""Paths in the pack of the action. Paths of other packs are not available."""

import os

import st2common


def get_pack_base_path(pack_name, include_trailing_slash=False, use_pack_cache=False):
    """The directory of the action's own pack."""
    if not pack_name:
        return None
    own, directory = st2common.own_pack
    if pack_name != own:
        raise NotImplementedError(
            "Petrel tells an action of pack %s where its own pack is, and not where %s is; hand the path over as a "
            "parameter" % (own, pack_name)
        )
    return os.path.join(directory, "") if include_trailing_slash else directory


def get_pack_directory(pack_name):
    """The directory of the action's own pack."""
    return get_pack_base_path(pack_name)


def check_pack_directory_exists(pack):
    """Whether the action's own pack has a directory."""
    return os.path.exists(get_pack_base_path(pack))


def check_pack_content_directory_exists(pack, content_type):
    """Whether the action's own pack has a directory `actions`, `sensors`, `rules`."""
    return os.path.exists(os.path.join(get_pack_base_path(pack), content_type))


def get_pack_file_abs_path(pack_ref, file_path, resource_type=None, use_pack_cache=False):
    """Returns the path of a file of the pack, which must be inside the pack."""
    base = get_pack_base_path(pack_ref)
    if os.path.normpath("/" + file_path).lstrip("/") != file_path:
        place = " %ss " % resource_type if resource_type else " "
        raise ValueError(
            'Invalid file path: "%s". File path needs to be relative to the pack%sdirectory (%s).'
            % (file_path, place, base)
        )
    return os.path.join(base, file_path)


def get_pack_resource_file_abs_path(pack_ref, resource_type, file_path):
    """The path of a file below `actions`, `sensors` or `rules` of the pack; the type is `action`, and so on."""
    if resource_type not in ("action", "sensor", "rule"):
        raise ValueError("Invalid resource type: %s" % resource_type)
    return get_pack_file_abs_path(pack_ref, "%ss/%s" % (resource_type, file_path), resource_type)


def get_packs_base_paths():
    """The directory that the action's own pack is in."""
    return [os.path.dirname(os.path.normpath(st2common.own_pack[1]))]


def get_system_packs_base_path():
    """The same: no other is told."""
    return get_packs_base_paths()[0]
