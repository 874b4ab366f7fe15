//! The admin process: metrics, health, the state as JSON, and a page that shows it.
//!
//! It is a worker's event loop with a listener and a handler of its own. All that it shows stands on the
//! scoreboard, in the kernel's lists or under `/proc`, so that it asks nobody and can crash without harm;
//! what it is told to change it tells the master, over a line that only the two of them have.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | a page that shows the state |
//! | `GET /metrics` | metrics in the text format of Prometheus, or in that of `OpenMetrics` if the client asks for it |
//! | `GET /livez` | 200 as long as the master lives |
//! | `GET /readyz` | 200 while a worker serves and no stop is announced or under way; else 503 and why |
//! | `GET /api/state` | the state, as JSON: see [`state`] |
//! | `POST /api/scale` | `{"workers":"+1"}`, `"-1"` or a number; `{"ok":true,"text":"..."}` when it is done |
//! | `POST /api/reload` | the same for a reload |
//!
//! Who may ask for what: see [`guard`].

mod exposition;
mod guard;
mod metrics;
mod orders;
mod process;
mod queues;
mod skew;
mod state;
mod view;

use std::sync::Arc;

use crate::birth::{Birth, code};
use crate::http::{BodyPlan, Handler, Request, Response};
use crate::worker;
use exposition::Format;
use guard::Guard;
use orders::Orders;
use view::View;

/// The page, with all that it needs: it loads nothing.
const PAGE: &str = concat!(
    include_str!("page/head.html"),
    "<style>\n",
    include_str!("page/style.css"),
    "</style>\n<script type=\"module\">\n",
    include_str!("page/words.js"),
    include_str!("page/ask.js"),
    include_str!("page/history.js"),
    include_str!("page/latency.js"),
    include_str!("page/events.js"),
    include_str!("page/skew.js"),
    include_str!("page/commands.js"),
    include_str!("page/script.js"),
    "</script>\n",
    include_str!("page/body.html"),
);

/// What the page may do: run what stands in it, and ask this server.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                           img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";

/// The admin process's life from its birth on; its exit code.
pub(crate) fn run(mut birth: Birth) -> i32 {
    let (Some(outfit), Some(admin)) = (birth.outfit.take(), birth.plan.admin.clone()) else {
        return code::FATAL;
    };
    let orders = Arc::new(Orders::new(outfit.lines));
    let view = View::new(&birth, outfit.master, outfit.shared);
    let workers_differ = birth.plan.guard.user.is_some();
    let desk = Desk { guard: Guard::new(admin, workers_differ), view, orders };
    worker::run(birth, |_| Ok::<_, worker::Failure>(desk))
}

/// Answers requests.
struct Desk {
    guard: Guard,
    view: View,
    orders: Arc<Orders>,
}

impl Handler for Desk {
    /// Whoever is refused is not waited for.
    fn body(&mut self, head: &Request<'_>) -> BodyPlan {
        if self.guard.admits(head).is_ok() { BodyPlan::Whole } else { BodyPlan::Unread }
    }

    fn answer(&mut self, request: &Request<'_>, response: &mut Response<'_>) {
        // A connection that is kept would be waited for when this process is to end.
        response.close();
        response.header("Cache-Control", "no-store").header("X-Content-Type-Options", "nosniff");
        // The token may stand in the address.
        response.header("Referrer-Policy", "no-referrer");
        if let Err(refusal) = self.guard.admits(request) {
            if refusal.status == 401 {
                response.header("WWW-Authenticate", "Bearer realm=\"evenkeel\"");
            }
            return say(response, refusal.status, refusal.text);
        }
        let allowed = match request.path() {
            "/api/scale" | "/api/reload" => "POST",
            "/" | "/metrics" | "/livez" | "/readyz" | "/api/state" => "GET, HEAD",
            _ => return say(response, 404, "no such page"),
        };
        if !allowed.split(", ").any(|method| method == request.method()) {
            response.header("Allow", allowed);
            return say(response, 405, "not with this method");
        }
        self.route(request, response);
    }
}

impl Desk {
    fn route(&self, request: &Request<'_>, response: &mut Response<'_>) {
        match request.path() {
            "/" => {
                response.header("Content-Type", "text/html; charset=utf-8");
                response.header("Content-Security-Policy", PAGE_POLICY).body(PAGE);
            }
            "/metrics" => {
                let format = Format::asked_for(request.header("accept").unwrap_or_default());
                response.header("Content-Type", format.content_type());
                response.body(metrics::write(&self.view, format));
            }
            "/livez" if self.view.master_lives() => say(response, 200, "ok"),
            "/livez" => say(response, 503, "the master is dead"),
            "/readyz" => match self.view.why_not_ready() {
                None => say(response, 200, "ok"),
                Some(why) => say(response, 503, why),
            },
            "/api/state" => match serde_json::to_vec(&state::State::of(&self.view)) {
                Ok(json) => {
                    response.header("Content-Type", "application/json").body(json);
                }
                Err(error) => say(response, 500, &error.to_string()),
            },
            path => match orders::read(path, request.body()) {
                Ok(command) => {
                    let orders = Arc::clone(&self.orders);
                    response.offload(move |response| orders.carry_out(command, response));
                }
                Err(why) => say(response, 400, &why),
            },
        }
    }
}

/// Answers with a line of text.
fn say(response: &mut Response<'_>, status: u16, text: &str) {
    response.status(status).header("Content-Type", "text/plain; charset=utf-8");
    response.body(format!("{text}\n"));
}
