// How the server is asked, and with which token.

const ANSWER_WITHIN_MS = 5000;

const byId = (id) => document.getElementById(id);
// A token that came with the address stays with this tab, and is no longer shown.
let token = sessionStorage.getItem("token") ?? "";
const given = new URLSearchParams(location.search).get("token");
if (given) {
  keepToken(given);
  history.replaceState(null, "", location.pathname);
}

// There is no token, or it is not the one.
class NotAdmitted extends Error {}

function keepToken(value) {
  token = value;
  sessionStorage.setItem("token", value);
}

function headers() {
  const all = { "X-Evenkeel": "1" };
  if (token) all.Authorization = `Bearer ${token}`;
  return all;
}

async function ask(path, body) {
  const options = { headers: headers(), cache: "no-store", signal: AbortSignal.timeout(ANSWER_WITHIN_MS) };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
    // Answered when it is done, which takes as long as the slowest drain.
    delete options.signal;
  }
  const answer = await fetch(path, options);
  if (answer.status === 401) {
    askForToken();
    throw new NotAdmitted(token ? "this token is not the one" : "a token is needed");
  }
  if (!answer.ok && body === undefined) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer;
}

function askForToken() {
  if (!byId("ask-token").hidden) return;
  byId("ask-token").hidden = false;
  byId("token").focus();
}

// Whoever typed it is not left without a place.
function tokenFits() {
  const form = byId("ask-token");
  if (form.contains(document.activeElement)) byId("name").focus();
  form.hidden = true;
}

byId("ask-token").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(byId("token").value);
});
