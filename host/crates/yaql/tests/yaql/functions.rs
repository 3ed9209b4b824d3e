//! Functions whose answers hang on formats, on order or on types that the recorded cases touch little.

use serde_json::json;

use crate::{evaluate, outcome};

#[test]
fn times_are_written_and_read_by_formats() {
    for (text, expected) in [
        (
            "datetime(2020, 2, 3, 16, 5, 6, 7).format('%Y-%m-%d %H:%M:%S.%f %z')",
            "2020-02-03 16:05:06.000007 +0000",
        ),
        (
            "datetime(2020, 2, 3).format('%a %A %b %B %j %U %W %V %u %w')",
            "Mon Monday Feb February 034 05 05 06 1 1",
        ),
        ("datetime(2020, 2, 3, 16).format('%I %p %y %e %D %T %%')", "04 PM 20  3 02/03/20 16:00:00 %"),
        ("str(datetime('2020-01-02 03:04', '%Y-%m-%d %H:%M'))", "2020-01-02 03:04:00+00:00"),
        ("str(datetime('3 Feb 20 1PM +0130', '%d %b %y %I%p %z'))", "2020-02-03 13:00:00+01:30"),
        ("str(datetime('x', '%Y'))", "ValueError: time data 'x' does not match format '%Y'"),
        ("str(datetime('20200102T030405Z'))", "2020-01-02 03:04:05+00:00"),
        ("str(datetime('Thu, 25 Sep 2003 10:49:41 -0300'))", "2003-09-25 10:49:41-03:00"),
        ("str(datetime('02.01.2020'))", "2020-02-01 00:00:00+00:00"),
        ("str(datetime('13/01/2020'))", "2020-01-13 00:00:00+00:00"),
        ("str(timespan(days => -1, hours => 1))", "-1 day, 1:00:00"),
        ("str(timespan(seconds => 90061, microseconds => 5))", "1 day, 1:01:01.000005"),
        (
            "str(datetime(9999, 12, 31) + timespan(days => 1))",
            "OverflowError: The date is out of range; years are from 1 to 9999",
        ),
    ] {
        assert_eq!(outcome(text, json!(null)), json!(expected), "{text}");
    }
}

#[test]
fn values_stand_in_text_as_in_python() {
    for (text, expected) in [
        ("set(a)", "{'a'}"),
        ("set()", "set()"),
        ("[1, [true, null], 'x', 1.5]", "[1, [True, None], 'x', 1.5]"),
        ("{1 => {a => 'it\\'s'}}", "{1: {'a': \"it's\"}}"),
        ("datetime(2020, 1, 2)", "2020-01-02 00:00:00+00:00"),
        ("timespan(hours => 1)", "1:00:00"),
        ("$.l", "[1, 'a']"),
        ("1e", "Lexical error"),
    ] {
        let shown = evaluate(text, json!({"l": [1, "a"]})).and_then(|value| value.display());
        let shown = shown.unwrap_or_else(|error| error.to_string().chars().take(13).collect());
        assert_eq!(shown, expected, "{text}");
    }
}

#[test]
fn what_json_has_not_is_an_error_that_says_so() {
    for (text, expected) in [
        (
            "9223372036854775807 * 4",
            "OverflowError: The integer is too large; integers are of 64 bits, use a float",
        ),
        ("float(inf)", "ValueError: the result is inf, which JSON has not; check it first"),
        ("regex(a)", "TypeError: the result is a re.Pattern, which is no value; use it in the expression"),
        ("{a => 1}.items()", "TypeError: unhashable type: 'list'; use items().toList()"),
    ] {
        assert_eq!(outcome(text, json!(null)), json!(expected), "{text}");
    }
    assert_eq!(outcome("9223372036854775807 * 2", json!(null)), json!(18_446_744_073_709_551_614_u64));
}

#[test]
fn definitions_lead_back_to_nothing_that_stays() {
    // A definition that kept its own context alive would never be dropped; this one is called and gone.
    for _ in 0..3 {
        assert_eq!(outcome("def(my_sum, $1 + $2) -> mySum(1, 2)", json!(null)), json!(3));
    }
}
