//! Rule 4.1, the part the compiler keeps: what must compile does, what must not says so in words one can read.
//!
//! After a change of wording: `TRYBUILD=overwrite cargo test --test rules rule_4_1_`, then read the difference.

#[test]
fn rule_4_1_good_endpoints_compile_and_bad_ones_say_why() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/rules/ui/pass/*.rs");
    cases.compile_fail("tests/rules/ui/fail/*.rs");
}
