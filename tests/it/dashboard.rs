//! The live page, in a real browser.

mod late;
mod told;

use std::path::PathBuf;

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::harness::admin::{Admin, admin_process};
use crate::harness::browser::Browser;
use crate::harness::client::Client;
use crate::harness::wait::wait_until;

const WHAT: &str = "the live page in a browser";

/// The text of each worker's cell in a column.
fn column(browser: &mut Browser, label: &str) -> Vec<String> {
    let cells = format!(
        "Array.from(document.querySelectorAll('#workers td[data-label=\"{label}\"]'), c => c.innerText.trim())"
    );
    serde_json::from_value(browser.evaluate(&cells)).unwrap()
}

/// A picture is kept where one can look at it, if the environment says where.
fn picture(browser: &mut Browser, name: &str) {
    let kept = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("EVENKEEL_PICTURES").map(PathBuf::from);
    let path = folder.unwrap_or_else(|| kept.path().to_path_buf()).join(format!("{name}.png"));
    browser.picture(&path);
    assert!(std::fs::metadata(&path).unwrap().len() > 5_000, "{name} is an empty picture");
}

fn url(admin: &Admin) -> String {
    format!("http://127.0.0.1:{}/", admin.port)
}

fn shown(browser: &mut Browser, admin: &Admin, workers: usize) {
    browser.open(&url(admin));
    browser.wait_until("document.body?.dataset.state === 'live'");
    browser.wait_until(&format!(
        "document.querySelectorAll('#workers tbody tr').length === {workers}"
    ));
}

#[test]
fn the_page_shows_what_is_true_and_goes_on_to() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "3", "--name", "shop"]);
    browser.look(1440, 900, "light");
    shown(&mut browser, &admin, 3);
    assert_eq!(browser.evaluate("document.querySelector('h1').innerText"), json!("shop"));
    let pids: Vec<String> =
        app.status().workers.iter().map(|worker| worker.pid.to_string()).collect();
    assert_eq!(column(&mut browser, "Pid"), pids);
    assert_eq!(column(&mut browser, "Phase"), ["ready"; 3]);

    for _ in 0..30 {
        app.get("/whoami");
    }
    let total = "[...document.querySelectorAll('#workers .share .number')]\
                 .reduce((sum, cell) => sum + parseFloat(cell.innerText), 0)";
    browser.wait_until(&format!("Math.abs({total} - 100) < 0.5"));
    browser.wait_until("document.querySelectorAll('.band:not([hidden])').length === 3");

    // A worker that dies is a row that changes, an event and a cause.
    app.worker(1).signal(Signal::SIGKILL);
    browser.wait_until(&format!(
        "![...document.querySelectorAll('#workers td[data-label=Pid]')].some(c => c.innerText === '{}')",
        pids[1]
    ));
    browser.wait_until("/SIGKILL|signal 9/.test(document.querySelector('#events').innerText)");
    browser.wait_until("document.querySelectorAll('#restarts dd').length > 0");
    assert_eq!(browser.complaints, [] as [String; 0]);
}

#[test]
fn the_buttons_of_the_page_scale_and_reload() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "2"]);
    browser.look(1440, 900, "light");
    shown(&mut browser, &admin, 2);
    browser.evaluate("document.querySelector('[data-workers=\"+1\"]').click()");
    browser.wait_until("document.querySelectorAll('#workers tr[data-phase=ready]').length === 3");
    assert_eq!(app.status().workers_ready, 3);
    browser.evaluate("document.querySelector('[data-command=reload]').click()");
    browser.wait_until("/reload/.test(document.querySelector('#notice').innerText)");
    wait_until("a reload", || app.status().rollouts == 1);
    browser.evaluate("document.querySelector('[data-workers=\"-1\"]').click()");
    wait_until("two workers", || app.status().workers_wanted == 2);
}

/// The admin process that was asked is replaced, too, and may end before the reload does.
#[test]
fn a_reload_that_outlives_its_answer_is_shown_to_the_end() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "1", "--grace", "1000"]);
    browser.look(1440, 900, "light");
    shown(&mut browser, &admin, 1);
    let (asked, worker) = (admin_process(&app), app.worker(0));
    let _waiting = Client::waiting(app.port, 1, "/sleep?ms=60000");
    wait_until("the handler", || worker.sleeps_in_handler());
    browser.evaluate("document.querySelector('[data-command=reload]').click()");
    app.log.wait_for("admin (generation 2) is ready");
    asked.signal(Signal::SIGKILL);
    let notice = |text: &str| {
        format!(
            "/{text}/.test(document.querySelector('#notice:not([hidden]):not(.bad)')?.innerText)"
        )
    };
    browser.wait_until(&notice("it goes on"));
    worker.signal(Signal::SIGKILL);
    browser.wait_until(&notice("reload done"));
    assert_eq!(app.status().rollouts, 1);
}

#[test]
fn the_unevenness_of_late_is_not_that_since_the_start() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "2", "--policy", "rr"]);
    for _ in 0..20 {
        app.get("/whoami");
    }
    browser.look(1440, 900, "light");
    shown(&mut browser, &admin, 2);
    let shows = |cov: &str, note: &str| {
        format!(
            "document.querySelector('#cov').innerText === '{cov}' &&\
             document.querySelector('#cov-note').innerText.includes('{note}')"
        )
    };
    browser.wait_until(&shows("–", "no connection of late; since the start 0.000"));
    // One worker takes none, so that the other has all.
    let worker = app.worker(1);
    wait_until("an idle worker", || worker.waits_for_events());
    worker.signal(Signal::SIGSTOP);
    let _clients: Vec<Client> = (0..20).map(|_| Client::connect(app.port).unwrap()).collect();
    browser.wait_until(&shows("1.000", "since the start 0.4"));
    worker.signal(Signal::SIGCONT);
}

#[test]
fn the_page_fits_a_phone_and_a_desk_by_day_and_by_night() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "4", "--name", "shop"]);
    for _ in 0..200 {
        app.get("/whoami");
    }
    for (width, height) in [(360, 780), (1440, 900)] {
        let mut grounds = Vec::new();
        for scheme in ["light", "dark"] {
            browser.look(width, height, scheme);
            shown(&mut browser, &admin, 4);
            let over = "document.documentElement.scrollWidth - window.innerWidth";
            assert!(browser.evaluate(over).as_i64().unwrap() <= 0, "{width}: it is too wide");
            let cut = "[...document.querySelectorAll('button, td, .big, h1, h2')]\
                       .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)\
                       .map(e => e.innerText)";
            assert_eq!(browser.evaluate(cut), json!([]), "{width}: something is cut off");
            grounds.push(browser.evaluate("getComputedStyle(document.body).backgroundColor"));
            picture(&mut browser, &format!("{width}-{scheme}"));
        }
        assert_ne!(grounds[0], grounds[1], "night looks like day");
    }
    let host = url(&admin);
    let outside = |url: &&String| !url.starts_with(&host) && !url.starts_with("data:");
    assert_eq!(browser.requests.iter().find(outside), None, "it asks others");
    assert_eq!(browser.complaints, [] as [String; 0]);
}

#[test]
fn the_page_says_when_nobody_answers_and_goes_on_when_somebody_does() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let (app, admin) = Admin::demo(&["--workers", "1"]);
    browser.look(360, 780, "light");
    shown(&mut browser, &admin, 1);
    let process = admin_process(&app);
    process.signal(Signal::SIGSTOP);
    browser.wait_until("document.body?.dataset.state === 'stale'");
    assert_eq!(browser.evaluate("document.title"), json!("demo-app: no answer"));
    let chip = "document.querySelector('#doing.bad')?.innerText";
    assert_eq!(browser.evaluate(chip), json!("no answer"));
    browser.wait_until("getComputedStyle(document.querySelector('main')).opacity < 0.5");
    picture(&mut browser, "360-stale");
    process.signal(Signal::SIGKILL);
    browser.wait_until("document.body?.dataset.state === 'live'");
    app.done(Command::Scale { workers: Scale::To(2) });
    browser.wait_until("document.querySelectorAll('#workers tbody tr').length === 2");
}

#[test]
fn a_page_that_needs_a_token_asks_for_it_and_can_be_loaded_anew() {
    let Some(mut browser) = Browser::start(WHAT) else { return };
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "it-is-I-who-may-look\n").unwrap();
    let path = token.path().to_str().unwrap();
    let (_app, admin) = Admin::demo(&["--workers", "1", "--admin-token-file", path]);
    browser.open(&url(&admin));
    browser.wait_until("document.querySelector('#ask-token')?.hidden === false");
    assert_eq!(browser.evaluate("document.querySelectorAll('#workers tbody tr').length"), json!(0));
    browser.evaluate(
        "document.querySelector('#ask-token input').value = 'it-is-I-who-may-look', \
         document.querySelector('#ask-token').requestSubmit()",
    );
    browser.wait_until("document.querySelectorAll('#workers tbody tr').length === 1");
    // As F5 does.
    browser.open(&url(&admin));
    browser.wait_until("document.querySelectorAll('#workers tbody tr').length === 1");
    assert_eq!(browser.evaluate("document.querySelector('#ask-token').hidden"), json!(true));
}
