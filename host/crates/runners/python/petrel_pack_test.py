"""Runs the Python tests of a pack, `tests/test_*.py`, as StackStorm's `st2-run-pack-tests` does, by `unittest`.

The arguments are the directory of the pack and, if only some tests are wanted, a part of their names. The output is that of the tests; the last line of standard output is JSON: the
numbers of those that were run, have failed and were skipped, with the names of those that failed. The exit code is 1 if any
has, and 0 otherwise.
"""

import importlib
import json
import os
import sys
import unittest
import unittest.mock

# The directories of a pack in which its tests look for modules, before what is installed.
PLACES = ("", "actions", "actions/lib", "sensors", "etc", "lib", "tests", "tests/lib")


# Modules that tests of StackStorm's time import, and what has taken their place.
SUCCESSORS = {"mock": unittest.mock, "unittest2": unittest}


class Loader(unittest.TestLoader):
    """Leaves out the classes that say, as pytest has it, that they are none of tests: others are derived from them."""

    def loadTestsFromTestCase(self, testCaseClass):  # noqa: N802, N803
        if getattr(testCaseClass, "__test__", True) is False:
            return self.suiteClass()
        return super().loadTestsFromTestCase(testCaseClass)


def main():
    pack = os.path.abspath(sys.argv[1])
    os.chdir(pack)
    import st2common

    st2common.own_pack = (os.path.basename(pack), pack)
    sys.path[:0] = [os.path.join(pack, place).rstrip("/") for place in PLACES]
    for name, successor in SUCCESSORS.items():
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = successor
    loader = Loader()
    if len(sys.argv) > 2:
        loader.testNamePatterns = ["*%s*" % sys.argv[2]]
    tests = loader.discover("tests", pattern="test_*.py", top_level_dir=top(pack))
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(tests)
    bad = [str(test) for test, _ in result.failures + result.errors] + [str(test) for test in result.unexpectedSuccesses]
    told = {"run": result.testsRun, "failed": len(bad), "skipped": len(result.skipped), "names": bad[:100]}
    print(json.dumps(told))
    sys.exit(1 if bad else 0)


def top(pack):
    """The directory from which tests are named: that of the pack where tests are a package, as some import each other."""
    return pack if os.path.isfile(os.path.join(pack, "tests", "__init__.py")) else os.path.join(pack, "tests")


if __name__ == "__main__":
    main()
