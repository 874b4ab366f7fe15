// What the buttons do, and what became of it.

// A reload whose answer was lost: since when, by the master's clock, and why.
let unanswered = null;

for (const button of document.querySelectorAll("button[data-command]")) {
  button.addEventListener("click", async () => {
    const { command, workers } = button.dataset;
    // A button that is disabled would lose the focus.
    if (button.ariaBusy === "true") return;
    button.ariaBusy = button.ariaDisabled = "true";
    let since = null;
    try {
      since = (await (await ask("api/state")).json()).now_ms;
      if (command === "reload") unanswered = null;
      const answer = await ask(`api/${command}`, workers ? { workers } : {});
      const reply = await replyOf(answer);
      say(`${command}: ${reply.text}`, !answer.ok || reply.ok === false);
    } catch (error) {
      if (command === "reload" && since !== null) unanswered = { since, why: error.message };
      else say(`${command}: ${error.message}`, true);
    } finally {
      button.ariaBusy = button.ariaDisabled = null;
    }
  });
}

// Who refuses says why in plain text.
async function replyOf(answer) {
  const text = (await answer.text()).trim();
  try {
    return JSON.parse(text);
  } catch {
    return { text: text || `${answer.status}` };
  }
}

// The admin process is replaced as well. The old one can answer for the grace period only, and a reload may
// last longer: then the state says how it goes on, and the events how it ended.
function followReload(state) {
  if (!unanswered) return;
  const isEnd = (event) => event.at_ms >= unanswered.since && /^reload-(done|failed)$/.test(event.kind);
  const end = (state.events ?? []).findLast(isEnd);
  if (!end && state.doing === "reloading") {
    say("reload: it goes on", false);
    return;
  }
  say(end ? end.text : `reload: ${unanswered.why}`, !end || end.kind === "reload-failed");
  unanswered = null;
}
