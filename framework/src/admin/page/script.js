// The live page of one Evenkeel application. It asks for /api/state once a second, and shows it.

const ASK_EVERY_MS = 1000;
const ANSWER_WITHIN_MS = 5000;
const HISTORY = 120;
const NOTICE_FOR_MS = 8000;

const byId = (id) => document.getElementById(id);
// A token that came with the address stays with this tab, and is no longer shown.
let token = sessionStorage.getItem("token") ?? "";
const given = new URLSearchParams(location.search).get("token");
if (given) {
  keepToken(given);
  history.replaceState(null, "", location.pathname);
}
let before = null;
let noticeUntil = 0;
const rates = [];
const slowest = [];

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
    byId("ask-token").hidden = false;
    throw new Error(token ? "this token is not the one" : "a token is needed");
  }
  if (!answer.ok && body === undefined) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer;
}

async function turn() {
  if (!document.hidden) {
    try {
      const state = await (await ask("api/state")).json();
      byId("ask-token").hidden = true;
      show(state);
      document.body.dataset.state = "live";
      if (Date.now() > noticeUntil) byId("notice").hidden = true;
    } catch (error) {
      document.body.dataset.state = "stale";
      say(`No answer: ${error.message}. Trying again; what is shown is old.`, true, 0);
    }
  }
  setTimeout(turn, ASK_EVERY_MS);
}

function say(text, bad, holdsMs = NOTICE_FOR_MS) {
  const notice = byId("notice");
  notice.textContent = text;
  notice.classList.toggle("bad", bad);
  notice.hidden = false;
  noticeUntil = Date.now() + holdsMs;
}

function show(state) {
  const now = performance.now();
  const seconds = before ? (now - before.at) / 1000 : 0;
  const earlier = new Map((before?.state.workers ?? []).map((worker) => [worker.slot, worker]));
  const perSecond = (worker, field) => {
    const last = earlier.get(worker.slot);
    if (!last || seconds <= 0) return null;
    return Math.max(0, worker[field] - last[field]) / seconds;
  };
  const workers = state.workers.map((worker) => ({
    ...worker,
    rate: perSecond(worker, "requests"),
    cpu: earlier.get(worker.slot)?.pid === worker.pid ? perSecond(worker, "cpu_s") : null,
  }));
  before = { at: now, state };
  followReload(state);
  showHead(state);
  showTiles(state, workers);
  showWorkers(state, workers);
  showEvents(state.events ?? []);
  showPairs("queues", (state.queues ?? []).map(queueLine), "no listener");
  const causes = Object.entries(state.restarts ?? {}).filter(([, count]) => count > 0);
  showPairs("restarts", causes.map(([cause, count]) => [cause.replaceAll("_", " "), whole(count)]), "none");
}

function showHead(state) {
  const name = state.name || "Evenkeel";
  byId("name").textContent = name;
  document.title = `${name}: ${state.workers_ready}/${state.workers_wanted} ready`;
  chip(byId("doing"), state.doing, state.doing === "running" ? "good" : "warm");
  const where = state.addresses.join(", ");
  byId("subtitle").textContent = `${where} · ${state.policy} · up ${span(state.uptime_s)}`;
  byId("footer").textContent = `Evenkeel ${state.version} · master ${state.pid}`;
}

function showTiles(state, workers) {
  const sum = (field) => workers.reduce((total, worker) => total + (worker[field] ?? 0), 0);
  byId("ready").textContent = `${state.workers_ready} / ${state.workers_wanted}`;
  const others = workers.filter((worker) => worker.phase !== "ready" && worker.phase !== "vacant");
  byId("ready-note").textContent = others.map((worker) => `slot ${worker.slot} ${worker.phase}`).join(", ");
  if (workers.some((worker) => worker.rate !== null)) {
    remember(rates, sum("rate"));
    byId("rate").textContent = whole(Math.round(sum("rate")));
  }
  const p99 = Math.max(0, ...workers.map((worker) => worker.p99_us ?? 0));
  remember(slowest, p99);
  byId("p99").textContent = p99 ? time(p99) : "–";
  line(byId("rate-line"), rates);
  line(byId("p99-line"), slowest);
  byId("open").textContent = whole(sum("open"));
  const queued = (state.queues ?? []).reduce((total, queue) => total + queue.depth, 0);
  byId("queued").textContent = `${whole(queued)} waiting to be accepted`;
  showSkew(state.skew ?? {}, recentSkew(state));
}

function showWorkers(state, workers) {
  const body = byId("workers").tBodies[0];
  const { expected_low: low, expected_high: high } = state.skew ?? {};
  const widest = Math.max(0.05, high ?? 0, ...workers.map((worker) => worker.share ?? 0)) * 1.1;
  const known = low != null && high > 0;
  byId("band-note").textContent = known ? `chance: ${percent(low)} to ${percent(high)}` : "what chance gives";
  while (body.rows.length > workers.length) body.deleteRow(-1);
  workers.forEach((worker, at) => {
    const row = body.rows[at] ?? body.appendChild(emptyRow());
    row.dataset.slot = worker.slot;
    row.dataset.phase = worker.phase;
    const cells = row.cells;
    cells[0].textContent = worker.slot;
    chip(cells[1].firstChild, worker.phase, toneOf(worker.phase));
    showShare(cells[2].firstChild, worker, widest, known ? [low, high] : null);
    const texts = [
      whole(worker.open), worker.rate === null ? "–" : whole(Math.round(worker.rate)),
      worker.p50_us == null ? "–" : time(worker.p50_us), worker.p99_us == null ? "–" : time(worker.p99_us),
      worker.cpu === null ? "–" : `${Math.round(worker.cpu * 100)}%`,
      worker.memory_bytes ? bytes(worker.memory_bytes) : "–",
      worker.generation, span(worker.age_s), worker.pid || "–",
    ];
    texts.forEach((text, column) => { cells[column + 3].textContent = text; });
  });
}

function emptyRow() {
  const row = document.createElement("tr");
  const labels = ["Slot", "Phase", "Share", "Open", "Requests/s", "p50", "p99", "CPU", "Memory", "Generation", "Age", "Pid"];
  labels.forEach((label, column) => {
    const cell = row.insertCell();
    cell.dataset.label = label;
    if (column > 2) cell.className = "number";
  });
  row.cells[1].append(element("span", "chip"));
  row.cells[2].className = "wide";
  const share = element("div", "share");
  const track = element("div", "track");
  track.append(element("div", "fill"), element("div", "band"));
  share.append(track, element("span", "number"));
  row.cells[2].append(share);
  return row;
}

function showShare(share, worker, widest, expected) {
  const [track, label] = share.children;
  const [fill, band] = track.children;
  const part = worker.share ?? 0;
  fill.style.width = `${(part / widest) * 100}%`;
  fill.classList.toggle("off", worker.phase !== "ready");
  band.hidden = !expected;
  if (expected) {
    band.style.left = `${(expected[0] / widest) * 100}%`;
    band.style.width = `${((expected[1] - expected[0]) / widest) * 100}%`;
  }
  label.textContent = worker.share == null ? "–" : percent(part);
}

function showEvents(events) {
  const list = byId("events");
  const newest = [...events].sort((one, other) => other.at_ms - one.at_ms);
  list.replaceChildren(...newest.map((event) => {
    const item = document.createElement("li");
    const at = new Date(event.at_ms);
    const stamp = element("time", "");
    stamp.dateTime = at.toISOString();
    stamp.textContent = at.toLocaleTimeString(undefined, { hour12: false });
    const text = element("span", "");
    text.textContent = event.text;
    item.append(stamp, text);
    return item;
  }));
  if (!newest.length) list.append(Object.assign(element("li", "none"), { textContent: "none yet" }));
}

function queueLine(queue) {
  const slot = queue.slot == null ? "" : `, slot ${queue.slot}`;
  const limit = queue.limit ? ` of ${whole(queue.limit)}` : "";
  return [`${queue.address}${slot}`, `${whole(queue.depth)}${limit}`];
}

function showPairs(id, pairs, nothing) {
  const list = byId(id);
  list.replaceChildren(...pairs.flatMap(([name, value]) => {
    const [term, said] = [element("dt", ""), element("dd", "")];
    term.textContent = name;
    said.textContent = value;
    return [term, said];
  }));
  if (!pairs.length) list.append(Object.assign(element("p", "none"), { textContent: nothing }));
}

function element(name, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  return made;
}

function chip(target, text, tone) {
  target.textContent = text;
  target.className = `chip ${tone}`;
}

function toneOf(phase) {
  return { ready: "good", starting: "warm", draining: "warm", "backing-off": "bad" }[phase] ?? "";
}

function remember(history, value) {
  history.push(value);
  if (history.length > HISTORY) history.shift();
}

function line(svg, values) {
  const most = Math.max(1e-9, ...values);
  const step = 120 / (HISTORY - 1);
  const from = HISTORY - values.length;
  const points = values.map((value, at) => `${((from + at) * step).toFixed(1)} ${(27 - (value / most) * 25).toFixed(1)}`);
  let path = svg.querySelector("path");
  if (!path) path = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  path.setAttribute("d", points.length > 1 ? `M${points.join("L")}` : "");
}

byId("ask-token").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(byId("token").value);
});

turn();
