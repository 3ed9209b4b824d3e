//! Imports of StackStorm's own modules in packs.

use petrel_runners::End;
use serde_json::{Value, json};

use super::{Place, act};

/// Imports of an action from `st2common`, an expression that uses them, and the JSON of its value in StackStorm.
const OF_STACKSTORM: [(&str, &str, &str); 26] = [
    (
        ".util import isotime",
        "isotime.format(datetime.datetime(2020, 1, 2, 12, tzinfo=datetime.timezone.utc))",
        r#""2020-01-02T12:00:00.000000+00:00""#,
    ),
    (
        ".util import isotime",
        "isotime.format(datetime.datetime(2020, 1, 2, 12, tzinfo=datetime.timezone.utc), usec=False, offset=False)",
        r#""2020-01-02T12:00:00Z""#,
    ),
    (
        ".util import isotime",
        "isotime.format(datetime.datetime(2020, 1, 2), usec=False)",
        r#""2020-01-02T00:00:00+00:00""#,
    ),
    (".util import isotime", "isotime.format(0, False)", r#""1970-01-01T00:00:00+00:00""#),
    (
        ".util import isotime",
        "isotime.parse('2020-01-02T12:00:00.5Z', validate_value=False).isoformat()",
        r#""2020-01-02T12:00:00.500000+00:00""#,
    ),
    (".util import isotime", "isotime.validate('2020-01-02', raise_exception=False)", "false"),
    (".util import date", "date.parse('20200102T120000+0230').isoformat()", r#""2020-01-02T09:30:00+00:00""#),
    (
        ".util import date",
        "date.parse('2020-01-02 12:00', preserve_original_tz=True).isoformat()",
        r#""2020-01-02T12:00:00+00:00""#,
    ),
    (
        ".util.shell import run_command",
        "list(run_command(['sh', '-c', 'echo a; echo b >&2; exit 3']))",
        r#"[3, "a\n", "b\n"]"#,
    ),
    (
        ".util.shell import run_command",
        "list(run_command('echo $A', shell=True, env={'A': 'x'}))",
        r#"[0, "x\n", ""]"#,
    ),
    (".util.shell import quote_unix", "quote_unix('a b')", r#""'a b'""#),
    (".util.green.shell import run_command", "run_command(['sleep', '30'], timeout=0.1)[3]", "true"),
    (".util.green.shell import run_command", "run_command('cat', stdin_value='x')[1].decode()", r#""x""#),
    (".util.compat import to_ascii", "to_ascii('aé')", r#""a""#),
    (
        ".util.misc import deep_update",
        "deep_update({'a': {'b': 1}}, {'a': {'c': 2}})",
        r#"{"a": {"b": 1, "c": 2}}"#,
    ),
    (".util import jinja", "jinja.is_jinja_expression('{{ x }}')", "true"),
    (".util import jinja", "jinja.to_human_time_from_seconds(3785)", r#""1h3m5s""#),
    (
        ".content import utils",
        "utils.get_pack_base_path('mine') == os.path.dirname(os.path.dirname(__file__))",
        "true",
    ),
    (".constants.action import LIVEACTION_STATUS_TIMED_OUT as status", "status", r#""timeout""#),
    (".constants.keyvalue import SYSTEM_SCOPE as scope", "scope", r#""system""#),
    (
        ".exceptions.action import InvalidActionParameterException as error",
        "error.__mro__[1].__name__",
        r#""StackStormBaseException""#,
    ),
    (".util.monkey_patch import monkey_patch", "monkey_patch()", "null"),
    (".util.jsonify import try_loads", "[try_loads('[1]'), try_loads('x')]", r#"[[1], "x"]"#),
    (
        ".util.pack import get_pack_warnings as warnings",
        "[warnings({'name': 'p'}), 'Python 2.x' in warnings({'name': 'p', 'python_versions': ['2']})]",
        "[null, true]",
    ),
    (
        ".services.keyvalues import get_key_reference",
        "get_key_reference('user', 'key', 'ann')",
        r#""ann:key""#,
    ),
    (" import log as logging", "logging.getLogger('x').audit('said')", "null"),
];

#[tokio::test]
async fn what_packs_import_of_stackstorm_gives_what_it_gives_there() {
    let place = Place::new();
    for (import, value, expected) in OF_STACKSTORM {
        let outcome = place
            .run(&format!("from st2common{import}\n{}", act(&format!("return {value}"))), json!({}))
            .await;
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(
            (outcome.end, &outcome.result["result"]),
            (End::Succeeded, &expected),
            "{value}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn the_base_class_is_also_where_it_was_at_first() {
    let place = Place::new();
    let text = "from st2actions.runners.pythonrunner import Action as Old\n\n\nclass A(Old):\n    def run(self):\n        return 5\n";
    let outcome = place.run(text, json!({})).await;
    assert_eq!((outcome.end, &outcome.result["result"]), (End::Succeeded, &json!(5)), "{outcome:?}");
}

#[tokio::test]
async fn the_client_of_stackstorm_asks_the_host_that_runs_the_action() {
    let place = Place::new();
    let text = "from st2client.client import Client\nfrom st2client.models import KeyValuePair, LiveAction\n\
                from st2client.commands.action import LIVEACTION_STATUS_RUNNING\n";
    let body = "\n        a, b = Client(base_url='http://localhost'), Client(base_url='https://other.example.com')\n        \
                key = KeyValuePair(name='k', value='v', ttl=5)\n        \
                return [a.endpoints['api'], b.endpoints['api'], key.id, key.serialize(), \
                LiveAction(action='core.local').serialize(), LIVEACTION_STATUS_RUNNING]";
    let outcome = place.run(&format!("{text}{}", act(body)), json!({})).await;
    let expected = json!([
        "http://127.0.0.1:9101/v1",
        "https://other.example.com:9101/v1",
        "k",
        {"name": "k", "value": "v", "ttl": 5},
        {"action": "core.local"},
        "running",
    ]);
    assert_eq!((outcome.end, &outcome.result["result"]), (End::Succeeded, &expected), "{outcome:?}");
}
