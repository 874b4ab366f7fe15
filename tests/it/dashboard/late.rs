//! What the page shows of the last minutes, and of what happened.

use evenkeel::control::{Command, Scale};
use serde_json::json;

use super::{WHAT, column, shown};
use crate::harness::admin::Admin;
use crate::harness::browser::Browser;
use crate::harness::client::Client;
use crate::harness::wait::wait_until;

/// The server's clock runs ahead by as much as the page is told to believe.
const SHIFT: &str = "(() => { const ask = window.fetch; window.ahead_ms = 0; window.looks = 0; \
    window.fetch = async (...all) => { \
        const state = await (await ask(...all)).json(); \
        state.now_ms += window.ahead_ms; window.looks += 1; \
        return new Response(JSON.stringify(state)); }; })()";

#[test]
fn latencies_are_those_of_the_last_minute_and_of_slots_that_are_used() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "2", "--policy", "rr"]);
    for mut slow in Client::waiting(app.port, 2, "/sleep?ms=1100") {
        assert_eq!(slow.answer().unwrap().status, 200);
    }
    browser.look(1440, 900, "light");
    shown(&mut browser, &admin, 2);
    browser.evaluate(SHIFT);
    let p99 = "document.querySelector('#p99').innerText";
    browser.wait_until(&format!("window.looks > 1 && {p99} === '–'"));
    for _ in 0..20 {
        app.get("/whoami");
    }
    browser.wait_until(&format!("/ (µs|ms)$/.test({p99})"));
    app.done(Command::Scale { workers: Scale::To(1) });
    browser.wait_until("document.querySelectorAll('#workers tr[data-phase=vacant]').length === 1");
    let shown = column(&mut browser, "p99");
    assert!(shown[0] != "–" && shown[1] == "–", "{shown:?}");
    browser.evaluate("window.ahead_ms = 70000");
    browser.wait_until(&format!("{p99} === '–'"));
    app.stop();
}

#[test]
fn a_line_has_a_gap_where_nobody_looked_and_ends_two_minutes_ago() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "1"]);
    browser.look(1440, 900, "light");
    shown(&mut browser, &admin, 1);
    browser.evaluate(SHIFT);
    let pieces =
        "(document.querySelector('#rate-line path').getAttribute('d').match(/M/g) ?? []).length";
    browser.wait_until(&format!("{pieces} === 1"));
    browser.evaluate("window.ahead_ms = 60000");
    browser.wait_until(&format!("{pieces} === 2"));
    browser.evaluate("window.ahead_ms = 200000");
    browser.wait_until(&format!("{pieces} === 1"));
    app.stop();
}

#[test]
fn events_stand_in_their_order_and_stay_while_nothing_happens() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "4"]);
    browser.look(1440, 900, "light");
    shown(&mut browser, &admin, 4);
    let texts = "[...document.querySelectorAll('#events li span')].map(text => text.innerText)";
    app.done(Command::Reload {});
    // The old admin process is done later.
    wait_until("the events in their order", || {
        let state = admin.state();
        let newest = state["events"].as_array().unwrap().iter().rev();
        let newest: Vec<_> = newest.map(|event| event["text"].clone()).collect();
        newest.iter().any(|text| text.as_str().unwrap().starts_with("admin (generation 1) is done"))
            && browser.evaluate(texts) == json!(newest)
    });

    browser.evaluate(SHIFT);
    browser.evaluate("window.first = document.querySelector('#events li')");
    browser.wait_until("window.looks > 2");
    assert_eq!(browser.evaluate("window.first.isConnected"), json!(true));
    let dated = "/\\p{L}/u.test(document.querySelector('#events time').innerText)";
    assert_eq!(browser.evaluate(dated), json!(false));
    // Each event is of another day than now.
    browser.evaluate("Date.prototype.toDateString = function () { return `${+this}`; }, 0");
    browser.wait_until(dated);
    app.stop();
}
