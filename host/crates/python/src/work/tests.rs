//! The meter, by itself.

use super::*;

fn allowance(units: u64) -> Allowance {
    Allowance { units, is_roomy: false, interrupt: None }
}

#[test]
fn an_evaluation_has_its_limits_and_what_is_within_it_shares_them() {
    let outer = Evaluation::begin();
    assert_eq!(charge(UNITS / 2), Ok(()));
    let inner = Evaluation::begin();
    assert_eq!(charge(UNITS / 2 + 1), Err(Limit::Work));
    drop(inner);
    assert_eq!((charge(1), make(1), check()), (Err(Limit::Work), Err(Limit::Work), Err(Limit::Work)));
    drop(outer);
    let _next = Evaluation::begin();
    assert_eq!((make(BYTES), make(1), charge(1)), (Ok(()), Err(Limit::Bytes), Err(Limit::Bytes)));
}

#[test]
fn an_allowance_is_shared_by_evaluations() {
    let one = |units| {
        let _evaluation = Evaluation::begin();
        charge(units)
    };
    let ran = within(&allowance(100), || [one(60), one(30), one(30), one(1)]);
    assert_eq!(
        ran,
        Ran { value: [Ok(()), Ok(()), Err(Limit::Work), Err(Limit::Work)], limit: Some(Limit::Work) }
    );
    assert_eq!(within(&allowance(100), || one(60)), Ran { value: Ok(()), limit: None });
    assert_eq!(one(UNITS), Ok(()));
}

#[test]
fn a_part_has_an_end_of_its_own() {
    let one = |units| {
        let _evaluation = Evaluation::begin();
        charge(units)
    };
    let ran = within(&allowance(100), || [part(60, || one(61)), part(60, || one(30)), part(60, || one(30))]);
    assert_eq!(ran, Ran { value: [Err(Limit::Work), Ok(()), Err(Limit::Work)], limit: Some(Limit::Work) });
    assert_eq!(within(&allowance(100), || part(60, || one(61))).limit, None);
}

#[test]
fn an_interrupt_ends_what_goes_on() {
    let interrupt = Interrupt::default();
    let some = Allowance { interrupt: Some(interrupt.clone()), ..allowance(UNITS) };
    let ran = within(&some, || {
        let _evaluation = Evaluation::begin();
        let before = charge(SLICE);
        interrupt.time_is_up();
        (before, charge(2 * SLICE))
    });
    assert_eq!((ran.value, ran.limit), ((Ok(()), Err(Limit::Time)), Some(Limit::Time)));
    interrupt.stop();
    interrupt.time_is_up();
    assert_eq!(interrupt.limit(), Some(Limit::Stop));
}
