"""The metadata of a pack. Needs the module PyYAML."""

import os
import re

from st2common.constants.pack import MANIFEST_FILE_NAME, PACK_REF_WHITELIST_REGEX


def get_pack_metadata(pack_dir):
    """What is in `pack.yaml` of a directory."""
    import yaml

    file = os.path.join(pack_dir, MANIFEST_FILE_NAME)
    if not os.path.isfile(file):
        raise ValueError('Pack "%s" is missing %s file' % (pack_dir, MANIFEST_FILE_NAME))
    with open(file, encoding="utf-8") as opened:
        content = yaml.safe_load(opened)
    if not content:
        raise ValueError('Pack "%s" metadata file is empty' % pack_dir)
    return content


def get_pack_ref_from_metadata(metadata, pack_directory_name=None):
    """The short name of a pack: its `ref`, else that of its directory, else its name."""
    for name in (metadata.get("ref"), pack_directory_name, metadata.get("name")):
        if name and (name == metadata.get("ref") or re.match(PACK_REF_WHITELIST_REGEX, name)):
            return name
    raise ValueError('Pack name "%s" contains invalid characters and "ref" attribute is not available.' % metadata.get("name"))


def get_pack_warnings(pack_metadata):
    """A warning about a pack for Python 2 alone, or None."""
    versions = [str(version) for version in pack_metadata.get("python_versions", [])]
    if versions and "3" not in versions:
        return "Pack %s only supports Python 2.x, which this host does not have." % pack_metadata["name"]
    return None
