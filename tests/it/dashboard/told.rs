//! What the page says when it is refused, and where the keyboard's place is.

use serde_json::json;

use super::{WHAT, shown, url};
use crate::harness::admin::Admin;
use crate::harness::browser::Browser;
use crate::harness::client::Client;
use crate::harness::privilege::is_root;
use crate::harness::wait::wait_until;

const NOTICE: &str = "(document.querySelector('#notice:not([hidden])')?.innerText ?? '')";

#[test]
fn a_button_that_is_refused_says_why() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    if !is_root("workers of another user") {
        return;
    }
    let (app, admin) = Admin::demo(&["--workers", "1", "--user", "nobody"]);
    browser.look(1440, 900, "light");
    shown(&mut browser, &admin, 1);
    browser.evaluate("document.querySelector('[data-workers=\"+1\"]').click()");
    browser.wait_until(&format!("/^scale: .*admin_token_file/.test({NOTICE})"));
    assert_eq!(app.status().workers_wanted, 1);
    app.stop();
}

#[test]
fn a_button_keeps_the_focus_and_is_pressed_once() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "1", "--grace", "60000"]);
    browser.look(1440, 900, "light");
    shown(&mut browser, &admin, 1);
    let mut waiting = Client::waiting(app.port, 1, "/sleep?ms=1000");
    wait_until("the handler", || app.worker(0).sleeps_in_handler());
    let button = "document.querySelector('[data-command=reload]')";
    browser.evaluate(&format!("{button}.focus(), {button}.click(), {button}.click()"));
    browser.wait_until(&format!("{button}.getAttribute('aria-busy') === 'true'"));
    browser.evaluate(&format!("{button}.click()"));
    assert_eq!(waiting[0].answer().unwrap().status, 200);
    browser
        .wait_until(&format!("/^reload: /.test({NOTICE}) && !{button}.hasAttribute('aria-busy')"));
    assert_eq!(browser.evaluate(&format!("document.activeElement === {button}")), json!(true));
    assert_eq!(app.status().rollouts, 1);
    app.stop();
}

#[test]
fn a_token_that_is_asked_for_is_no_lost_connection() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "it-is-I-who-may-look\n").unwrap();
    let path = token.path().to_str().unwrap();
    let (app, admin) = Admin::demo(&["--workers", "1", "--admin-token-file", path]);
    browser.look(1440, 900, "light");
    browser.open(&url(&admin));
    browser.wait_until(&format!("{NOTICE} === 'A token is needed.'"));
    assert_eq!(browser.evaluate("document.activeElement.id"), json!("token"));
    assert_eq!(browser.evaluate("document.title"), json!("Evenkeel: token needed"));
    assert_eq!(
        browser.evaluate("document.querySelector('#doing').innerText"),
        json!("token needed")
    );
    let submit = |token: &str| {
        format!(
            "document.querySelector('#token').value = '{token}', \
             document.querySelector('#ask-token').requestSubmit()"
        )
    };
    browser.evaluate(&submit("wrong"));
    browser.wait_until(&format!("{NOTICE} === 'This token is not the one.'"));
    browser.evaluate(&submit("it-is-I-who-may-look"));
    browser.wait_until("document.body.dataset.state === 'live'");
    assert_eq!(browser.evaluate("document.activeElement.id"), json!("name"));
    app.stop();
}
