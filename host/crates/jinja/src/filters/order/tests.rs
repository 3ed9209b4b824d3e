//! Values without an order of their own: as in Jinja, `sort` needs none of equal ones, and the other filters do.

use petrel_scope::Scope;

use crate::render;

#[test]
fn equal_values_without_an_order_are_sorted_where_jinja_sorts_them() {
    for (expression, expected) in [
        ("[none, none] | sort", Some("[None, None]")),
        ("[none, none] | sort(reverse=true)", Some("[None, None]")),
        ("[{'a': 1}, {'a': 1}] | sort", Some("[{'a': 1}, {'a': 1}]")),
        ("[{'a': [1]}, {'a': [1]}] | sort(attribute='a')", Some("[{'a': [1]}, {'a': [1]}]")),
        (
            "[{'a': none, 'b': 1}, {'a': none, 'b': 0}] | sort(attribute='a') | map(attribute='b') | join",
            Some("10"),
        ),
        (
            "[{'a': none, 'b': 1}, {'a': none, 'b': 0}] | sort(attribute='a,b') | map(attribute='b') | join",
            Some("01"),
        ),
        ("[[none, 2], [none, 1]] | sort", Some("[[None, 1], [None, 2]]")),
        ("[none] | sort", Some("[None]")),
        ("['A', 'a', 'B'] | sort", Some("['A', 'a', 'B']")),
        ("[{'a': 1}, {'a': 2}] | sort", None),
        ("[none, none, 1] | sort", None),
        ("[[], (1, 2)] | sort", None),
        ("[nope, nope] | sort", None),
        ("[{}, {}] | sort(attribute='a')", None),
        ("[none, none].sort()", None),
        ("[none, none] | min", None),
        ("[none, none] | max", None),
        ("{'x': none, 'y': none} | dictsort(by='value')", None),
        ("[{'a': none}, {'a': none}] | groupby('a')", None),
    ] {
        let came = render(&format!("{{{{ {expression} }}}}"), &Scope::new());
        assert_eq!(came.as_deref().ok(), expected, "{expression}: {came:?}");
    }
}
